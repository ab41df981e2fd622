//! The head of a request on its way in, and of an answer on its way out.
//!
//! Fields that concern one connection only (RFC 9110 §7.6.1) end here in both directions. Fields that the gateway alone
//! may set are taken away from whoever sent them.

use super::request_id::RequestId;
use crate::body::{self, Body};
use crate::problem::Problem;
use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HOST, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Checks the head and takes away what must not reach a component; `ends_here` says which fields beyond those that never do.
pub(super) fn admit<B>(
    mut request: Request<B>,
    ends_here: impl Fn(&HeaderName) -> bool,
) -> Result<Request<B>, Problem> {
    if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
        return Err(Problem::MethodNotImplemented);
    }
    if request
        .headers()
        .get_all(TRANSFER_ENCODING)
        .iter()
        .any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Problem::MalformedRequest("the only transfer coding that is understood is chunked"));
    }
    let host = host(&request)?;
    let headers = request.headers_mut();
    remove(headers, ends_here);
    headers.insert(HOST, host);
    Ok(request)
}

/// The authority that the request is for: exactly one (RFC 9112 §3.2, RFC 9113 §8.3.1).
fn host<B>(request: &Request<B>) -> Result<HeaderValue, Problem> {
    let mut fields = request.headers().get_all(HOST).iter();
    let (field, second) = (fields.next(), fields.next());
    if second.is_some() {
        return Err(Problem::MalformedRequest("the request has more than one Host"));
    }
    if let Some(authority) = request.uri().authority() {
        return HeaderValue::try_from(authority.as_str())
            .map_err(|_| Problem::MalformedRequest("the authority of the request is not valid"));
    }
    match field {
        Some(host) => Ok(host.clone()),
        None if request.version() < Version::HTTP_11 => Ok(HeaderValue::from_static("")),
        None => Err(Problem::MalformedRequest("the request has no Host")),
    }
}

/// Takes away the fields for which `ends_here` says so, those of the connection, and those that speak for the gateway.
fn remove(headers: &mut HeaderMap, ends_here: impl Fn(&HeaderName) -> bool) {
    let ends_here = |name: &HeaderName| ends_here(name) || is_hop_by_hop(name) || is_reserved(name);
    // Most heads have none of them, and one look at each name is cheaper than a search for every name that could be there.
    if !headers.keys().any(ends_here) {
        return;
    }
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<HeaderName> =
        named.flat_map(|value| value.split(',')).filter_map(|name| name.trim().parse().ok()).collect();
    let ending: Vec<HeaderName> = headers.keys().filter(|name| ends_here(name)).cloned().collect();
    for name in named.into_iter().chain(ending) {
        headers.remove(name);
    }
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// `souk-…` speaks for the gateway. An underscore counts as a hyphen, since a component's framework may think so.
fn is_reserved(name: &HeaderName) -> bool {
    let name = name.as_str().as_bytes();
    name.starts_with(b"souk") && name.get(4).is_some_and(|byte| matches!(byte, b'-' | b'_'))
}

/// Takes away what the answer must not carry, and names the request.
pub(super) fn finish(response: &mut Response<Body>, method: &Method, id: &RequestId) {
    let length = response.body().size_hint().exact();
    let has_no_content = matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if has_no_content || method == Method::HEAD {
        *response.body_mut() = body::whole("");
    }
    let headers = response.headers_mut();
    remove(headers, |name| [CONTENT_LENGTH, DATE].contains(name));
    headers.insert(REQUEST_ID, HeaderValue::from(id));
    // The length that the content would have had (RFC 9110 §9.3.2).
    if let Some(length) = length.filter(|_| method == Method::HEAD && !has_no_content) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().uri("/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn what_only_the_gateway_may_say_is_taken_away_in_every_spelling() {
        let forged =
            [("host", "h"), ("Souk-Caller", "x"), ("SOUK_CALLER", "x"), ("souk-caller", "y"), ("soukcaller", "z")];
        let admitted = admit(request(&forged), |_| false).unwrap();
        let mut names: Vec<&str> = admitted.headers().keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["host", "soukcaller"]);
    }

    #[test]
    fn fields_of_the_connection_end_here_with_those_that_it_names() {
        let fields =
            [("host", "h"), ("connection", "close, X-Hop"), ("x-hop", "1"), ("te", "trailers"), ("accept", "*/*")];
        let admitted = admit(request(&fields), |_| false).unwrap();
        assert!(admitted.headers().contains_key("accept"));
        for name in ["connection", "x-hop", "te"] {
            assert!(!admitted.headers().contains_key(name), "{name}");
        }
    }

    #[test]
    fn a_request_is_for_exactly_one_host() {
        assert_eq!(admit(request(&[]), |_| false).unwrap_err(), Problem::MalformedRequest("the request has no Host"));
        let two = admit(request(&[("host", "a"), ("host", "b")]), |_| false).unwrap_err();
        assert_eq!(two, Problem::MalformedRequest("the request has more than one Host"));
    }
}
