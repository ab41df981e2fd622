//! What the host refuses, and how a refusal reads to a client: `application/problem+json` (RFC 9457).
//!
//! One place turns a refusal into HTTP. What a client may not learn (why a guest trapped, which limit of memory it
//! hit) goes to the log where the refusal arises, and never in here.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// The media type of a problem.
pub const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";

/// Something that the host itself answers instead of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The head of the request could not be read.
    MalformedRequest(&'static str),
    /// No complete head arrived in time.
    HeadTimeout,
    /// The head is larger than `head_bytes_max`.
    HeadTooLarge,
    /// The request target is too long to be routed.
    TargetTooLong,
    /// No route of the manifest matches the path.
    NoRoute,
    /// The host answers this path itself, but not with this method.
    MethodNotAllowed(&'static str),
    /// The method is one that the host forwards to nobody (`CONNECT`, `TRACE`).
    MethodNotImplemented,
    /// The body is larger than the component accepts.
    BodyTooLarge(u64),
    /// The body did not arrive in time.
    BodyTimeout,
    /// The body broke off or is not framed as it should be.
    BodyUnreadable,
    /// Too much is under way, in the host or in the component.
    Overloaded,
    /// The peer asked more often than a policy of the manifest allows; how long until it may ask again.
    TooManyRequests(Duration),
    /// How often the peer has asked can't be looked up, and a policy of the manifest refuses without; how long to wait.
    RatesUnavailable(Duration),
    /// Nobody is signed in, and somebody has to be.
    NotSignedIn,
    /// The token is no good: made up, expired, for somebody else. Which of it is not told.
    InvalidToken,
    /// A session in a cookie was used for a change, and the browser does not say that this site asked for it.
    CrossSite,
    /// Who is signed in may not do this; the scopes that are missing, if it is that.
    NotAllowed(Option<String>),
    /// The host is going down.
    Stopping,
    /// The component failed: it trapped, ran out of memory or could not be started.
    ComponentFailed,
    /// The component answered something that is no HTTP response.
    ComponentMisanswered,
    /// The component took longer than `time_ms_max`.
    ComponentTimeout,
    /// The operator has stopped the component.
    ComponentStopped,
    /// No component of the application has this name.
    UnknownComponent,
    /// A component's file may not take the place that it was sent for; why.
    ComponentRefused(String),
    /// Another change of the component is under way.
    SwapUnderWay,
    /// Nothing served before what serves now.
    NothingToGoBackTo,
    /// The component is not in a state for this; in which it is.
    NotInThisState(&'static str),
    /// Something of the request's query is outside its limits; what.
    InvalidQuery(String),
    /// Something of the host itself failed.
    Internal,
}

/// RFC 9457 §3.1, in the order in which a person reads it.
#[derive(Serialize)]
struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
}

impl Problem {
    /// The status that the client sees.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MalformedRequest(_) | Self::BodyUnreadable | Self::InvalidQuery(_) => StatusCode::BAD_REQUEST,
            Self::HeadTimeout | Self::BodyTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::TargetTooLong => StatusCode::URI_TOO_LONG,
            Self::NoRoute | Self::UnknownComponent => StatusCode::NOT_FOUND,
            Self::SwapUnderWay | Self::NothingToGoBackTo | Self::NotInThisState(_) => StatusCode::CONFLICT,
            Self::ComponentRefused(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::MethodNotImplemented => StatusCode::NOT_IMPLEMENTED,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotSignedIn | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::NotAllowed(_) | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::TooManyRequests(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::RatesUnavailable(_) | Self::Stopping | Self::ComponentStopped => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::ComponentFailed | Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::ComponentMisanswered => StatusCode::BAD_GATEWAY,
            Self::ComponentTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The last part of `type`, which stays the same for ever; also the label in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::MalformedRequest(_) => "malformed-request",
            Self::HeadTimeout => "head-timeout",
            Self::HeadTooLarge => "head-too-large",
            Self::TargetTooLong => "target-too-long",
            Self::NoRoute => "no-route",
            Self::MethodNotAllowed(_) => "method-not-allowed",
            Self::MethodNotImplemented => "method-not-implemented",
            Self::BodyTooLarge(_) => "body-too-large",
            Self::BodyTimeout => "body-timeout",
            Self::BodyUnreadable => "body-unreadable",
            Self::Overloaded => "overloaded",
            Self::NotSignedIn => "not-signed-in",
            Self::InvalidToken => "invalid-token",
            Self::CrossSite => "cross-site-request",
            Self::NotAllowed(_) => "not-allowed",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::RatesUnavailable(_) => "rates-unavailable",
            Self::Stopping => "stopping",
            Self::ComponentFailed => "component-failed",
            Self::ComponentMisanswered => "component-misanswered",
            Self::ComponentTimeout => "component-timeout",
            Self::ComponentStopped => "component-stopped",
            Self::UnknownComponent => "unknown-component",
            Self::ComponentRefused(_) => "component-refused",
            Self::SwapUnderWay => "swap-under-way",
            Self::NothingToGoBackTo => "nothing-to-go-back-to",
            Self::NotInThisState(_) => "not-in-this-state",
            Self::InvalidQuery(_) => "invalid-query",
            Self::Internal => "internal",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::MalformedRequest(why) | Self::NotInThisState(why) => (*why).to_owned(),
            Self::HeadTimeout => "the head of the request did not arrive in time".to_owned(),
            Self::HeadTooLarge => "the head of the request is too large".to_owned(),
            Self::TargetTooLong => "the request target is too long".to_owned(),
            Self::NoRoute => "nothing is served at this path".to_owned(),
            Self::MethodNotAllowed(allow) => format!("this path answers {allow}"),
            Self::MethodNotImplemented => "this server does not implement the method".to_owned(),
            Self::BodyTooLarge(max) => format!("the body of the request is larger than {max} bytes"),
            Self::BodyTimeout => "the body of the request did not arrive in time".to_owned(),
            Self::BodyUnreadable => "the body of the request could not be read".to_owned(),
            Self::Overloaded => "too many requests are being answered; try again shortly".to_owned(),
            Self::NotSignedIn => "this needs somebody who is signed in".to_owned(),
            Self::InvalidToken => "the token is not valid, or no longer".to_owned(),
            Self::CrossSite => "the browser does not say that this site asked for it".to_owned(),
            Self::NotAllowed(None) => "this is not allowed to the caller".to_owned(),
            Self::NotAllowed(Some(scopes)) => format!("the token lacks one of these scopes: {scopes}"),
            Self::TooManyRequests(_) => "more requests than are allowed in this time; try again later".to_owned(),
            Self::RatesUnavailable(_) => "this can't be allowed at the moment; try again shortly".to_owned(),
            Self::Stopping => "the server is stopping; try again shortly".to_owned(),
            Self::ComponentFailed => "the service failed on this request".to_owned(),
            Self::ComponentMisanswered => "the service gave no valid answer".to_owned(),
            Self::ComponentTimeout => "the service did not answer in time".to_owned(),
            Self::ComponentStopped => "the service is stopped for now; try again later".to_owned(),
            Self::UnknownComponent => "no component of the application has this name".to_owned(),
            Self::ComponentRefused(why) | Self::InvalidQuery(why) => why.clone(),
            Self::SwapUnderWay => "another change of the component is under way".to_owned(),
            Self::NothingToGoBackTo => "nothing served before what serves now".to_owned(),
            Self::Internal => "the server failed on this request".to_owned(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Overloaded | Self::Stopping | Self::ComponentStopped | Self::SwapUnderWay => {
                Some(Duration::from_secs(1))
            }
            Self::TooManyRequests(wait) | Self::RatesUnavailable(wait) => Some(*wait),
            _ => None,
        }
    }

    /// What a client has to know to do better (RFC 6750 §3).
    fn challenge(&self) -> Option<String> {
        match self {
            // Without an error: who sent nothing made no mistake.
            Self::NotSignedIn => Some("Bearer realm=\"souk\"".to_owned()),
            Self::InvalidToken => Some("Bearer realm=\"souk\", error=\"invalid_token\"".to_owned()),
            Self::NotAllowed(Some(scopes)) => {
                Some(format!("Bearer realm=\"souk\", error=\"insufficient_scope\", scope=\"{scopes}\""))
            }
            _ => None,
        }
    }

    /// The response, for any version of HTTP.
    pub fn into_response(self) -> Response<Bytes> {
        let status = self.status();
        let document = Document {
            r#type: format!("urn:souk:problem:{}", self.name()),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: self.detail(),
        };
        let body = serde_json::to_vec(&document).expect("strings and a number can be written");
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_PROBLEM));
        if let Some(after) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
        }
        if let Some(challenge) = self.challenge().and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Self::MethodNotAllowed(allow) = self {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }

    /// The whole response as HTTP/1.1 bytes that end the connection: for the cases in which there is no request to answer yet.
    pub fn into_last_words(self) -> Vec<u8> {
        let response = self.into_response();
        let status = response.status();
        let mut bytes = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: {CONTENT_TYPE_PROBLEM}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            status.as_u16(),
            status.canonical_reason().unwrap_or("Error"),
            response.body().len()
        )
        .into_bytes();
        bytes.extend_from_slice(response.body());
        bytes
    }
}

