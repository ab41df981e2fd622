//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post, put};
use souk_kit::caller::private;
use souk_kit::router::complete;

use crate::carts::Carts;

mod whose;

mod cart;

mod shown;

mod refusal;

/// All routes of the service. Every answer is for one person, refusals too: a cache may keep a 404 otherwise.
pub fn router(carts: Carts) -> Router {
    let routes = Router::new()
        .route("/api/v1/cart", get(cart::read).delete(cart::empty))
        .route("/api/v1/cart/items", post(cart::add))
        .route("/api/v1/cart/items/{product_id}", put(cart::set).delete(cart::remove))
        .route("/api/v1/cart/accept", post(cart::accept))
        .route("/api/v1/cart/merge", post(cart::merge))
        .layer(map_response(async |response: Response| private(response)));
    complete(routes.with_state(carts))
}
