//! The life of an order, as people see it.
//!
//! ```text
//! pending ─► confirmed ─► paid ─► shipped ─► delivered
//!    │           │         │
//!    └─► rejected ◄────────┤   (what was paid can still turn out to be sold out: it is given back)
//!                          └─► cancelling ─► cancelled
//! ```
//!
//! What is to be done meanwhile is [`saga`](super::saga)'s. What people ask for is a function from order to order: what is not
//! written here is not legal.

use serde::{Deserialize, Serialize};
use souk_kit::time::Timestamp;

use super::saga::{Saga, Step};
use super::{Address, Availability, Lines, Number, OrderId, Refusal};

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// For ever the same.
    pub id: OrderId,
    /// What people call it.
    pub number: Number,
    /// Whose it is.
    pub account: String,
    /// The profile of whose it is, if there was one.
    pub customer_id: Option<String>,
    /// The cart that it came from.
    pub cart_id: Option<String>,
    /// How the client that placed it is answered.
    pub form: Form,
    /// What is bought.
    pub lines: Lines,
    /// Where it goes to.
    pub address: Option<Address>,
    /// Where it stands.
    pub status: Status,
    /// Why it is not going on, from the moment when that was decided.
    pub reason: Option<Reason>,
    /// Its payment, from the moment when there is one.
    pub payment_id: Option<String>,
    /// Whether the money is here.
    pub is_captured: bool,
    /// Which try at a reservation it is.
    pub reservation: u32,
    /// What is left to do.
    pub saga: Option<Saga>,
    /// Grows by one with each transaction.
    pub version: i64,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When the version last grew.
    pub updated_at: Timestamp,
}

/// In which of two forms the client that placed an order reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As the routes of orders do.
    Order,
    /// As the routes of transactions do.
    Transaction,
}

impl Form {
    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            "order" => Ok(Self::Order),
            "transaction" => Ok(Self::Transaction),
            _ => Err("must be order or transaction".to_owned()),
        }
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Transaction => "transaction",
        }
    }

    /// The path of an order.
    pub fn location(self, id: &str) -> String {
        match self {
            Self::Order => format!("/api/v1/orders/{id}"),
            Self::Transaction => format!("/api/v1/transactions/{id}"),
        }
    }
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is not known yet whether it can be had and paid.
    Pending,
    /// The goods are set aside and the money is held.
    Confirmed,
    /// Paid and sold.
    Paid,
    /// On its way.
    Shipped,
    /// There.
    Delivered,
    /// The money is on its way back.
    Cancelling,
    /// Money and goods are back.
    Cancelled,
    /// It came to nothing: nothing is held and nothing was taken, or all was given back.
    Rejected,
}

/// Why an order does not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// There is not enough of these.
    SoldOut {
        /// What there is.
        lines: Vec<Availability>,
    },
    /// These can't be bought.
    UnknownProduct {
        /// Which.
        product_ids: Vec<String>,
    },
    /// The provider refused.
    Declined {
        /// As in `souk:payment/types.decline-reason`.
        reason: String,
    },
    /// The money could not be taken.
    PaymentFailed,
    /// A service did not answer for too long.
    Unavailable,
    /// Somebody who may asked for it.
    Cancelled,
}

impl Status {
    /// All of them, in the order of a life.
    pub const ALL: [Self; 8] = [
        Self::Pending,
        Self::Confirmed,
        Self::Paid,
        Self::Shipped,
        Self::Delivered,
        Self::Cancelling,
        Self::Cancelled,
        Self::Rejected,
    ];

    /// Parses the word.
    pub fn parse(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|status| status.as_str() == text);
        named.ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }

    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Confirmed => "confirmed",
            Self::Paid => "paid",
            Self::Shipped => "shipped",
            Self::Delivered => "delivered",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Rejected => "rejected",
        }
    }
}

impl Order {
    /// Whether its payment or its reservation is still moving.
    pub fn is_settled(&self) -> bool {
        !matches!(self.status, Status::Pending | Status::Confirmed | Status::Cancelling)
    }

    /// Takes it back before it is sent. What is left to do for the cart is not done any more: it holds what was not bought.
    pub fn cancel(self, now: Timestamp) -> Result<Self, Refusal> {
        let step = if self.is_captured { Step::Refund } else { Step::Release };
        let (reason, saga) = (Some(Reason::Cancelled), Some(Saga::begin(step, now)));
        Ok(Self { reason, saga, ..self.pass(Status::Paid, Status::Cancelling)? })
    }

    /// Hands it over to whoever brings it.
    pub fn ship(self) -> Result<Self, Refusal> {
        self.pass(Status::Paid, Status::Shipped)
    }

    /// Says that it arrived.
    pub fn deliver(self) -> Result<Self, Refusal> {
        self.pass(Status::Shipped, Status::Delivered)
    }

    /// From one state alone to another: what is not asked for here is not legal, also of a state that is yet to come.
    fn pass(self, from: Status, to: Status) -> Result<Self, Refusal> {
        if self.status != from {
            return Err(Refusal::Illegal(Box::new(self)));
        }
        Ok(Self { status: to, ..self })
    }
}
