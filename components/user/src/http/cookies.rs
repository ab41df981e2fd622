//! Tokens in cookies, for pages in a browser: no script can read them.
//!
//! The access token goes with every request; the gateway takes it for a bearer token and sees to it that no other site makes
//! requests with it. The refresh token goes to one path only, and the check for other sites is here. `__Host-` and `__Secure-`
//! (RFC 6265bis §4.1.3) keep sites beside the shop's from setting them over plain HTTP; the first also from the shop's
//! subdomains, which a path of its own does not allow.

use axum::response::Response;
use http::header::{COOKIE, HOST, HeaderName, ORIGIN, SET_COOKIE};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use souk_kit::problem::Problem;

use crate::accounts::Tokens;

const ACCESS: &str = "__Host-souk-access";
const ACCESS_ATTRIBUTES: &str = "Path=/; HttpOnly; Secure; SameSite=Lax";
const REFRESH: &str = "__Secure-souk-refresh";
const REFRESH_ATTRIBUTES: &str = "Path=/api/v1/token; HttpOnly; Secure; SameSite=Strict";
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Puts the tokens on an answer.
pub(super) fn set(response: Response, tokens: &Tokens) -> Response {
    let access = cookie(ACCESS, &tokens.access.text, ACCESS_ATTRIBUTES, tokens.access.expires_in);
    let refresh = cookie(REFRESH, tokens.refresh.as_str(), REFRESH_ATTRIBUTES, tokens.refresh_expires_in);
    with(response, [access, refresh])
}

/// Takes both from whoever has them.
pub(super) fn clear(response: Response) -> Response {
    with(response, [cookie(ACCESS, "", ACCESS_ATTRIBUTES, 0), cookie(REFRESH, "", REFRESH_ATTRIBUTES, 0)])
}

/// The refresh token of the cookie; none also if there are two, since somebody else has set one of them.
pub(super) fn refresh_token(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == REFRESH).map(|(_, value)| value);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

/// Refuses what a page of another site has sent, and what doesn't tell. Browsers set both fields, and no script can.
pub(super) fn demand_same_site(headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
    let is_same = match (headers.get(SEC_FETCH_SITE), headers.get(ORIGIN)) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => is_of_host(origin, headers, uri),
        (None, None) => false,
    };
    if is_same {
        return Ok(());
    }
    Err(Problem::named(StatusCode::FORBIDDEN, "cross-site", "The request may come from another site")
        .detail("with cookies, Sec-Fetch-Site or Origin must say that a page of this site sends it"))
}

/// Whether an origin, `https://shop.example`, is where the request went to. `null` is of nowhere.
fn is_of_host(origin: &HeaderValue, headers: &HeaderMap, uri: &Uri) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(uri.authority().map(Authority::as_str));
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((host, origin), (Some(host), Some((_, origin))) if origin.eq_ignore_ascii_case(host))
}

fn cookie(name: &str, value: &str, attributes: &str, max_age_s: u32) -> HeaderValue {
    let text = format!("{name}={value}; {attributes}; Max-Age={max_age_s}");
    HeaderValue::try_from(text).expect("tokens are visible ASCII")
}

fn with(mut response: Response, cookies: [HeaderValue; 2]) -> Response {
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
