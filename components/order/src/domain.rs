//! What an order is made of, in types that cannot be wrong: whoever holds a [`Lines`] holds good ones.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their reasons. No database,
//! no HTTP, no clock. What an order goes through stands in [`order`], what is left to do for it in [`saga`].

use serde::{Deserialize, Serialize};
use souk_kit::database::Failure;
use souk_kit::text;
use souk_kit::text::Invalid;

use order::Order;

pub mod order;

pub mod saga;

mod course;

/// What the inventory reserves together.
pub const LINES_MAX: usize = 40;
/// What the inventory takes of one product.
pub const QUANTITY_MAX: i64 = 10_000;
/// What a payment can be: ten thousand million in a currency with cents.
pub const TOTAL_MAX: i64 = 1_000_000_000_000;
/// What the payment service takes: the tokens of large gateways have 30 bytes, some sign theirs.
pub const METHOD_TOKEN_BYTES_MAX: usize = 255;
/// Two UUIDs and a word, with room.
pub const KEY_BYTES_MAX: usize = 128;

text!(
    /// The id of an order. The service makes UUIDs; what it did not make names nothing.
    OrderId,
    text::id
);

text!(
    /// The id of a product or an address, as the services that keep them call it.
    ForeignId,
    text::id
);

text!(
    /// What the client chose to know a repetition by.
    Key,
    |text| printable(text, KEY_BYTES_MAX)
);

text!(
    /// What a provider gave the customer's browser for a card or the like.
    MethodToken,
    |text| printable(text, METHOD_TOKEN_BYTES_MAX)
);

fn printable(text: &str, bytes_max: usize) -> Result<(), Invalid> {
    if (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Ok(());
    }
    Err(format!("must be 1 to {bytes_max} printable ASCII characters"))
}

/// The digits and letters of Crockford's base 32, without those that are taken for others.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a number has: 50 bits. Drawn at random, one of a million orders meets another one's number once in
/// a billion draws, and then another is drawn.
const NUMBER_CHARS: usize = 10;

/// What people call an order: `7KQ4M-2XP9D`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Number(String);

impl Number {
    /// A number out of random bytes.
    pub fn draw(random: [u8; 32]) -> Self {
        let digits = random.iter().rev().take(NUMBER_CHARS).map(|byte| ALPHABET[usize::from(byte % 32)]);
        Self::written(&digits.collect::<Vec<_>>())
    }

    /// Reads what somebody wrote down: small letters, no hyphen, and what looks alike.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let read =
            text.bytes().filter(|byte| !matches!(byte, b'-' | b' ')).map(|byte| match byte.to_ascii_uppercase() {
                b'O' => b'0',
                b'I' | b'L' => b'1',
                other => other,
            });
        let digits: Vec<u8> = read.collect();
        if digits.len() == NUMBER_CHARS && digits.iter().all(|digit| ALPHABET.contains(digit)) {
            return Ok(Self::written(&digits));
        }
        Err(format!("must have {NUMBER_CHARS} letters and digits, such as 7KQ4M-2XP9D"))
    }

    /// Takes it as it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text, with its hyphen.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn written(digits: &[u8]) -> Self {
        let (one, other) = digits.split_at(NUMBER_CHARS / 2);
        Self(format!("{}-{}", String::from_utf8_lossy(one), String::from_utf8_lossy(other)))
    }
}

/// An amount in minor units of a currency (ISO 4217).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// 1999 with `EUR` is € 19.99.
    pub amount: i64,
    /// Three upper-case letters.
    pub currency: String,
}

/// What is bought of one product, as the customer has seen it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which product.
    pub product_id: String,
    /// The merchant's number for it then.
    pub sku: String,
    /// Its name then.
    pub name: String,
    /// How many.
    pub quantity: i64,
    /// What one costs, in minor units of the order's currency.
    pub unit_price: i64,
}

impl Line {
    /// What all of them cost.
    pub fn total(&self) -> i64 {
        self.unit_price * self.quantity
    }
}

/// What is bought together: one line for each product, one currency, a total within [`TOTAL_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    lines: Vec<Line>,
    currency: String,
}

/// Why lines can't be bought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsellable {
    /// Nothing, or too many products.
    Count,
    /// Prices in more than one currency.
    Currencies,
    /// More than can be paid at once.
    TooMuch,
}

impl Lines {
    /// Puts lines together. Each product stands there once, and each quantity is within [`QUANTITY_MAX`]: whoever asks has seen to it.
    pub fn of(lines: Vec<(Line, String)>) -> Result<Self, Unsellable> {
        if lines.is_empty() || lines.len() > LINES_MAX {
            return Err(Unsellable::Count);
        }
        let currency = lines[0].1.clone();
        if lines.iter().any(|(_, other)| *other != currency) {
            return Err(Unsellable::Currencies);
        }
        let lines: Vec<Line> = lines.into_iter().map(|(line, _)| line).collect();
        let total = lines.iter().try_fold(0_i64, |sum, line| {
            line.unit_price.checked_mul(line.quantity).and_then(|product| sum.checked_add(product))
        });
        match total {
            Some(total) if total <= TOTAL_MAX => Ok(Self { lines, currency }),
            _ => Err(Unsellable::TooMuch),
        }
    }

