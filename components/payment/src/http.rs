//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::routing::{get, post};
use souk_kit::router::complete;

use crate::payments::Payments;

mod payment;

mod webhook;

mod caller;

mod refusal;

/// All routes of the service.
pub fn router(payments: Payments) -> Router {
    let routes = Router::new()
        .route("/api/v1/payments", get(payment::list))
        .route("/api/v1/payments/resolve", post(payment::resolve))
        .route("/api/v1/payments/ledger", get(payment::ledger))
        .route("/api/v1/payments/{id}", get(payment::read))
        .route("/api/v1/payments/{id}/refunds", post(payment::refund))
        .route("/api/v1/payments/webhooks/{provider}", post(webhook::receive));
    complete(routes.with_state(payments))
}
