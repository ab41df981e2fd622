//! What people do with an order that was placed.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use souk_kit::caller::{Caller, private};
use souk_kit::json;
use souk_kit::problem::Problem;
use souk_kit::segment::Segment;

use super::read::sees;
use crate::answer::written;
use crate::domain::OrderId;
use crate::domain::order::{Form, Order};
use crate::orders::Orders;

/// The role of those who send goods, beside admins.
const MERCHANT: &str = "merchant";

/// One's own, before it is sent.
pub(super) async fn cancel(
    State(orders): State<Orders>,
    caller: Caller,
    Segment(id): Segment<OrderId>,
) -> Result<Response, Problem> {
    let order = orders.order(&id, |order| sees(&caller, order)).await?;
    let order = orders.cancel(order).await?;
    let status = if order.is_settled() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok(response(status, &order))
}

pub(super) async fn ship(
    State(orders): State<Orders>,
    caller: Caller,
    Segment(id): Segment<OrderId>,
) -> Result<Response, Problem> {
    demand_merchant(&caller)?;
    let order = orders.order(&id, |_| true).await?;
    Ok(response(StatusCode::OK, &orders.ship(order).await?))
}

pub(super) async fn deliver(
    State(orders): State<Orders>,
    caller: Caller,
    Segment(id): Segment<OrderId>,
) -> Result<Response, Problem> {
    demand_merchant(&caller)?;
    let order = orders.order(&id, |_| true).await?;
    Ok(response(StatusCode::OK, &orders.deliver(order).await?))
}

fn demand_merchant(caller: &Caller) -> Result<(), Problem> {
    if caller.is_admin() || caller.roles.iter().any(|role| role == MERCHANT) {
        return Ok(());
    }
    Err(Problem::of(StatusCode::FORBIDDEN).detail("this is for merchants and admins"))
}

fn response(status: StatusCode, order: &Order) -> Response {
    private(json::response(status, &written(order, Form::Order)))
}
