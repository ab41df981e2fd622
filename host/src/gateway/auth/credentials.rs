//! Where a token stands in a request: behind `Bearer` (RFC 6750), or in the cookie of a browser's session.
//!
//! A browser sends a cookie also when another site asks it to. So a request that may change something counts only if the browser says that
//! it comes from this site: by `Sec-Fetch-Site` (Fetch Metadata), or without it by `Origin` (RFC 6454). Whoever sends neither is no
//! browser and has no need of a cookie. A bearer token is never sent unasked.

use crate::problem::Problem;
use http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};

/// The cookie with an access token. The prefix makes browsers demand that this host alone set it, over a secure connection, for all
/// paths (RFC 6265bis §4.1.3.2). The service that keeps the accounts sets it.
const ACCESS: &str = "__Host-souk-access";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What a request brings along.
pub(super) enum Credentials {
    /// An `Authorization` of the scheme Bearer.
    Bearer(HeaderValue),
    /// A session of a browser.
    Cookie {
        /// The token.
        token: String,
        /// Whether the request may change something and nothing tells that it comes from this site.
        is_cross_site: bool,
    },
}

impl Credentials {
    /// Takes them out of a request: no component sees a token. With a bearer token the cookie does not count.
    pub(super) fn take<B>(request: &mut Request<B>) -> Result<Option<Self>, Problem> {
        let cookie = take_cookie(request);
        let headers = request.headers_mut();
        let mut fields = headers.get_all(AUTHORIZATION).iter();
        let Some(field) = fields.next() else { return Ok(cookie) };
        if fields.next().is_some() {
            // Which of them counts would be anybody's guess.
            return Err(Problem::InvalidToken);
        }
        // Another scheme is between the client and the component.
        let is_bearer = field.as_bytes().get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"))
            && field.as_bytes().get(6).is_none_or(|byte| *byte == b' ');
        Ok(if is_bearer { headers.remove(AUTHORIZATION).map(Self::Bearer) } else { cookie })
    }
}

/// The token behind `Bearer `.
pub(super) fn token_of(field: &HeaderValue) -> Result<&str, Problem> {
    let text = field.to_str().map_err(|_| Problem::InvalidToken)?;
    Ok(text.split_once(' ').map_or("", |(_scheme, token)| token.trim_start_matches(' ')))
}

fn take_cookie<B>(request: &mut Request<B>) -> Option<Credentials> {
    if !request.headers().contains_key(COOKIE) {
        return None;
    }
    let mut tokens = take_pairs(request.headers_mut());
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let is_cross_site = !is_safe && !is_of_this_site(request.headers());
    let token = tokens.pop()?;
    // No browser has two of this name.
    tokens.is_empty().then_some(Credentials::Cookie { token, is_cross_site })
}

/// Takes every cookie of the name out of the fields, and leaves the others as they are.
fn take_pairs(headers: &mut HeaderMap) -> Vec<String> {
    let (mut tokens, mut others) = (Vec::new(), Vec::new());
    for field in headers.get_all(COOKIE) {
        // What is no text has no token in it.
        let Ok(text) = field.to_str() else {
            others.push(field.clone());
            continue;
        };
        let pairs = text.split(';').map(str::trim);
        let (ours, kept): (Vec<&str>, Vec<&str>) = pairs.partition(|pair| token_in(pair).is_some());
        tokens.extend(ours.into_iter().filter_map(token_in).map(str::to_owned));
        others.extend((!kept.is_empty()).then(|| kept.join("; ")).and_then(|kept| HeaderValue::try_from(kept).ok()));
    }
    if !tokens.is_empty() {
        headers.remove(COOKIE);
        for field in others {
            headers.append(COOKIE, field);
        }
    }
    tokens
}

fn token_in(pair: &str) -> Option<&str> {
    pair.strip_prefix(ACCESS)?.strip_prefix('=')
}

