//! A request through `souk:http/exchange`: one call with plain values in, one out.
//!
//! The call runs on the request's own task. A client that goes away drops the call and with it the instance; what the
//! guest had asked its database to commit is committed all the same.

use super::generation::Visit;
use super::instance::contract;
use crate::body::{self, Body};
use crate::problem::Problem;
use crate::trace::Errand;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Response};

/// Whether every field value can be passed as text.
pub(super) fn can_carry(headers: &HeaderMap) -> bool {
    headers.values().all(|value| std::str::from_utf8(value.as_bytes()).is_ok())
}

/// Answers one request.
pub(super) async fn call(visit: &Visit, parts: Parts, body: Bytes, errand: Errand) -> Result<Response<Body>, Problem> {
    let mut lease = visit.pool().lease().await?;
    let ended = lease.instance().exchange(request(&parts, body), errand).await;
    response(lease.settle(ended)?).map_err(|what| super::misanswered(visit.pool().mould().provision(), &what))
}

fn request(parts: &Parts, body: Bytes) -> contract::Request {
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    contract::Request {
        method: parts.method.as_str().to_owned(),
        path_with_query: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), |path| path.as_str().to_owned()),
        headers,
        body: body.into(),
    }
}

/// The error says what is wrong with the answer.
fn response(answer: contract::Response) -> Result<Response<Body>, String> {
    let status = super::status(answer.status).ok_or_else(|| format!("status {}", answer.status))?;
    let mut response = Response::new(body::whole(answer.body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.reserve(answer.headers.len());
    for (name, value) in answer.headers {
        let invalid = || format!("field {name:?} is not valid");
        let field = HeaderName::try_from(&name).map_err(|_| invalid())?;
        headers.append(field, HeaderValue::try_from(value).map_err(|_| invalid())?);
    }
    Ok(response)
}
