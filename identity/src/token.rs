//! What a token says: the words that signing and checking share, and how they may be written.
//!
//! One set of rules for both, so that whatever was signed here is taken here.

use std::sync::Arc;

use crate::limits::{SCOPE_BYTES_MAX, SCOPES_MAX};

/// The media type of an access token, in `typ` (RFC 9068 §2.1). It keeps every other kind of token that an issuer signs (refresh,
/// id, logout) from being taken for one.
pub(crate) const ACCESS_TOKEN: &str = "at+jwt";

/// Who calls, as a token that was found good says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Whose word it is. A subject means one person only together with it.
    pub issuer: Arc<str>,
    /// Who it is: printable ASCII without spaces.
    pub subject: String,
    /// Roles, of another issuer only those that it may give.
    pub roles: Vec<String>,
    /// What the token may be used for.
    pub scopes: Vec<String>,
    /// The family of the refresh token that it came from; none if another issuer signed it. Whoever keeps a list of revoked
    /// families asks it.
    pub family: Option<String>,
    /// The key that signed it. A kept result goes with the key.
    pub key: String,
    /// The token's own id, of tokens of our own. Whoever makes ids that tell an order can tell what was signed after a revocation.
    pub id: Option<String>,
    /// Until when it is good, in seconds since 1970, without leeway.
    pub expires_s: u64,
}

/// Printable ASCII without spaces: can stand in a header field and in a log line as it is.
pub fn is_word(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The characters of a scope (RFC 6749 §3.3): those of a word without quotes and backslash, so that a list needs no escapes.
pub(crate) fn is_name(text: &str, bytes_max: usize) -> bool {
    is_word(text, bytes_max) && !text.contains(['"', '\\'])
}

/// The scopes in a `scope`, which are separated by one space each (RFC 8693 §4.2). Some issuers write none as an empty text.
pub(crate) fn scopes(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let scopes: Vec<_> = text.split(' ').take(SCOPES_MAX + 1).collect();
    let are_good = scopes.len() <= SCOPES_MAX && scopes.iter().all(|scope| is_name(scope, SCOPE_BYTES_MAX));
    are_good.then(|| scopes.into_iter().map(Into::into).collect())
}
