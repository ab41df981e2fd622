//! Who is asking, and whether they may: tokens of the issuers that the application trusts, and the manifest's rules per route.
//!
//! Without `tokens` in the manifest nobody is asked. With it, a request that no rule is about may come from anyone if its method is safe
//! (RFC 9110 §9.2.1), and from nobody otherwise: a route that was forgotten does not stand open. A bearer token that is no good is
//! refused also where anyone may come: its sender believes to be signed in.
//!
//! The component learns of the caller by a field that only the gateway can set (`head` takes it away from whoever sends it) and never sees
//! the token. Tokens that were found good are `kept` for a while; whether one was revoked is asked each time.

mod credentials;

mod kept;

use crate::body::{self, Body};
use crate::clock::now_s;
use crate::identity::{Identity, PasswordFigures};
use crate::manifest::{AccessRule, Application, Who};
use crate::problem::Problem;
use credentials::Credentials;
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
pub(super) use kept::Known;
use kept::{Digest, Kept};
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use souk_identity::token::Caller;
use std::borrow::Cow;
use std::sync::Arc;

/// The field that tells a component who is asking; the kit reads it.
const CALLER: HeaderName = HeaderName::from_static("souk-caller");

/// Where others find the keys that check our tokens.
pub(super) const PUBLIC_KEYS: &str = "/.well-known/jwks.json";

/// Who may ask what.
pub struct Auth {
    identity: Option<Arc<Identity>>,
    /// By the index of the component.
    rules: Vec<Vec<AccessRule>>,
    kept: Kept,
}

impl Auth {
    /// That of an application whose tokens this identity knows.
    pub fn new(application: &Application, identity: Option<Arc<Identity>>) -> Self {
        let rules = application.components.iter().map(|component| component.access.clone()).collect();
        Self { identity, rules, kept: Kept::default() }
    }

    /// How many passwords were hashed, if the application keeps accounts.
    pub(super) fn password_figures(&self) -> Option<PasswordFigures> {
        self.identity.as_ref()?.password_figures()
    }

    /// The public keys, if the request asks for them and tokens are signed here.
    pub(super) fn publish<B>(&self, request: &Request<B>) -> Option<Result<Response<Body>, Problem>> {
        if request.uri().path() != PUBLIC_KEYS {
            return None;
        }
        let keys = self.identity.as_ref()?.public_keys()?;
        Some(match *request.method() {
            Method::GET | Method::HEAD => Ok(key_set(keys)),
            _ => Err(Problem::MethodNotAllowed("GET, HEAD")),
        })
    }

    /// Lets a request to this component pass, and says on it who is asking; none if nobody is signed in.
    pub(super) fn admit<B>(&self, component: usize, request: &mut Request<B>) -> Result<Option<Arc<Known>>, Problem> {
        let Some(identity) = &self.identity else { return Ok(None) };
        let credentials = Credentials::take(request)?;
        let known = match &credentials {
            Some(credentials) => self.known(identity, credentials)?,
            None => None,
        };
        allow(self.who(component, request), known.as_ref().map(|known| &known.caller))?;
        if let Some(known) = &known {
            request.headers_mut().insert(CALLER, known.field.clone());
        }
        Ok(known)
    }

    /// Who comes with these credentials. A session in a cookie that has ended is nobody: a browser goes on sending it.
    fn known(&self, identity: &Identity, credentials: &Credentials) -> Result<Option<Arc<Known>>, Problem> {
        match credentials {
            Credentials::Bearer(field) => self.check(identity, credentials::token_of(field)?).map(Some),
            Credentials::Cookie { token, is_cross_site } => match self.check(identity, token) {
                Ok(_) if *is_cross_site => Err(Problem::CrossSite),
                checked => Ok(checked.ok()),
            },
        }
    }

