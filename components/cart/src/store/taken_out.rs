//! What orders bought, taken out of carts once for each order.

use souk_database::contract::Transaction;
use souk_kit::context::Context;
use souk_kit::database::{Attempt, Failure, attempt_again, sql};

use super::change::{self, Change};
use super::{Written, occurred};
use crate::domain::OrderId;

/// Takes out what an order bought: changes its cart in this way, or nothing if there is nothing to take out, and remembers the order. An
/// order that is known already is done.
pub async fn take_out(context: &Context, order: &OrderId, change: Option<Change<'_>>) -> Result<Written<()>, Failure> {
    let remember = sql("INSERT INTO taken_out (order_id, taken_at) VALUES ($1, $2) ON CONFLICT (order_id) DO NOTHING")
        .bind(order.as_str())
        .bind(context.now().to_string());
    let mut steps = vec![remember.exactly(1)];
    let mut events = Vec::new();
    if let Some(change) = change {
        let (more, cart) = change::steps(context, change);
        steps.extend(more);
        events.push(occurred(context, "cart.bought", &cart, &[("order_id", order.as_str())]));
    }
    match attempt_again(context.database(), Transaction { steps, events }).await {
        Ok(Attempt::Committed(_) | Attempt::Unmet(0)) => Ok(Written::Done(())),
        Ok(Attempt::Unmet(_)) | Err(Failure::Stale) => Ok(Written::Overtaken),
        Err(failure) => Err(failure),
    }
}
