//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::routing::{get, post};
use souk_kit::context::Context;
use souk_kit::router::complete;

mod product;

mod stock;

mod category;

mod reservation;

mod refusal;

/// All routes of the service.
pub fn router(context: Context) -> Router {
    let product = get(product::read).put(product::put).patch(product::patch).delete(product::delete);
    let category = get(category::read).put(category::put).delete(category::delete);
    let reservation = get(reservation::read).put(reservation::put).delete(reservation::release);
    let routes = Router::new()
        .route("/api/v1/products", get(product::list).post(product::create))
        .route("/api/v1/products/{id}", product)
        .route("/api/v1/products/{id}/stock", get(stock::read).put(stock::set))
        .route("/api/v1/products/{id}/stock/adjustments", post(stock::adjust))
        .route("/api/v1/categories", get(category::list).post(category::create))
        .route("/api/v1/categories/{slug}", category)
        .route("/api/v1/reservations/{id}", reservation)
        .route("/api/v1/reservations/{id}/commit", post(reservation::commit))
        .route("/api/v1/reservations/{id}/return", post(reservation::take_back));
    complete(routes.with_state(context))
}
