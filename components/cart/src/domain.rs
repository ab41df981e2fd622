//! What a cart is made of, in types that cannot be wrong: whoever holds a [`Quantity`] holds a good one.
//!
//! Everything that comes from outside is parsed here and checked nowhere else; the constants are the limits, with their
//! reasons. No database, no HTTP, no clock. What an offer, the items of a cart with their rules, the differences and a guest's token are
//! stands in a file each.

use serde::{Deserialize, Serialize};
use souk_kit::database::Failure;
use souk_kit::text;
use souk_kit::text::Invalid;

use token::TokenHash;

pub mod offer;

pub mod items;

pub mod difference;

pub mod token;

/// Different products in a cart: 40. What `souk:product/inventory` sets aside at once, so that each cart can be bought, and below the
/// 100 that it and the catalog tell about in one call.
pub const PRODUCTS_MAX: usize = 40;
/// Of one product: 999. What a field of three digits takes; whoever wants more asks for an offer.
pub const QUANTITY_MAX: u32 = 999;
/// Minor units that a cart costs, and one of a product: what `wit/product` says of an amount of money.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000;
/// Days that a guest's cart lives after its last change: a week. It is bound to one browser, and most that come back do so sooner.
pub const GUEST_DAYS: u32 = 7;
/// Days that an account's cart lives after its last change: a season.
pub const ACCOUNT_DAYS: u32 = 90;
/// The most that the operator can set for either: a year. A price that was seen before that says nothing.
pub const DAYS_MAX: u32 = 365;

/// Days that a merged guest's cart and an order that was taken out are remembered, so that a repetition is known: 90. Whoever
/// repeats does so within hours, or after an outage that nobody has had.
pub const REMEMBERED_DAYS: u32 = 90;
/// Seconds of a day.
pub const DAY_S: u32 = 86_400;

text!(
    /// The id of a cart. The service makes UUIDs.
    CartId,
    text::id
);

text!(
    /// The id of a product, which the product service gives.
    ProductId,
    text::id
);

text!(
    /// The id of an order, which its service gives.
    OrderId,
    text::id
);

text!(
    /// Whose a cart is: the issuer whose word it is, `|`, and its subject. Either may hold a `|`, so it is never taken apart.
    Account,
    text::account
);

text!(
    /// An ISO 4217 code. Whether such a currency exists is not looked up: a shop knows its own.
    Currency,
    text::currency
);

/// Whose cart it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Somebody's who signed in.
    Account(Account),
    /// A guest's, who holds the token.
    Guest(TokenHash),
}

/// How many of one product, 1 to [`QUANTITY_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantity(u32);

impl Quantity {
    /// Checks the number.
    pub fn parse(quantity: i64) -> Result<Self, Invalid> {
        match u32::try_from(quantity) {
            Ok(number) if (1..=QUANTITY_MAX).contains(&number) => Ok(Self(number)),
            _ => Err(format!("must be from 1 to {QUANTITY_MAX}")),
        }
    }

    /// As much of the number as a cart holds; nothing for none.
    pub fn up_to(number: u64) -> Option<Self> {
        let number = u32::try_from(number).unwrap_or(QUANTITY_MAX).min(QUANTITY_MAX);
        (number > 0).then_some(Self(number))
    }

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// An amount of money, not negative and at most [`AMOUNT_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Money {
    amount: i64,
    currency: Currency,
}

impl Money {
    /// Checks the amount.
    pub fn parse(amount: i64, currency: Currency) -> Result<Self, Invalid> {
        if (0..=AMOUNT_MAX).contains(&amount) {
            return Ok(Self { amount, currency });
        }
        Err(format!("must be from 0 to {AMOUNT_MAX}"))
    }

    /// In minor units.
    pub fn amount(&self) -> i64 {
        self.amount
    }

    /// Of which currency.
    pub fn currency(&self) -> &Currency {
        &self.currency
    }

    /// So many of it, which is within 64 bits, and within the limit if the cart is.
    #[must_use]
    pub fn times(&self, quantity: Quantity) -> Self {
        Self { amount: self.amount * i64::from(quantity.0), currency: self.currency.clone() }
    }
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No cart has this token, or its time was over.
    UnknownCart,
    /// The account has no cart, or its time was over.
    NoCart,
    /// The cart does not hold this product.
    UnknownItem,
    /// No such product is for sale.
    UnknownProduct,
    /// The product costs another currency than what is in the cart, which is this.
    OtherCurrency(Currency),
    /// There is not enough of the product.
    SoldOut {
        /// What there is, perhaps 0.
        available: u64,
    },
    /// The cart holds [`PRODUCTS_MAX`] others.
    TooManyProducts,
    /// There would be more than [`QUANTITY_MAX`] of the product.
    TooManyOfProduct,
    /// The cart would cost more than [`AMOUNT_MAX`].
    TotalTooLarge,
    /// It was changed since the client saw it.
    Stale,
    /// An argument that another service gave.
    Invalid(Invalid),
    /// The products can't be asked about now.
    ProductsUnavailable(String),
    /// The products were answered in a way that is not theirs.
    ProductsMisanswered(String),
    /// The database could not do it.
    Failed(Failure),
}

impl<F: Into<Failure>> From<F> for Refusal {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::{QUANTITY_MAX, Quantity};

    #[test]
    fn a_quantity_is_never_none_and_never_too_many() {
        for good in [1, QUANTITY_MAX.into()] {
            assert!(Quantity::parse(good).is_ok(), "{good}");
        }
        for bad in [0, -1, i64::from(QUANTITY_MAX) + 1, i64::MAX, i64::MIN, 1 << 32 | 1] {
            assert!(Quantity::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Quantity::up_to(0), None);
        assert_eq!(Quantity::up_to(u64::MAX).map(Quantity::number), Some(QUANTITY_MAX));
    }
}
