//! A function that others call, as a route: `POST` with the arguments as a JSON array; the result as JSON, or why there is none as text.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use souk_database::contract::Error;
use souk_kit::database::Failure;
use souk_kit::json;

/// Why a function has no result.
pub(super) struct Fault {
    status: StatusCode,
    text: String,
}

/// The route of a function.
pub(super) fn function<S, A, R, F>(call: impl Fn(S, A) -> F + Copy + Send + Sync + 'static) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    A: DeserializeOwned + Send + 'static,
    R: Serialize + Send + 'static,
    F: Future<Output = Result<R, Fault>> + Send + 'static,
{
    post(async move |State(service): State<S>, body: Bytes| -> Response {
        let result = match serde_json::from_slice(&body) {
            Ok(arguments) => call(service, arguments).await,
            Err(error) => Err(Fault { status: StatusCode::BAD_REQUEST, text: error.to_string() }),
        };
        match result {
            Ok(result) => json::response(StatusCode::OK, &result),
            Err(Fault { status, text }) => (status, text).into_response(),
        }
    })
}

impl Fault {
    /// An argument that the service does not take, now or later.
    pub(super) fn invalid(text: String) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, text }
    }

    /// Another one may help.
    pub(super) fn unavailable(text: String) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, text }
    }

    /// Another one does not help.
    pub(super) fn other(text: String) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, text }
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Stale | Failure::Database(Error::Unavailable(_) | Error::Undecided(_)) => Self::unavailable(text),
            Failure::Database(_) | Failure::Mismatch(_) => Self::other(text),
        }
    }
}
