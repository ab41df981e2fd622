//! Who is asking, and whether they may: bearer tokens (RFC 6750) of issuers that the manifest names, and its rules per route.
//!
//! Without `tokens` in the manifest nobody is asked. With it, a request that no rule is about may come from anyone if its method is safe
//! (RFC 9110 §9.2.1), and from nobody otherwise: a route that was forgotten does not stand open. A token that is no good is refused
//! also where anyone may come: its sender believes to be signed in.
//!
//! The component learns of the caller by a field that only the gateway can set (`head` takes it away from whoever sends it) and never sees
//! the token. Tokens that were found good are kept by their digest for `KEPT`, as a signature is a hundred times the work.

use crate::manifest::{AccessRule, Application, Fault, Faults, Tokens, Who};
use crate::problem::Problem;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request};
use percent_encoding::percent_decode_str;
use ring::digest::{SHA256, digest};
use souk_identity::check::{Checker, Issuer};
use souk_identity::public::PublicKeys;
use souk_identity::token::Caller;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The field that tells a component who is asking; the kit reads it.
const CALLER: HeaderName = HeaderName::from_static("souk-caller");

/// How long a token that was found good is believed without another look. Who revokes one waits no longer than this.
const KEPT: Duration = Duration::from_secs(30);

/// Tokens that are kept. One takes some 300 bytes; with more the work is done again.
const KEPT_MAX: usize = 20_000;

/// Who may ask what.
pub struct Auth {
    checker: Option<Checker>,
    /// By the index of the component.
    rules: Vec<Vec<AccessRule>>,
    kept: Mutex<HashMap<[u8; 32], Kept>>,
}

#[derive(Clone)]
struct Kept {
    caller: Caller,
    since: Instant,
}

impl Auth {
    /// That of an application; reads the keys of its issuers.
    pub fn new(application: &Application) -> Result<Self, Faults> {
        Ok(Self {
            checker: application.tokens.as_ref().map(|tokens| checker(application, tokens)).transpose()?,
            rules: application.components.iter().map(|component| component.access.clone()).collect(),
            kept: Mutex::default(),
        })
    }

    /// Lets a request to this component pass, and says on it who is asking.
    pub(super) fn admit<B>(&self, component: usize, request: &mut Request<B>) -> Result<(), Problem> {
        let Some(checker) = &self.checker else { return Ok(()) };
        let caller = match bearer(request.headers())? {
            Some(token) => Some(self.check(checker, token)?),
            None => None,
        };
        allow(self.who(component, request), caller.as_ref())?;
        if let Some(caller) = caller {
            let headers = request.headers_mut();
            headers.remove(AUTHORIZATION);
            headers.insert(CALLER, field(&caller));
        }
        Ok(())
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

    fn check(&self, checker: &Checker, token: &str) -> Result<Caller, Problem> {
        let now_s = now_s();
        let key: [u8; 32] = digest(&SHA256, token.as_bytes()).as_ref().try_into().expect("SHA-256 has 32 bytes");
        let is_fresh = |kept: &Kept| kept.since.elapsed() < KEPT && now_s < kept.caller.expires_s;
        if let Some(kept) = self.kept().get(&key).filter(|kept| is_fresh(kept)) {
            return Ok(kept.caller.clone());
        }
        let caller = checker.check(token, now_s).map_err(|refused| {
            tracing::debug!(%refused, "a token is not taken");
            Problem::InvalidToken
        })?;
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.retain(|_, kept| is_fresh(kept));
        }
        if kept.len() < KEPT_MAX {
            kept.insert(key, Kept { caller: caller.clone(), since: Instant::now() });
        }
        Ok(caller)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<[u8; 32], Kept>> {
        // Held for one operation of the map, none of which leaves it half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The path as a lenient component may read it: decoded, without empty segments, `.` and `..`, and without a slash at the end. Routes compare
/// paths as they are sent; were rules to do the same, `/%61dmin` would be a way around a rule about `/admin`.
fn meant(path: &str) -> Cow<'_, str> {
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

fn checker(application: &Application, tokens: &Tokens) -> Result<Checker, Faults> {
    let mut faults = Faults::new(&application.file);
    let mut issuers = Vec::new();
    for issuer in &tokens.issuers {
        let read = std::fs::read_to_string(&issuer.keys).map_err(|error| error.to_string());
        match read.and_then(|text| PublicKeys::parse(&text, &issuer.algorithms).map_err(|fault| fault.to_string())) {
            Ok(keys) => {
                let roles: Vec<&str> = issuer.roles.iter().map(String::as_str).collect();
                issuers.push(Issuer::foreign(&issuer.name, &keys, issuer.profile, &roles));
            }
            Err(why) => {
                let what =
                    format!("the keys of issuer {:?} can't be used: {}: {why}", issuer.name, issuer.keys.display());
                faults.push(Fault::new(issuer.line, what, "put what its jwks_uri answers into this file"));
            }
        }
    }
    if faults.is_empty() { Ok(Checker::new(&tokens.audience, issuers)) } else { Err(faults) }
}

/// The token of a request, none if it has no credentials of this kind. Two are one too many: which of them counts would be anybody's guess.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let Some(field) = fields.next() else { return Ok(None) };
    if fields.next().is_some() {
        return Err(Problem::InvalidToken);
    }
    let text = field.to_str().map_err(|_| Problem::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    // Another scheme is between the client and the component.
    let is_bearer = scheme.eq_ignore_ascii_case("bearer");
    Ok(is_bearer.then(|| token.trim_start_matches(' ')))
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
    let document = serde_json::json!({
        "sub": format!("{}|{}", caller.issuer, caller.subject), "iss": &*caller.issuer,
        "roles": caller.roles, "scopes": caller.scopes,
    });
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

#[expect(
    clippy::disallowed_methods,
    reason = "the edge of the program: whether a token has expired is a question of the time"
)]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
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