/// What a problem document says, as a command tells it: in one line.
pub fn told(answer: &Response<Bytes>) -> String {
    let problem: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let mut parts = vec![text(&problem["title"]).unwrap_or_else(|| answer.status().to_string())];
    parts.extend(text(&problem["detail"]));
    for error in problem["errors"].as_array().into_iter().flatten() {
        let place = error["pointer"].as_str().unwrap_or_default().trim_start_matches('/');
        parts.push(format!("{place} {}", error["detail"].as_str().unwrap_or_default()));
    }
    parts.join("; ")
}

/// A time to wait as clients are told it: rounded up, since who came back a moment too early would be refused once more.
pub fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_an_rfc_9457_document() {
        let response = Problem::BodyTooLarge(10).into_response();
        assert_eq!(response.status(), 413);
        assert_eq!(response.headers()[CONTENT_TYPE], CONTENT_TYPE_PROBLEM);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["type"], "urn:souk:problem:body-too-large");
        assert_eq!(body["title"], "Payload Too Large");
        assert_eq!(body["status"], 413);
        assert_eq!(body["detail"], "the body of the request is larger than 10 bytes");
    }

    #[test]
    fn an_overload_says_when_to_come_back() {
        assert_eq!(Problem::Overloaded.into_response().headers()[RETRY_AFTER], "1");
    }

    #[test]
    fn last_words_are_one_complete_http_1_response() {
        let words = String::from_utf8(Problem::HeadTimeout.into_last_words()).unwrap();
        let (head, body) = words.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 408 Request Timeout\r\n"));
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())));
        assert!(head.ends_with("connection: close"));
    }
}
