//! E-mail addresses: what every service takes for one.
//!
//! Left out on purpose: whether mail arrives, and what providers make of dots and plus signs.

use serde::{Serialize, Serializer};

use crate::text::Invalid;

/// What SMTP can deliver to (RFC 5321 §4.5.3.1.3, without the brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// A label of a domain (RFC 1035 §2.3.4).
pub const LABEL_BYTES_MAX: usize = 63;

/// An address to which mail may be sent. Kept as it was written; two that differ in upper and lower case are one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    written: String,
    key: String,
}

impl Email {
    /// Parses it. Whether mail arrives is only known by sending some, so this asks for no more than what no address lacks.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        if text.len() > EMAIL_BYTES_MAX {
            return Err(format!("must have at most {EMAIL_BYTES_MAX} bytes"));
        }
        let (local, domain) = text.split_once('@').unwrap_or_default();
        let is_good = !local.is_empty()
            && !local.contains(|character: char| character.is_whitespace() || character.is_control())
            && domain.contains('.')
            && domain.split('.').all(is_label);
        if is_good {
            Ok(Self::stored(text))
        } else {
            Err("must be an e-mail address, such as mina@shop.example".into())
        }
    }

    /// Takes it as it was stored.
    pub fn stored(written: String) -> Self {
        let key = written.to_lowercase();
        Self { written, key }
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// What it is compared by.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Serialize for Email {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
}

/// Letters of any script: addresses with them are in use (RFC 6531).
fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|character| character.is_alphanumeric() || character == '-')
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn an_email_has_one_at_sign_and_a_domain_with_labels() {
        for good in ["a@b.example", "Mina.O'Neil+shop@Sub.Shop.Example", "ü@bücher.example", "a@1.2"] {
            assert!(Email::parse(good.to_owned()).is_ok(), "{good}");
        }
        let label = "x".repeat(64);
        let (long_label, long) = (format!("a@{label}.example"), format!("{}@b.example", "a".repeat(245)));
        for bad in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "a@@b.example",
            "a@b@c.example",
            "a b@c.example",
            "a@b .example",
            " a@b.example",
            "a@b.example ",
            "a\0@b.example",
            "a\n@b.example",
            "a@.example",
            "a@b..example",
            "a@b.example.",
            "a@-b.example",
            "a@b-.example",
            "a@b_c.example",
            "a\u{a0}b@c.example",
            &long_label,
            &long,
        ] {
            assert!(Email::parse(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_email_is_kept_as_written_and_compared_in_lower_case() {
        let email = Email::parse("Mina@Shop.Example".to_owned()).expect("it is good");
        assert_eq!((email.as_str(), email.key()), ("Mina@Shop.Example", "mina@shop.example"));
    }
}
