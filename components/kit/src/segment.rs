//! The variable segment of a path, such as the id in `/api/v1/products/{id}`: read from a request, and written into one.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::StatusCode;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::problem::Problem;

/// The last variable segment of the route, parsed. A segment that can't be one of its kind names nothing: 404 and not
/// 400, as for any other id that does not exist.
pub struct Segment<T>(pub T);

/// RFC 3986 §2.3: all but these are written as `%` and digits, and so mean themselves in any path.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as one segment of a path. A segment of one dot or two is none, wherever it is written.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

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

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_text_stays_one_segment() {
        for (text, segment) in [
            ("a-Z_0.9~", "a-Z_0.9~"),
            ("refund@http:a/b?c#d", "refund%40http%3Aa%2Fb%3Fc%23d"),
            (" %é", "%20%25%C3%A9"),
        ] {
            assert_eq!(encoded(text), segment);
        }
    }
}