    fn who<B>(&self, component: usize, request: &Request<B>) -> &Who {
        let (method, path) = (request.method(), request.uri().path());
        let meant = meant(path);
        let rule = self.rules[component].iter().find(|rule| {
            let (sent, meant) = (rule.which.fits(method, path), rule.which.fits(method, &meant));
            // A rule that opens must fit both ways of reading the path, one that closes either.
            if rule.who == Who::Anyone { sent && meant } else { sent || meant }
        });
        match rule {
            Some(rule) => &rule.who,
            None if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) => &Who::Anyone,
            None => &Who::Nobody,
        }
    }

    fn check(&self, identity: &Identity, token: &str) -> Result<Arc<Known>, Problem> {
        let now_s = now_s();
        let key: Digest = digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let known = match self.kept.recall(&key, identity.revision(), now_s) {
            Some(known) => known,
            None => self.look(identity, token, key, now_s)?,
        };
        if identity.is_revoked(&known.caller) {
            tracing::debug!("a token is not taken: its session has ended");
            return Err(Problem::InvalidToken);
        }
        Ok(known)
    }

    fn look(&self, identity: &Identity, token: &str, key: Digest, now_s: u64) -> Result<Arc<Known>, Problem> {
        // Asked before the check: were the keys to change in between, what is kept counts as old.
        let revision = identity.revision();
        let caller = identity.identify(token, now_s).map_err(|refused| {
            tracing::debug!(%refused, "a token is not taken");
            Problem::InvalidToken
        })?;
        let known = Arc::new(Known { field: field(&caller), caller });
        self.kept.keep(key, Arc::clone(&known), revision);
        Ok(known)
    }
}

/// Says on a request that the operator sends it, who may do what an administrator may. No token says so: no issuer has this name.
pub(super) fn speak_for_operator(headers: &mut HeaderMap) {
    let field = r#"{"sub":"souk:operator|operator","iss":"souk:operator","roles":["admin"],"scopes":[]}"#;
    headers.insert(CALLER, HeaderValue::from_static(field));
}

/// A JWK Set (RFC 7517 §8.5). Whoever does not find a key in it asks again; until then it may be kept for the time of `max-age`.
fn key_set(keys: String) -> Response<Body> {
    let mut response = Response::new(body::whole(keys));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    // Public by nature: a page of another site may check tokens, too.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The path as a lenient component may read it: decoded, without empty segments, `.` and `..`, and without a slash at the end. Routes compare
/// paths as they are sent; were rules to do the same, `/%61dmin` would be a way around a rule about `/admin`.
pub(super) fn meant(path: &str) -> Cow<'_, str> {
    let is_plain = !path.contains('%') && !path.contains("//") && !path.contains("/.") && !path.ends_with('/');
    if is_plain {
        return path.into();
    }
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let mut segments = Vec::new();
    for segment in decoded.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    format!("/{}", segments.join("/")).into()
}

fn allow(who: &Who, caller: Option<&Caller>) -> Result<(), Problem> {
    let (Who::SignedIn { roles, scopes }, Some(caller)) = (who, caller) else {
        return match (who, caller) {
            (Who::Anyone, _) => Ok(()),
            (_, None) => Err(Problem::NotSignedIn),
            (_, Some(_)) => Err(Problem::NotAllowed(None)),
        };
    };
    if !scopes.iter().all(|scope| caller.scopes.contains(scope)) {
        return Err(Problem::NotAllowed(Some(scopes.join(" "))));
    }
    let has_role = roles.is_empty() || roles.iter().any(|role| caller.roles.contains(role));
    if has_role { Ok(()) } else { Err(Problem::NotAllowed(None)) }
}

/// Who is asking, as JSON. A subject means one person only together with its issuer, so the account's name here has both.
fn field(caller: &Caller) -> HeaderValue {
    let mut document = serde_json::json!({
        "sub": format!("{}|{}", caller.issuer, caller.subject), "iss": &*caller.issuer,
        "roles": caller.roles, "scopes": caller.scopes,
    });
    if let Some(family) = &caller.family {
        document["family"] = family.as_str().into();
    }
    // A subject, a role and a scope are printable ASCII (`souk_identity::token`); the name of an issuer is the manifest's.
    let text: String = document.to_string().chars().flat_map(escape).collect();
    HeaderValue::try_from(text).expect("it is ASCII without control characters")
}

/// Characters beyond ASCII as JSON writes them where it must be ASCII.
fn escape(character: char) -> Vec<char> {
    if (' '..='~').contains(&character) {
        return vec![character];
    }
    character
        .encode_utf16(&mut [0; 2])
        .iter()
        .flat_map(|unit| format!("\\u{unit:04x}").chars().collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_around_a_path_lead_to_it() {
        for sent in
            ["/a/b", "/a/b/", "/a//b", "//a/b", "/a/./b", "/a/x/../b", "/%61/b", "/a%2Fb", "/a%2fx/%2e%2e/b", "/../a/b"]
        {
            assert_eq!(meant(sent), "/a/b", "{sent}");
        }
        assert_eq!((meant("/"), meant("/..")), ("/".into(), "/".into()));
        assert_eq!(meant("/%2561"), "/%61", "decoded once, as components do");
    }
}
