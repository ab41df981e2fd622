//! Passwords, as somebody gives them. They are never stored, answered or logged: their types have no form to do it with.
//!
//! New ones follow NIST SP 800-63B §3.1.1: length and a list of what everybody tries first, no rules about kinds of
//! characters, which make passwords worse. Left out on purpose: asking a service whether a password has leaked.

use std::fmt;

use souk_kit::email::Email;
use souk_kit::text::Invalid;

use super::Name;

/// What NIST asks for at least, with the throttle beside it.
pub const NEW_CHARS_MIN: usize = 8;
/// A sentence. In UTF-8 it is never more than [`BYTES_MAX`].
pub const NEW_CHARS_MAX: usize = 256;
/// What the host's `souk:identity/passwords` takes.
pub const BYTES_MAX: usize = 1_024;

/// The commonest passwords that are long enough to get past the length, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");

/// A password that somebody gives to be compared: also one that today's rules would not let in.
#[derive(Clone)]
pub struct Given(String);

impl Given {
    /// Takes whatever the host would.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        if text.len() > BYTES_MAX { Err(format!("must have at most {BYTES_MAX} bytes")) } else { Ok(Self(text)) }
    }

    /// The text, for the host alone.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// A password that somebody chooses.
#[derive(Clone)]
pub struct Chosen(String);

impl Chosen {
    /// Applies the rules that need to know nobody.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        // By bytes first: nobody should wait for a megabyte to be counted.
        if text.len() > BYTES_MAX || !(NEW_CHARS_MIN..=NEW_CHARS_MAX).contains(&text.chars().count()) {
            return Err(format!("must have {NEW_CHARS_MIN} to {NEW_CHARS_MAX} characters"));
        }
        let lower = text.to_lowercase();
        if COMMON.lines().any(|common| common == lower) {
            return Err("must not be one of the commonest passwords, which are tried first".to_owned());
        }
        Ok(Self(text))
    }

    /// Applies the rules that need to know whose it is.
    pub fn demand_fit(&self, email: &Email, name: &Name) -> Result<(), Invalid> {
        let lower = self.0.to_lowercase();
        let local = email.key().split('@').next();
        let is_known = lower == email.key() || Some(&*lower) == local || lower == name.as_str().to_lowercase();
        if is_known { Err("must not be the e-mail or the name of the account".to_owned()) } else { Ok(()) }
    }

    /// The text, for the host alone.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// What the host answers about a password, to be kept: a text in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(String);

impl Hash {
    /// Takes it from the host or the database.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for the host and the database alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Given(…)")
    }
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chosen(…)")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON, Chosen, Given, NEW_CHARS_MIN};
    use crate::domain::Name;
    use souk_kit::email::Email;

    #[test]
    fn a_new_password_is_long_and_not_common() {
        for good in ["correct horse", "ünïcödé!", "        ", &"🐎".repeat(256), "nul\0inside"] {
            assert!(Chosen::parse(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "1234567", &"x".repeat(257), &"x".repeat(1 << 20), "password", "PassWord", "12345678"] {
            assert!(Chosen::parse(bad.to_owned()).is_err(), "{bad:.20}");
        }
    }

    #[test]
    fn a_new_password_is_not_what_everybody_knows_about_its_owner() {
        let email = Email::stored("Mina.Harker@shop.example".to_owned());
        let name = Name::stored("Mina Harker".to_owned());
        for (text, is_fit) in [
            ("mina.harker@SHOP.example", false),
            ("MINA.harker", false),
            ("mina harker", false),
            ("mina harker 7", true),
        ] {
            let password = Chosen::parse(text.to_owned()).expect("it is long enough");
            assert_eq!(password.demand_fit(&email, &name).is_ok(), is_fit, "{text}");
        }
    }

    #[test]
    fn what_is_compared_may_be_anything_that_the_host_takes() {
        assert!(Given::parse(String::new()).is_ok() && Given::parse("x".repeat(1_024)).is_ok());
        assert!(Given::parse("x".repeat(1_025)).is_err());
    }

    #[test]
    fn the_list_has_only_what_the_length_lets_in_and_each_once() {
        let mut seen = std::collections::BTreeSet::new();
        for common in COMMON.lines() {
            assert!(common.chars().count() >= NEW_CHARS_MIN && common == common.to_lowercase(), "{common}");
            assert!(seen.insert(common), "{common}");
        }
        assert!(seen.len() >= 200);
    }

    #[test]
    fn no_password_has_a_form_for_a_log() {
        let shown = format!("{:?} {:?}", Given("secret".to_owned()), Chosen("secret".to_owned()));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
