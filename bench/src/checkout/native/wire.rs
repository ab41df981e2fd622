//! What the native services say to each other: the paths of the functions, and those of their results that are no plain values.

use serde::{Deserialize, Serialize};

pub(super) const OFFERS: &str = "/internal/offers";
pub(super) const GET_MANY: &str = "/internal/get-many";
pub(super) const RESERVE: &str = "/internal/reserve";
pub(super) const COMMIT: &str = "/internal/commit";
pub(super) const RELEASE: &str = "/internal/release";
pub(super) const TAKE_BACK: &str = "/internal/take-back";

pub(super) const OF_ACCOUNT: &str = "/internal/of-account";
pub(super) const ADDRESS: &str = "/internal/address";
pub(super) const TAKE_OUT: &str = "/internal/take-out";

pub(super) const AUTHORIZE: &str = "/internal/authorize";
pub(super) const CAPTURE: &str = "/internal/capture";
pub(super) const VOID: &str = "/internal/void";
pub(super) const REFUND: &str = "/internal/refund";
pub(super) const FIND: &str = "/internal/find";

/// A product that is for sale.
#[derive(Serialize, Deserialize)]
pub(super) struct Offer {
    pub(super) product_id: String,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) image_url: Option<String>,
    pub(super) price: i64,
    pub(super) currency: String,
    /// Not said where nobody asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) available: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Reserved {
    Held,
    SoldOut(Vec<(String, u64)>),
    UnknownProduct(Vec<String>),
    /// The id was used, and can't be any more.
    Gone,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Settled {
    Done,
    /// There is none, or its time was over, or it was given or taken back.
    Gone,
    /// It was sold, and so can't be given back.
    Committed,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Found {
    Address(order::domain::Address),
    NoAddress,
    UnknownAddress,
    UnknownCustomer,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Cart {
    pub(super) id: String,
    pub(super) version: i64,
    pub(super) items: Vec<Item>,
    pub(super) differences: Vec<(String, Change)>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Item {
    pub(super) product_id: String,
    pub(super) sku: String,
    pub(super) name: String,
    pub(super) quantity: u32,
    pub(super) price: i64,
    pub(super) currency: String,
}

#[derive(Serialize, Deserialize)]
pub(super) enum Change {
    Price { amount: i64, currency: String },
    Shortage(u64),
    Gone,
}

/// How an operation on a payment ended: the payment's id if it took effect, words otherwise.
#[derive(Serialize, Deserialize)]
pub(super) enum Outcome {
    Done(String),
    Declined(String),
    Refused(String),
    Failed,
}