fn is_of_this_site(headers: &HeaderMap) -> bool {
    let only = |name: HeaderName| {
        let mut fields = headers.get_all(name).iter();
        let field = fields.next()?;
        Some(if fields.next().is_none() { field.to_str().unwrap_or_default() } else { "" })
    };
    match (only(SEC_FETCH_SITE), only(ORIGIN), only(HOST)) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn session(method: &str, fields: &[(&str, &str)]) -> Option<(String, bool)> {
        match Credentials::take(&mut request(method, fields)).unwrap()? {
            Credentials::Cookie { token, is_cross_site } => Some((token, is_cross_site)),
            Credentials::Bearer(_) => panic!("no bearer token was sent"),
        }
    }

    #[test]
    fn a_token_in_the_cookie_is_taken_out_and_other_cookies_stay() {
        let mut request =
            request("GET", &[("cookie", "a=1; __Host-souk-access=t.o.k; b=2"), ("cookie", "c=3"), ("accept", "*/*")]);
        let credentials = Credentials::take(&mut request).unwrap();
        assert!(matches!(credentials, Some(Credentials::Cookie { token, is_cross_site: false }) if token == "t.o.k"));
        let left: Vec<_> = request.headers().get_all(COOKIE).iter().collect();
        assert_eq!(left, ["a=1; b=2", "c=3"]);
        assert_eq!(session("GET", &[("cookie", "a=1; x__Host-souk-access=t; __Host-souk-access2=t")]), None);
        assert_eq!(session("GET", &[("cookie", "__Host-souk-access=a"), ("cookie", "__Host-souk-access=b")]), None);
    }

    #[test]
    fn a_bearer_token_comes_before_a_cookie_and_both_are_taken_away() {
        let fields = [("cookie", "__Host-souk-access=c"), ("authorization", "bEARER  t.o.k")];
        let mut request = request("POST", &fields);
        let Some(Credentials::Bearer(field)) = Credentials::take(&mut request).unwrap() else { panic!("a bearer") };
        assert_eq!(token_of(&field), Ok("t.o.k"));
        assert!(request.headers().is_empty(), "{:?}", request.headers());
    }

    #[test]
    fn another_scheme_is_left_to_the_component_and_two_fields_to_nobody() {
        let mut basic = request("GET", &[("authorization", "Basic eDp5")]);
        assert!(Credentials::take(&mut basic).unwrap().is_none());
        assert!(basic.headers().contains_key(AUTHORIZATION));
        assert!(Credentials::take(&mut request("GET", &[("authorization", "BearerX y")])).unwrap().is_none());
        let mut two = request("GET", &[("authorization", "Bearer a"), ("authorization", "Basic eDp5")]);
        assert!(Credentials::take(&mut two).is_err());
    }

    #[test]
    fn a_cookie_counts_for_a_change_only_if_the_browser_names_this_site() {
        let cookie = ("cookie", "__Host-souk-access=t");
        let host = ("host", "shop.example:8080");
        for (fields, is_refused) in [
            (vec![("sec-fetch-site", "same-origin")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("sec-fetch-site", "same-site")], true),
            (vec![("sec-fetch-site", "cross-site")], true),
            (vec![("sec-fetch-site", "cross-site"), ("origin", "https://shop.example:8080")], true),
            (vec![("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")], true),
            (vec![("origin", "https://Shop.example:8080")], false),
            (vec![("origin", "https://shop.example")], true),
            (vec![("origin", "https://evil.example")], true),
            (vec![("origin", "https://evil.example/shop.example:8080")], true),
            (vec![("origin", "null")], true),
            (vec![], true),
        ] {
            let fields: Vec<_> = fields.into_iter().chain([cookie, host]).collect();
            assert_eq!(session("POST", &fields), Some(("t".into(), is_refused)), "{fields:?}");
            assert_eq!(session("GET", &fields), Some(("t".into(), false)), "a safe method, {fields:?}");
        }
    }
}
