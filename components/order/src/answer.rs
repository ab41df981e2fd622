//! What a client is told about an order, as text: the answers that are kept under a key have to be the same to the byte whenever they are given.

use serde::Serialize;
use serde_json::json;

use crate::domain::order::{Form, Order, Reason, Status};
use crate::domain::{Line, Money, OrderId};

/// The answer to a request, to the byte, now and whenever it is repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The order that it is about.
    pub order_id: OrderId,
    /// Of HTTP.
    pub status: u16,
    /// JSON.
    pub body: String,
}

/// The answer to whoever placed an order that stands so: status and body.
pub fn of(order: &Order) -> (u16, String) {
    match (order.status, &order.reason) {
        (Status::Rejected, Some(reason)) => refusal(order, reason),
        (Status::Pending | Status::Confirmed, _) => (202, text(&written(order, order.form))),
        (
            Status::Paid
            | Status::Shipped
            | Status::Delivered
            | Status::Cancelling
            | Status::Cancelled
            | Status::Rejected,
            _,
        ) => (201, text(&written(order, order.form))),
    }
}

/// An order in one of its forms.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Written<'a> {
    /// As the routes of orders do.
    Order(Box<AsOrder<'a>>),
    /// As the routes of transactions do.
    Transaction(Box<AsTransaction<'a>>),
}

/// Writes an order in one of its forms.
pub fn written(order: &Order, form: Form) -> Written<'_> {
    match form {
        Form::Order => Written::Order(Box::new(AsOrder::of(order))),
        Form::Transaction => Written::Transaction(Box::new(AsTransaction::of(order))),
    }
}

fn text(written: &Written<'_>) -> String {
    serde_json::to_string(written).expect("a service's own records serialise")
}

/// A problem (RFC 9457) that names the order, which says more.
fn refusal(order: &Order, reason: &Reason) -> (u16, String) {
    let (status, name, title) = match reason {
        Reason::SoldOut { .. } => (409, "sold-out", "There is not enough in stock"),
        Reason::UnknownProduct { .. } => (422, "unknown-product", "A product does not exist or is not on sale"),
        Reason::Declined { .. } => (402, "payment-declined", "The payment was declined"),
        Reason::PaymentFailed => (502, "payment-failed", "The payment could not be made"),
        Reason::Unavailable | Reason::Cancelled => (503, "order-given-up", "A service did not answer for too long"),
    };
    let mut problem = json!({
        "type": format!("urn:souk:problem:{name}"),
        "title": title,
        "status": status,
        "order_id": order.id,
        "detail": "nothing was bought; try again under a new key",
    });
    match reason_for_customer(reason) {
        Reason::SoldOut { lines } => problem["lines"] = json!(lines),
        Reason::UnknownProduct { product_ids } => problem["product_ids"] = json!(product_ids),
        Reason::Declined { reason } => problem["reason"] = json!(reason),
        Reason::PaymentFailed | Reason::Unavailable | Reason::Cancelled => {}
    }
    (status, problem.to_string())
}

/// Who pays with somebody else's money does not learn that it was noticed.
fn reason_for_customer(reason: &Reason) -> Reason {
    match reason {
        Reason::Declined { reason } if reason == "suspected-fraud" => {
            Reason::Declined { reason: "declined".to_owned() }
        }
        other => other.clone(),
    }
}

/// The members of an order, in the order in which they are written.
#[derive(Serialize)]
pub struct AsOrder<'a> {
    id: &'a str,
    number: &'a str,
    status: Status,
    reason: Option<Reason>,
    account: &'a str,
    customer_id: Option<&'a str>,
    items: Vec<Item<'a>>,
    total: Money,
    address: Option<&'a crate::domain::Address>,
    payment_id: Option<&'a str>,
    version: i64,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct Item<'a> {
    product_id: &'a str,
    sku: &'a str,
    name: &'a str,
    quantity: i64,
    unit_price: Money,
    total: Money,
}

impl<'a> AsOrder<'a> {
    fn of(order: &'a Order) -> Self {
        let total = order.lines.total();
        let item = |line: &'a Line| Item {
            product_id: &line.product_id,
            sku: &line.sku,
            name: &line.name,
            quantity: line.quantity,
            unit_price: Money { amount: line.unit_price, currency: total.currency.clone() },
            total: Money { amount: line.total(), currency: total.currency.clone() },
        };
        Self {
            id: order.id.as_str(),
            number: order.number.as_str(),
            status: order.status,
            reason: order.reason.as_ref().map(reason_for_customer),
            account: &order.account,
            customer_id: order.customer_id.as_deref(),
            items: order.lines.as_slice().iter().map(item).collect(),
            total: total.clone(),
            address: order.address.as_ref(),
            payment_id: order.payment_id.as_deref(),
            version: order.version,
            created_at: order.created_at.to_string(),
            updated_at: order.updated_at.to_string(),
        }
    }
}

/// The members of an order as a transaction.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AsTransaction<'a> {
    id: &'a str,
    number: &'a str,
    customer_id: Option<&'a str>,
    status: Status,
    items: Vec<TransactionItem<'a>>,
    total_amount: i64,
    currency: String,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransactionItem<'a> {
    product_id: &'a str,
    name: &'a str,
    quantity: i64,
    unit_price: i64,
    total: i64,
}

impl<'a> AsTransaction<'a> {
    fn of(order: &'a Order) -> Self {
        let total = order.lines.total();
        let item = |line: &'a Line| TransactionItem {
            product_id: &line.product_id,
            name: &line.name,
            quantity: line.quantity,
            unit_price: line.unit_price,
            total: line.total(),
        };
        Self {
            id: order.id.as_str(),
            number: order.number.as_str(),
            customer_id: order.customer_id.as_deref(),
            status: order.status,
            items: order.lines.as_slice().iter().map(item).collect(),
            total_amount: total.amount,
            currency: total.currency,
            created_at: order.created_at.to_string(),
            updated_at: order.updated_at.to_string(),
        }
    }
}
