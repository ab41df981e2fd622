//! What every router answers where a service has no route.

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use crate::problem::Problem;

/// Completes a service's router: unknown routes are 404, unknown methods 405 with `Allow`, and `OPTIONS` tells what is
/// allowed, all as problems. Call it last; it covers the routes that are there.
pub fn complete(router: Router) -> Router {
    router.fallback(unknown_route).method_not_allowed_fallback(unknown_method)
}

async fn unknown_route() -> Problem {
    Problem::of(StatusCode::NOT_FOUND).detail("there is no such route")
}

/// axum adds `Allow` to whatever this answers.
async fn unknown_method(method: Method) -> Response {
    if method == Method::OPTIONS {
        return StatusCode::NO_CONTENT.into_response();
    }
    Problem::of(StatusCode::METHOD_NOT_ALLOWED)
        .detail("the field Allow names the methods of this route")
        .into_response()
}