    /// Takes them as they were stored.
    pub(crate) fn stored(lines: Vec<Line>, currency: String) -> Self {
        Self { lines, currency }
    }

    /// One by one, in the order in which the customer put them.
    pub fn as_slice(&self) -> &[Line] {
        &self.lines
    }

    /// What all cost together.
    pub fn total(&self) -> Money {
        Money { amount: self.lines.iter().map(Line::total).sum(), currency: self.currency.clone() }
    }

    /// Each product with how many.
    pub fn quantities(&self) -> Vec<(String, i64)> {
        self.lines.iter().map(|line| (line.product_id.clone(), line.quantity)).collect()
    }
}

/// Where something is sent to, as it was when it was ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `souk:customer/types.postal-address`")]
pub struct Address {
    pub recipient: String,
    pub lines: Vec<String>,
    pub postal_code: Option<String>,
    pub city: String,
    pub region: Option<String>,
    pub country: String,
}

/// What there is of a product that falls short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Availability {
    /// Which product.
    pub product_id: String,
    /// What could be had, perhaps 0.
    pub available: u64,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is none, or it is another's.
    UnknownOrder,
    /// The key was used for something else.
    KeyReused,
    /// The first request under this key has no answer yet; the order that it made.
    UnderWay(OrderId),
    /// This cart, as it stands, was bought: by this order.
    AlreadyOrdered(OrderId),
    /// Nothing is in the cart.
    CartEmpty,
    /// The cart is not as the customer has seen it: what is different, as the cart tells it.
    CartChanged(Vec<CartDifference>),
    /// The cart has another version than the client has seen.
    CartVersion,
    /// It costs another amount than the client has seen: this one.
    OtherTotal(Money),
    /// No address was named, and the customer has none.
    NoAddress,
    /// The customer has no such address.
    UnknownAddress,
    /// Products that nobody can buy.
    UnknownProducts(Vec<String>),
    /// The lines can't be bought together.
    Unsellable(Unsellable),
    /// The customer is another one than who asks.
    NotYourCustomer,
    /// A way to pay has to be named.
    NoMethod,
    /// The order's state does not allow it.
    Illegal(Box<Order>),
    /// Another service can't be asked now.
    Unavailable(&'static str),
    /// The database could not do it.
    Failed(Failure),
}

/// How a product in a cart differs from what the customer has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CartDifference {
    /// It costs this now.
    Price {
        /// Which product.
        product_id: String,
        /// What one costs.
        price: Money,
    },
    /// Only so many are available.
    Shortage {
        /// Which product.
        product_id: String,
        /// How many.
        available: u64,
    },
    /// It is not for sale any more.
    Gone {
        /// Which product.
        product_id: String,
    },
}

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, Lines, Number, Unsellable};

    fn line(quantity: i64, unit_price: i64, currency: &str) -> (Line, String) {
        let text = String::new;
        (Line { product_id: text(), sku: text(), name: text(), quantity, unit_price }, currency.to_owned())
    }

    #[test]
    fn a_number_is_read_as_people_write_it() {
        let number = Number::draw([255; 32]);
        assert_eq!(number.as_str(), "ZZZZZ-ZZZZZ");
        for written in ["7kq4m-2xp9d", "7KQ4M2XP9D", " 7KQ4M-2XP9D"] {
            assert_eq!(Number::parse(written).as_ref().map(Number::as_str), Ok("7KQ4M-2XP9D"), "{written}");
        }
        assert_eq!(Number::parse("oil00-ooooo").as_ref().map(Number::as_str), Ok("01100-00000"));
        for bad in ["", "7KQ4M-2XP9", "7KQ4M-2XP9DD", "7KQ4M-2XP9U", "7KQ4M-2XP9é"] {
            assert!(Number::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_have_one_currency_and_a_total_that_can_be_paid() {
        assert_eq!(Lines::of(vec![]).err(), Some(Unsellable::Count));
        assert_eq!(Lines::of((0..41).map(|_| line(1, 1, "EUR")).collect()).err(), Some(Unsellable::Count));
        assert_eq!(Lines::of(vec![line(1, 1, "EUR"), line(1, 1, "USD")]).err(), Some(Unsellable::Currencies));
        assert_eq!(Lines::of(vec![line(10_000, 1_000_000_000_000, "EUR")]).err(), Some(Unsellable::TooMuch));
        assert_eq!(Lines::of(vec![line(i64::MAX, 2, "EUR")]).err(), Some(Unsellable::TooMuch));
        let lines = Lines::of(vec![line(2, 50, "EUR"), line(1, 1, "EUR")]).expect("it can be sold");
        assert_eq!(lines.total().amount, 101);
    }
}
