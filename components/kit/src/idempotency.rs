//! The field `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): by what a service knows that a request is a repetition.
//!
//! The draft writes the key as a quoted string; many clients leave the quotes out, and mean the same.

use http::{HeaderMap, StatusCode};

use crate::problem::Problem;
use crate::text::Invalid;

const FIELD: &str = "idempotency-key";

/// The key of a request, parsed; none if it has none.
pub fn optional<T>(
    headers: &HeaderMap,
    parse: impl FnOnce(String) -> Result<T, Invalid>,
) -> Result<Option<T>, Problem> {
    let mut values = headers.get_all(FIELD).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused("must be given once"));
    }
    let text = value.to_str().unwrap_or_default();
    let unquoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    parse(unquoted.unwrap_or(text).to_owned()).map(Some).map_err(|reason| refused(&reason))
}

/// The key of a request that has to have one: where money moves, a client that has lost the answer must be able to ask again.
pub fn required<T>(headers: &HeaderMap, parse: impl FnOnce(String) -> Result<T, Invalid>) -> Result<T, Problem> {
    optional(headers, parse)?.ok_or_else(|| refused("must be given"))
}

/// The refusal of a key that was used for something else.
pub fn reused() -> Problem {
    Problem::named(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The key was used for another request")
}

fn refused(reason: &str) -> Problem {
    Problem::of(StatusCode::BAD_REQUEST).detail(format!("Idempotency-Key {reason}"))
}

#[cfg(test)]
mod tests {
    use super::{optional, required};
    use http::{HeaderMap, HeaderValue, StatusCode};

    fn headers(values: &[&'static str]) -> HeaderMap {
        values
            .iter()
            .map(|value| (http::HeaderName::from_static("idempotency-key"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn quotes_are_no_part_of_a_key() {
        for given in ["k-1", "\"k-1\""] {
            let key = required(&headers(&[given]), Ok);
            assert_eq!(key.map_err(|problem| problem.status()), Ok("k-1".to_owned()), "{given}");
        }
    }

    #[test]
    fn a_key_is_given_once_or_not_at_all() {
        let status = |problem: crate::problem::Problem| problem.status();
        assert_eq!(optional(&headers(&[]), Ok).map_err(status), Ok(None::<String>));
        assert_eq!(required(&headers(&[]), Ok::<String, _>).map_err(status), Err(StatusCode::BAD_REQUEST));
        assert_eq!(optional(&headers(&["a", "a"]), Ok::<String, _>).map_err(status), Err(StatusCode::BAD_REQUEST));
        let never = |_| Err::<String, _>("must be better".to_owned());
        assert_eq!(optional(&headers(&["a"]), never).map_err(status), Err(StatusCode::BAD_REQUEST));
    }
}
