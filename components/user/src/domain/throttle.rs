//! How wrong passwords are counted, and how long none is looked at after too many.
//!
//! Two counters for each attempt: of the account, so that one password after another can't be tried, and of the address,
//! so that one password can't be tried on account after account. An account that does not exist is counted like one that
//! does. The waits are short for accounts, because anybody can make somebody else wait, and long for addresses.

use std::net::IpAddr;

use sha2::{Digest, Sha256};
use souk_kit::email::Email;
use souk_kit::text::hexadecimal;
use souk_kit::time::Timestamp;

/// Wrong passwords in a row before an account has to wait: 5. Somebody who mistypes, tries an old one, then the right one.
pub const ACCOUNT_FREE: u32 = 5;
/// Seconds that an account waits at most: 60. So nobody can lock its owner out for long, and a guesser still has only 1,440 a day.
pub const ACCOUNT_WAIT_S_MAX: u32 = 60;
/// Wrong passwords in a row before an address has to wait: 20. An office or a school has one address.
pub const ADDRESS_FREE: u32 = 20;
/// Seconds that an address waits at most: 900. Of one that tries many accounts nothing good comes.
pub const ADDRESS_WAIT_S_MAX: u32 = 900;
/// Seconds without a wrong password after which a counter is forgotten: 86,400, a day.
pub const FORGET_S: u32 = 86_400;
/// Forgotten counters that an attempt takes away: 20. It makes at most two, so none is left lying.
pub const SWEPT_MAX: usize = 20;
/// Bits of an IPv6 address that count: 64. The rest is a customer's own to choose (RFC 6177).
pub const IPV6_PREFIX_BITS: u32 = 64;

/// What is counted: an account or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    key: String,
    kind: Kind,
}

/// What a counter is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A right password begins its count anew.
    Account,
    /// A right password only takes its own attempt back: else whoever has an account could guess at others for ever.
    Address,
}

/// How the waits of a counter grow: none for so many failures, then 1, 2, 4, … seconds up to the most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waits {
    /// Failures without a wait.
    pub free: u32,
    /// Seconds at most.
    pub most_s: u32,
}

impl Counter {
    /// Of an account, whether there is one or not.
    pub fn of_account(email: &Email) -> Self {
        Self { key: digest("account", email.key()), kind: Kind::Account }
    }

    /// Of an address.
    pub fn of_address(address: IpAddr) -> Self {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("{:x}", address.to_bits() >> (128 - IPV6_PREFIX_BITS)),
        };
        Self { key: digest("address", &network), kind: Kind::Address }
    }

    /// What it is of.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How its waits grow.
    pub fn waits(&self) -> Waits {
        match self.kind {
            Kind::Account => Waits { free: ACCOUNT_FREE, most_s: ACCOUNT_WAIT_S_MAX },
            Kind::Address => Waits { free: ADDRESS_FREE, most_s: ADDRESS_WAIT_S_MAX },
        }
    }

    /// What it is kept under: a digest, so that the table tells nobody's e-mail.
    pub fn key(&self) -> &str {
        &self.key
    }
}

impl Waits {
    /// For each number of failures that has a wait of its own, how long that is, in order. More failures have the last.
    pub fn steps(self) -> impl Iterator<Item = (u32, u32)> {
        let doubled = (0..).map(move |step| 1_u32.checked_shl(step).unwrap_or(u32::MAX).min(self.most_s));
        let mut is_most = false;
        let until_most = doubled.take_while(move |wait_s| !std::mem::replace(&mut is_most, *wait_s == self.most_s));
        (self.free + 1..).zip(until_most)
    }
}

/// How an attempt was counted, so that it can be taken back.
#[derive(Clone, Debug)]
pub struct Counted {
    /// Where.
    pub counter: Counter,
    /// The wait that it began, and which ends with it.
    pub blocked_until: Timestamp,
}

fn digest(kind: &str, of: &str) -> String {
    hexadecimal(&Sha256::digest(format!("{kind}:{of}")))
}

#[cfg(test)]
mod tests {
    use super::{Counter, Waits};
    use souk_kit::email::Email;

    #[test]
    fn waits_double_up_to_the_most() {
        let steps = |free, most_s| Waits { free, most_s }.steps().collect::<Vec<_>>();
        assert_eq!(steps(5, 60), [(6, 1), (7, 2), (8, 4), (9, 8), (10, 16), (11, 32), (12, 60)]);
        assert_eq!(steps(20, 900).last(), Some(&(31, 900)));
        assert_eq!(steps(0, 1), [(1, 1)]);
    }

    #[test]
    fn an_address_is_counted_by_its_network() {
        let of = |text: &str| Counter::of_address(text.parse().expect("it is an address"));
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::9"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
    }

    #[test]
    fn a_key_tells_no_email_and_is_the_same_in_any_case() {
        let of = |text: &str| Counter::of_account(&Email::stored(text.to_owned()));
        assert_eq!(of("Mina@shop.example"), of("mina@SHOP.example"));
        assert!(!of("mina@shop.example").key().contains("mina"));
    }
}
