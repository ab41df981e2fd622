//! What a payment is made of, in types that cannot be wrong: whoever holds an [`Amount`] holds a good one.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their reasons. No database, no
//! HTTP, no clock. The life of a payment, the operations on it, the ledger and the signatures of webhooks stand in a file each.

use std::num::NonZeroI64;

use serde::Serialize;
use souk_kit::database::Failure;
use souk_kit::text;
pub use souk_kit::text::Invalid;
use souk_kit::text::id;

pub mod payment;

pub mod operation;

pub mod ledger;

pub mod webhook;

/// Ten thousand million in a currency with cents, as a price. A million of them still sum up in 64 bits.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Whom tokens can name.
pub const CUSTOMER_BYTES_MAX: usize = text::ACCOUNT_BYTES_MAX;
/// Those of large gateways have 30; some sign theirs.
pub const METHOD_TOKEN_BYTES_MAX: usize = 255;
/// Two UUIDs and a word, with room. Gateways take up to 255 bytes, of which the kind of the operation needs some.
pub const KEY_BYTES_MAX: usize = 128;

text!(
    /// The id of a payment. The service makes UUIDs; what it did not make names nothing.
    PaymentId,
    id
);

text!(
    /// The order that a payment is for, as the service that sells calls it.
    OrderId,
    id
);

text!(
    /// Whose money it is: what the gateway calls them.
    Customer,
    |text| {
        let is_good = (1..=CUSTOMER_BYTES_MAX).contains(&text.len()) && !text.contains(char::is_control);
        if is_good { Ok(()) } else { Err(format!("must be 1 to {CUSTOMER_BYTES_MAX} bytes without control characters")) }
    }
);

text!(
    /// What the caller chose to know a repetition by.
    Key,
    |text| printable(text, KEY_BYTES_MAX)
);

text!(
    /// An ISO 4217 code. Whether such a currency exists is not looked up: the list changes, and a provider knows its own.
    Currency,
    text::currency
);

/// What the provider gave the customer's browser for a card or the like. It is passed on, and neither kept nor shown.
#[derive(Clone, PartialEq, Eq)]
pub struct MethodToken(String);

impl MethodToken {
    /// Parses it.
    pub fn parse(text: String) -> Result<Self, Invalid> {
        printable(&text, METHOD_TOKEN_BYTES_MAX).map(|()| Self(text))
    }

    /// The text, for the provider.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for MethodToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MethodToken")
    }
}

/// An amount of money that can move: above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Amount(NonZeroI64);

impl Amount {
    /// Parses it, in minor units.
    pub fn parse(units: i64) -> Result<Self, Invalid> {
        let amount = NonZeroI64::new(units).filter(|units| (1..=AMOUNT_MAX).contains(&units.get()));
        amount.map(Self).ok_or_else(|| format!("must be from 1 to {AMOUNT_MAX}"))
    }

    /// In minor units.
    pub fn units(self) -> i64 {
        self.0.get()
    }

    /// Both together, if that is not above `most`.
    pub fn plus(self, more: Self, most: Self) -> Option<Self> {
        // Each is at most `AMOUNT_MAX`: the sum does not overflow.
        Self::parse(self.units() + more.units()).ok().filter(|sum| *sum <= most)
    }

    /// What is left of it, if anything is.
    pub fn minus(self, less: Self) -> Option<Self> {
        Self::parse(self.units() - less.units()).ok()
    }
}

/// An amount of a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    /// In minor units.
    pub amount: Amount,
    /// Of which currency.
    pub currency: Currency,
}

/// Why an operation has no outcome yet, or a question no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such payment.
    UnknownPayment,
    /// The key was used for other arguments.
    KeyReused,
    /// Somebody is at this operation, or at another one on the payment.
    InProgress,
    /// The provider did not say whether it took effect.
    Unknown(PaymentId),
    /// The provider was not reached; nothing happened.
    ProviderUnavailable,
    /// The database.
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Refusal {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

fn printable(text: &str, bytes_max: usize) -> Result<(), Invalid> {
    let is_good = (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if is_good { Ok(()) } else { Err(format!("must be 1 to {bytes_max} printable ASCII characters")) }
}

#[cfg(test)]
mod tests {
    use super::{AMOUNT_MAX, Amount, Currency, Key, MethodToken};

    #[test]
    fn an_amount_is_above_zero_and_bounded() {
        for units in [1, 1999, AMOUNT_MAX] {
            assert_eq!(Amount::parse(units).map(Amount::units), Ok(units));
        }
        for units in [0, -1, AMOUNT_MAX + 1, i64::MIN, i64::MAX] {
            assert!(Amount::parse(units).is_err(), "{units}");
        }
    }

    #[test]
    fn a_key_is_printable() {
        for good in ["a", "order 7: capture", &"x".repeat(128)] {
            assert!(Key::parse(good.to_owned()).is_ok(), "{good}");
        }
        for bad in ["", "a\n", "é", &"x".repeat(129)] {
            assert!(Key::parse(bad.to_owned()).is_err(), "{bad}");
        }
        assert!(Currency::parse("eur".to_owned()).is_err());
    }

    #[test]
    fn a_method_token_is_in_no_debug_text() {
        let token = MethodToken::parse("tok_visa".to_owned()).expect("it is printable");
        assert!(!format!("{token:?}").contains("tok_visa"));
    }
}
