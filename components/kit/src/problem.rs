//! Refusals as RFC 9457 `application/problem+json`: the one place where errors become HTTP.
//!
//! `type` is `urn:souk:problem:<name>` where a client can act on the case, and absent (which means `about:blank`) where
//! the status says it all. What a client reads is written for it; what went wrong inside goes to the log and no
//! further.

use std::fmt;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};
use souk_database::contract::Error;

use crate::database::Failure;
use crate::log;

/// How long a client is asked to wait when the database is not there: long enough for a restart, short for a person.
const RETRY_AFTER_SECONDS: &str = "2";

/// How many faults of one body or query are reported: more than anybody reads, and a bound on the answer.
const FAULTS_MAX: usize = 50;

/// A refusal that a client reads.
#[derive(Debug)]
pub struct Problem(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    log: Option<String>,
}

/// One thing that is wrong with the input, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, for a person.
    pub detail: String,
}

/// Where in a request something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// The name of a query parameter.
    Parameter(String),
}

impl Problem {
    /// A problem that the status explains: no `type`, the status' own title.
    pub fn of(status: StatusCode) -> Self {
        let title = status.canonical_reason().unwrap_or("Unknown status");
        Self(Box::new(Parts {
            status,
            members: Map::from_iter([("title".to_owned(), Value::from(title))]),
            headers: Vec::new(),
            log: None,
        }))
    }

    /// A problem that a client can tell from others of the same status: `name` becomes `urn:souk:problem:<name>`. The
    /// title is the same for each occurrence.
    pub fn named(status: StatusCode, name: &str, title: &str) -> Self {
        Self::of(status).member("type", format!("urn:souk:problem:{name}")).member("title", title)
    }

    /// The body was understood and its content is not acceptable: all faults at once.
    pub fn invalid_body(faults: &[Fault]) -> Self {
        Self::named(StatusCode::UNPROCESSABLE_ENTITY, "invalid-body", "The body is not acceptable").faults(faults)
    }

    /// The query string is not acceptable: all faults at once.
    pub fn invalid_query(faults: &[Fault]) -> Self {
        Self::named(StatusCode::BAD_REQUEST, "invalid-query", "The query is not acceptable").faults(faults)
    }

    /// Something went wrong inside. `text` goes to the log.
    pub fn internal(text: impl Into<String>) -> Self {
        Self::of(StatusCode::INTERNAL_SERVER_ERROR).logged(text)
    }

    /// Adds what is particular to this occurrence, for a person.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        self.member("detail", detail.into())
    }

    /// Adds an extension member, for a program.
    #[must_use]
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    /// Adds a header field.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    fn logged(mut self, text: impl Into<String>) -> Self {
        self.0.log = Some(text.into());
        self
    }

    fn faults(self, faults: &[Fault]) -> Self {
        let errors: Vec<Value> = faults.iter().take(FAULTS_MAX).map(Fault::json).collect();
        self.member("errors", errors)
    }
}

impl Fault {
    fn json(&self) -> Value {
        match &self.place {
            Place::Pointer(pointer) => json!({"pointer": pointer, "detail": self.detail}),
            Place::Parameter(name) => json!({"parameter": name, "detail": self.detail}),
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Stale => Self::named(StatusCode::CONFLICT, "busy", "Too many change the same thing at once")
                .detail("nothing was changed; read again and repeat the request"),
            Failure::Database(Error::Unavailable(_)) => Self::of(StatusCode::SERVICE_UNAVAILABLE)
                .header(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS))
                .logged(text),
            Failure::Database(_) | Failure::Mismatch(_) => Self::internal(text),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Parts { status, mut members, headers, log: text } = *self.0;
        if let Some(text) = text {
            log::error(&text);
        }
        members.insert("status".to_owned(), status.as_u16().into());
        let body = Value::Object(members).to_string();
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = self.0.members.get("title").and_then(Value::as_str);
        write!(f, "{}", title.unwrap_or_default())
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::database::Failure;
    use axum::response::IntoResponse;
    use http::StatusCode;
    use http_body_util::BodyExt;
    use souk_database::contract::Error;

    #[tokio::test]
    async fn what_the_database_said_does_not_reach_the_client() {
        let failure = Failure::Database(Error::Invalid("no such table: secrets".to_owned()));
        let response = Problem::from(failure).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = response.into_body().collect().await.expect("it is in memory");
        assert_eq!(&body.to_bytes()[..], br#"{"status":500,"title":"Internal Server Error"}"#);
    }

    #[test]
    fn a_database_that_is_away_asks_for_patience() {
        let failure = Failure::Database(Error::Unavailable("disk full".to_owned()));
        let response = Problem::from(failure).into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(response.headers()["retry-after"], "2");
    }
}
