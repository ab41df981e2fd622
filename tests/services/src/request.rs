//! Requests to a service's router, without a socket.

use axum::Router;
use axum::body::Body;
use http::Request;
use http::request::Builder;
use http_body_util::BodyExt;
use serde_json::Value;
use souk_kit::caller;
use souk_kit::native;

use crate::answer::Answer;
use crate::caller::Who;

/// The head of a request whose body is JSON.
pub fn json_request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("content-type", "application/json")
}

/// Sends a request as somebody. Whatever comes back must be JSON, and a refusal a problem.
pub async fn send(router: &Router, who: &Who, request: Builder, body: impl Into<Body>) -> Answer {
    let request = who.field().into_iter().fold(request, |request, caller| request.header(caller::FIELD, caller));
    let request = request.body(body.into()).expect("the test's request is well-formed");
    let (parts, body) = native::call(router, request).await.into_parts();
    let body = body.collect().await.expect("it is in memory").to_bytes();
    let is_json = parts.headers.get("content-type").is_some_and(|media| {
        let is_problem = parts.status.is_client_error() || parts.status.is_server_error();
        media == if is_problem { "application/problem+json" } else { "application/json" }
    });
    assert!(is_json || body.is_empty(), "{} without the right content type", parts.status);
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("it is JSON") },
        bytes: body.to_vec(),
    }
}
