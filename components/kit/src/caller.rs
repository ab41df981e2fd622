//! Who is calling.
//!
//! The gateway checks the token and tells the service in the field `souk-caller`, which it strips from whatever comes
//! from outside. The value is one line of JSON in ASCII (other characters as `\u` escapes):
//!
//! `{"sub":"https://id.example/|0192…","iss":"https://id.example/","roles":["merchant"],"scopes":["products:write"],"family":"0192…"}`
//!
//! The account (`sub`) begins with the issuer whose word it is, since a subject means one person only together with it.
//!
//! No field means that nobody signed in. Members that this version does not know are ignored, so that the gateway may
//! be newer than a service. What a caller may do is a rule of each service and not decided here.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::response::Response;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;

use crate::problem::Problem;

/// The role of those who keep the shop.
const ADMIN: &str = "admin";

/// The name of the field.
pub const FIELD: &str = "souk-caller";

/// Somebody who signed in. As an extractor it refuses a request from nobody with 401; take `Option<Caller>` where
/// anybody may come.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Caller {
    /// The account, for ever the same.
    pub sub: String,
    /// What the person is in the shop.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What the token was issued for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The session that the token belongs to. Only tokens of the shop's own issuer have one: a caller without it was
    /// signed elsewhere, or is the operator.
    #[serde(default)]
    pub family: Option<String>,
}

impl Caller {
    /// Whether it is somebody who keeps the shop.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }

    /// Reads the caller from the fields of a request. A value that can't be read is the gateway's fault, and the
    /// request must not pass as anonymous.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut values = headers.get_all(FIELD).iter();
        let Some(value) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Problem::internal(format!("{FIELD}: more than one field")));
        }
        serde_json::from_slice(value.as_bytes())
            .map(Some)
            .map_err(|error| Problem::internal(format!("{FIELD}: {error}")))
    }
}

/// For caches: with a cookie, nothing else tells them that an answer is for one person.
pub fn private(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Somebody who keeps the shop, wherever their account is kept. As an extractor it refuses others with 403 and nobody with 401: the
/// gateway looks at the role as well, and a manifest that forgets it must not open everything.
#[derive(Clone, Copy, Debug)]
pub struct Admin;

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        if caller.is_admin() {
            return Ok(Self);
        }
        Err(Problem::of(StatusCode::FORBIDDEN).detail("this is for admins"))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Self::of(&parts.headers)?.ok_or_else(unauthorized)
    }
}

impl<S: Send + Sync> OptionalFromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Problem> {
        Self::of(&parts.headers)
    }
}

/// RFC 9110 §15.5.2: says how to sign in.
fn unauthorized() -> Problem {
    Problem::of(StatusCode::UNAUTHORIZED).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

#[cfg(test)]
mod tests {
    use super::{Caller, FIELD};
    use http::{HeaderMap, HeaderValue, StatusCode};

    fn of(value: &'static str) -> Result<Option<Caller>, StatusCode> {
        let mut headers = HeaderMap::new();
        headers.insert(FIELD, HeaderValue::from_static(value));
        Caller::of(&headers).map_err(|problem| problem.status())
    }

    #[test]
    fn no_field_is_nobody() {
        assert!(matches!(Caller::of(&HeaderMap::new()), Ok(None)));
    }

    #[test]
    fn a_caller_is_read_and_what_is_new_is_ignored() {
        let caller = of(r#"{"sub":"7","roles":["merchant"],"tenant":"x"}"#);
        let expected = Caller { sub: "7".to_owned(), roles: vec!["merchant".to_owned()], scopes: vec![], family: None };
        assert_eq!(caller, Ok(Some(expected)));
    }

    #[test]
    fn a_caller_of_our_own_issuer_names_the_session() {
        let caller = of(r#"{"sub":"https://shop.example|7","family":"f-1"}"#).expect("it is well-formed");
        assert_eq!(caller.and_then(|caller| caller.family).as_deref(), Some("f-1"));
    }

    #[test]
    fn a_broken_field_is_not_nobody() {
        assert_eq!(of("root"), Err(StatusCode::INTERNAL_SERVER_ERROR));
    }
}
