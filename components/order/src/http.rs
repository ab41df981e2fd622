//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::routing::{get, post};
use souk_kit::router::complete;

use crate::orders::Orders;

mod place;

mod read;

mod change;

mod refusal;

/// All routes of the service.
pub fn router(orders: Orders) -> Router {
    let routes = Router::new()
        .route("/api/v1/orders", get(read::list).post(place::check_out))
        .route("/api/v1/orders/{id}", get(read::order))
        .route("/api/v1/orders/{id}/journal", get(read::journal))
        .route("/api/v1/orders/{id}/cancel", post(change::cancel))
        .route("/api/v1/orders/{id}/ship", post(change::ship))
        .route("/api/v1/orders/{id}/deliver", post(change::deliver))
        .route("/api/v1/transactions", get(read::transactions).post(place::buy))
        .route("/api/v1/transactions/{id}", get(read::transaction));
    complete(routes.with_state(orders))
}
