//! What others learn when an order has come to another place. Nothing personal: what was published can't be deleted.

use serde_json::{Value, json};
use souk_database::contract::Event;
use souk_kit::context::Context;
use souk_kit::event;

use crate::domain::Line;
use crate::domain::order::{Order, Status};

/// What is published when `before` has become `next`.
pub(super) fn of(context: &Context, before: &Order, next: &Order) -> Vec<Event> {
    if before.status == next.status {
        return Vec::new();
    }
    let named = match next.status {
        Status::Confirmed => Some("order.placed"),
        Status::Paid => Some("order.paid"),
        Status::Shipped => Some("order.shipped"),
        Status::Delivered => Some("order.delivered"),
        Status::Cancelled => Some("order.cancelled"),
        Status::Rejected => Some("order.rejected"),
        Status::Pending | Status::Cancelling => None,
    };
    named.map(|name| event::occurred(context, name, next.id.as_str(), &data(next))).into_iter().collect()
}

fn data(order: &Order) -> Value {
    let total = order.lines.total();
    let item = |line: &Line| {
        let Line { product_id, quantity, unit_price, .. } = line;
        json!({"product_id": product_id, "quantity": quantity, "unit_price": unit_price})
    };
    let items: Vec<Value> = order.lines.as_slice().iter().map(item).collect();
    let mut data = json!({
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "customer_id": order.customer_id,
        "payment_id": order.payment_id,
        "items": items,
        "total": total,
    });
    if let Some(reason) = &order.reason {
        data["reason"] = json!(reason);
    }
    data
}
