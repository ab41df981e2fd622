//! Sessions and the refresh tokens that keep them going.
//!
//! A session is what somebody has by signing in once; tokens call it their family. It has one refresh token at a time. Using
//! it gives the next one, and using it twice ends the session: one of the two users has stolen it, and nobody knows which
//! (RFC 9700 §4.14.2).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::Serialize;
use sha2::{Digest, Sha256};
use souk_kit::text;
use souk_kit::text::hexadecimal;
use souk_kit::time::Timestamp;

/// Seconds that a session lasts, however much it is used: 30 days. Then its owner signs in again.
pub const SESSION_S: u32 = 30 * 24 * 3_600;
/// Seconds that a refresh token is good unused: 14 days. A device that nobody picks up for so long asks again.
pub const IDLE_S: u32 = 14 * 24 * 3_600;
/// Seconds that access tokens are good at most, by the contract `souk:identity`: 3,600. For so long after its end a session is
/// remembered, so that whoever shuts an account revokes what was signed for it.
pub const ACCESS_TOKEN_S_MAX: u32 = 3_600;
/// Sessions of an account at a time: 20. A person's devices and browsers; the oldest makes room for the next.
pub const SESSIONS_MAX: usize = 20;
/// Refreshes of a session: 10,000. One every five minutes for its 30 days has 8,640, and each is a row until the session ends.
pub const REFRESHES_MAX: i64 = 10_000;
/// Sessions of an account whose tokens are revoked at once: 1,000, which is what the contract takes. Those that live are among
/// them; of those that ended within the last hour the newest.
pub const REVOKED_MAX: usize = 1_000;
/// Ended sessions that a transaction takes away: 10. Each makes at most one, so none is left lying.
pub const SWEPT_SESSIONS_MAX: usize = 10;
/// Refresh tokens that a transaction takes away: 100, for the same reason.
pub const SWEPT_TOKENS_MAX: usize = 100;

/// By what secret scanners know a refresh token.
pub const PREFIX: &str = "souk_rt_";

text!(
    /// The id of a session, which tokens call their family.
    SessionId,
    text::id
);

/// A session as its owner sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Session {
    /// For ever the same.
    pub id: SessionId,
    /// When its owner signed in.
    pub created_at: String,
    /// When a refresh token of it was last used, or its owner signed in.
    pub last_used_at: String,
    /// Whether it is the one of the request.
    pub current: bool,
}

/// Until when a session is what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When its present refresh token is too old.
    pub expires_at: Timestamp,
    /// When it is over in any case.
    pub ends_at: Timestamp,
    /// When it may be forgotten.
    pub forget_at: Timestamp,
}

impl Span {
    /// Of a session that begins now.
    pub fn begun(now: Timestamp) -> Self {
        Self::used(now, now.plus_seconds(SESSION_S))
    }

    /// Of one that is used now and ends then.
    pub fn used(now: Timestamp, ends_at: Timestamp) -> Self {
        let expires_at = now.plus_seconds(IDLE_S).min(ends_at);
        Self { expires_at, ends_at, forget_at: expires_at.plus_seconds(ACCESS_TOKEN_S_MAX) }
    }
}

/// A refresh token: what its holder has, and nobody else.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// Makes one of 32 random bytes.
    pub fn of(secret: [u8; 32]) -> Self {
        Self(format!("{PREFIX}{}", BASE64URL.encode(secret)))
    }

    /// Takes what somebody sent, if it can be one. What can't is not looked up.
    pub fn parse(text: &str) -> Option<Self> {
        let secret = BASE64URL.decode(text.strip_prefix(PREFIX)?).ok()?;
        (secret.len() == 32).then(|| Self(text.to_owned()))
    }

    /// What is kept of it: SHA-256 of the whole text, hexadecimal. It is random, so nothing slower is needed.
    pub fn hash(&self) -> String {
        hexadecimal(&Sha256::digest(&self.0))
    }

    /// The text, for its holder alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::{ACCESS_TOKEN_S_MAX, IDLE_S, RefreshToken, SESSION_S, Span};
    use souk_kit::time::Timestamp;

    #[test]
    fn a_refresh_token_is_known_by_its_prefix_and_reads_back() {
        let token = RefreshToken::of([7; 32]);
        assert_eq!(token.as_str(), "souk_rt_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        assert_eq!(RefreshToken::parse(token.as_str()), Some(token.clone()));
        let whole = token.as_str();
        for other in
            [&whole[..whole.len() - 1], &whole[8..], &format!("{whole}="), &format!("{whole}A"), "souk_rt_", ""]
        {
            assert_eq!(RefreshToken::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_kept_of_a_refresh_token_is_its_digest_and_no_log_shows_it() {
        let token = RefreshToken::of([7; 32]);
        // `printf souk_rt_BwcH… | sha256sum`
        assert_eq!(token.hash(), "866afe6b61e023b3dee0514f962fba85aa65422a4445f2c81aaec134e8dc2f43");
        assert_eq!(format!("{token:?}"), "RefreshToken(…)");
    }

    #[test]
    fn no_use_takes_a_session_beyond_its_end() {
        let start = Timestamp::from_milliseconds(0);
        let begun = Span::begun(start);
        assert_eq!(begun.expires_at, start.plus_seconds(IDLE_S));
        assert_eq!(begun.forget_at, begun.expires_at.plus_seconds(ACCESS_TOKEN_S_MAX));
        let late = start.plus_seconds(SESSION_S - 60);
        assert_eq!(Span::used(late, begun.ends_at).expires_at, start.plus_seconds(SESSION_S));
    }
}
