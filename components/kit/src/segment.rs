//! The variable segment of a path, such as the id in `/api/v1/products/{id}`.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::StatusCode;
use http::request::Parts;

use crate::problem::Problem;

/// The last variable segment of the route, parsed. A segment that can't be one of its kind names nothing: 404 and not
/// 400, as for any other id that does not exist.
pub struct Segment<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
        parameters
            .as_ref()
            .and_then(|parameters| parameters.iter().last())
            .and_then(|(_, text)| text.parse().ok())
            .map(Self)
            .ok_or_else(|| Problem::of(StatusCode::NOT_FOUND))
    }
}
