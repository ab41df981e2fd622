//! What the text types of every domain have in common: how they are made, what an id is, and what one line is.
//!
//! Which types there are and how long each may be is for the domain of a service.

use std::fmt::Write as _;

/// Why a piece of input is not acceptable, for the person who sent it.
pub type Invalid = String;

/// Ids stand in URLs, in tokens (128 bytes) and in keys of events (128 bytes).
pub const ID_CHARS_MAX: usize = 64;

/// Defines a type of text that is made by one parser, and only read afterwards. The crate must have `serde`.
#[macro_export]
macro_rules! text {
    ($(#[$documentation:meta])* $name:ident, $parse:expr) => {
        $(#[$documentation])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Parses it; the error says what it must be.
            pub fn parse(text: String) -> Result<Self, $crate::text::Invalid> {
                let parse: fn(&str) -> Result<(), $crate::text::Invalid> = $parse;
                parse(&text).map(|()| Self(text))
            }

            /// Takes it as it was stored, for the store alone: it was parsed before, perhaps under other limits, and is
            /// not checked again.
            pub fn stored(text: String) -> Self {
                Self(text)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, taken out.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::text::Invalid;

            fn from_str(text: &str) -> Result<Self, $crate::text::Invalid> {
                Self::parse(text.to_owned())
            }
        }
    };
}

/// An id: services make UUIDs, and let callers choose ids of this form.
pub fn id(text: &str) -> Result<(), Invalid> {
    let is_good = (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if is_good { Ok(()) } else { Err(format!("must be 1 to {ID_CHARS_MAX} letters, digits and . _ -")) }
}

/// An issuer and a subject of 255 bytes each, which is what tokens can name, and the line between them.
pub const ACCOUNT_BYTES_MAX: usize = 511;

/// An account: the issuer whose word it is, `|`, and its subject, as the whole `sub` of a [`Caller`](crate::caller::Caller). Either may hold a `|`, so it is
/// never taken apart.
pub fn account(text: &str) -> Result<(), Invalid> {
    let (issuer, subject) = text.split_once('|').unwrap_or_default();
    if issuer.is_empty() || subject.is_empty() || text.contains(char::is_control) {
        return Err("must be an issuer, | and a subject, without control characters".to_owned());
    }
    if text.len() > ACCOUNT_BYTES_MAX {
        return Err(format!("must have at most {ACCOUNT_BYTES_MAX} bytes"));
    }
    Ok(())
}

/// An ISO 4217 code. Whether such a currency exists is not looked up: the list changes, and a shop knows its own.
pub fn currency(text: &str) -> Result<(), Invalid> {
    let is_good = text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_good { Ok(()) } else { Err("must be three upper-case letters, such as EUR".to_owned()) }
}

/// One line of text in any script, which is not empty.
pub fn line(text: &str, chars_max: usize) -> Result<(), Invalid> {
    if text.trim() != text {
        return Err("must not begin or end with white space".to_owned());
    }
    within(text, 1, chars_max)
}

/// Text of bounded length. Control characters are refused: none is meant, some engines can't store NUL, and terminals
/// obey others.
pub fn within(text: &str, chars_min: usize, chars_max: usize) -> Result<(), Invalid> {
    if text.contains(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    if (chars_min..=chars_max).contains(&text.chars().count()) {
        return Ok(());
    }
    Err(format!("must have {chars_min} to {chars_max} characters"))
}

/// Bytes as hexadecimal digits, two each.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes whatever is written");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{ACCOUNT_BYTES_MAX, account, currency, id, line};

    #[test]
    fn an_id_can_stand_in_a_url() {
        for good in ["a", "019aa0c8-0000-7000-8000-000000000001", "A.b_c-9", &"x".repeat(64)] {
            assert_eq!(id(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a/b", "é", "a\0", &"x".repeat(65)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_account_is_an_issuer_and_a_subject() {
        let longest = format!("https://id.example/|{}", "x".repeat(ACCOUNT_BYTES_MAX - 20));
        for good in ["https://id.example/|7", "souk:operator|operator", "a|b|c", "a||", "x|ü", &longest] {
            assert_eq!(account(good), Ok(()), "{good}");
        }
        for bad in ["", "|", "a", "a|", "|b", "a|b\n", "a|b\0", &format!("{longest}x")] {
            assert!(account(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_currency_is_three_capitals() {
        assert_eq!(currency("EUR"), Ok(()));
        for bad in ["", "eur", "EURO", "€", "EÜ"] {
            assert!(currency(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_line_has_some_characters_and_none_that_controls() {
        for good in ["Mina", "茶", &"ü".repeat(100)] {
            assert_eq!(line(good, 100), Ok(()), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\0b", "a\u{85}b", &"ü".repeat(101)] {
            assert!(line(bad, 100).is_err(), "{bad:?}");
        }
    }
}
