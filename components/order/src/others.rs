//! What an order needs of the other services, in its own words: the functions of `souk:product`, `souk:customer`, `souk:cart` and
//! `souk:payment` that it calls.
//!
//! The component calls them over links; a process of its own may call them in any other way. Each call has a limit of time that
//! whoever carries it out sees to, and ends with [`NoAnswer`] rather than never. Each may be repeated: what has an effect has it once for
//! the id or the key that it is given.

use std::pin::Pin;

use crate::domain::{Address, Availability, CartDifference, Line, MethodToken, Money, OrderId};

/// An answer that is still coming.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, NoAnswer>> + Send + 'a>>;

/// Whether it had an effect is not known, or it had none because somebody could not be reached. The text is for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// The other services.
pub trait Others: Send + Sync {
    /// What an account wants to buy. None if it has no cart.
    fn cart<'a>(&'a self, account: &'a str) -> Answer<'a, Option<Cart>>;

    /// Takes what was bought out of the account's cart, once for each order.
    fn take_out<'a>(&'a self, account: &'a str, order: &'a OrderId, quantities: Vec<(String, i64)>) -> Answer<'a, ()>;

    /// Products that are on sale. One that is not is left out.
    fn products(&self, ids: Vec<String>) -> Answer<'_, Vec<Product>>;

    /// The id of an account's profile, if there is one.
    fn customer<'a>(&'a self, account: &'a str) -> Answer<'a, Option<String>>;

    /// One of the account's addresses, or without an id the default for deliveries.
    fn address<'a>(&'a self, account: &'a str, id: Option<String>) -> Answer<'a, Found>;

    /// Sets goods aside.
    fn reserve<'a>(&'a self, id: &'a str, quantities: Vec<(String, i64)>, seconds: u32) -> Answer<'a, Reserved>;

    /// Sells what is set aside.
    fn commit<'a>(&'a self, id: &'a str) -> Answer<'a, Committed>;

    /// Puts back what is set aside, or what was sold: whatever became of the reservation, nothing is left of it.
    fn release<'a>(&'a self, id: &'a str) -> Answer<'a, ()>;

    /// Has money held.
    fn authorize<'a>(&'a self, key: String, wanted: Authorization<'a>) -> Answer<'a, Authorized>;

    /// The payment of an order, if there is one, in whatever state: an order has one at most.
    fn find<'a>(&'a self, order: &'a OrderId) -> Answer<'a, Option<String>>;

    /// Takes all that is held.
    fn capture<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Captured>;

    /// Lets go of what is held.
    fn void<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Voided>;

    /// Gives back all that was taken.
    fn refund<'a>(&'a self, key: String, payment_id: &'a str) -> Answer<'a, Refunded>;
}

/// An account's cart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    /// The cart's id.
    pub id: String,
    /// Grows with each change.
    pub version: i64,
    /// What is in it, each with the currency of its price.
    pub lines: Vec<(Line, String)>,
    /// What the customer has to know first.
    pub differences: Vec<CartDifference>,
}

/// A product on sale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// For ever the same.
    pub id: String,
    /// The merchant's number.
    pub sku: String,
    /// What it is called.
    pub name: String,
    /// What one costs now.
    pub price: Money,
}

/// What came of looking for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// This one.
    Address(Address),
    /// None was named, and there is none.
    None,
    /// There is no such address.
    Unknown,
}

/// What came of setting goods aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// They are.
    Held,
    /// There is not enough of these.
    SoldOut(Vec<Availability>),
    /// These can't be bought.
    UnknownProduct(Vec<String>),
    /// The id was used, and its time is over: another one is needed.
    Gone,
}

/// What came of selling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Sold.
    Done,
    /// The reservation's time was over.
    Gone,
}

/// What is to be held, of whom.
#[derive(Clone, Copy, Debug)]
pub struct Authorization<'a> {
    /// For which order.
    pub order: &'a OrderId,
    /// Whose money.
    pub account: &'a str,
    /// How much.
    pub money: &'a Money,
    /// The way to pay.
    pub method: &'a MethodToken,
}

/// What came of an authorization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorized {
    /// The money is held, under this id.
    Held(String),
    /// The provider refused.
    Declined(String),
    /// It had no effect and will have none.
    Failed,
}

/// What came of taking money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Captured {
    /// It is here.
    Done,
    /// It could not be taken, and will not be.
    Failed,
}

/// What came of letting money go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voided {
    /// Nothing is held.
    Done,
    /// It had been taken.
    WasCaptured,
    /// The provider refused for good.
    Failed,
}

/// What came of giving money back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// It is back.
    Done,
    /// None was taken.
    WasNotCaptured,
    /// The provider refused for good.
    Failed,
}
