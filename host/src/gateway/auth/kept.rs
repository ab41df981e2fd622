//! Tokens that were found good, by their digest, for a while: a signature is a hundred times the work.
//!
//! Two halves: new ones go into the younger, and when that is full or old it becomes the elder, and what was in the elder is gone.
//! Nothing is ever looked for, however many come.

use souk_identity::token::Caller;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

/// How long a token that was found good is believed without another look.
const KEPT: Duration = Duration::from_secs(30);

/// Tokens in each half. One takes some 400 bytes; with more the work is done again.
const HALF_MAX: usize = 20_000;

/// Somebody whose token was found good.
pub(in crate::gateway) struct Known {
    pub(in crate::gateway) caller: Caller,
    /// What components are told.
    pub(super) field: HeaderValue,
}

/// The SHA-256 of a token.
pub(super) type Digest = [u8; 32];

#[derive(Default)]
pub(super) struct Kept(Mutex<Halves>);

struct Halves {
    younger: HashMap<Digest, Entry>,
    elder: HashMap<Digest, Entry>,
    turned: Instant,
}

struct Entry {
    known: Arc<Known>,
    since: Instant,
    /// That of the keys which it was found good with.
    revision: u64,
}

impl Kept {
    /// Whose token it is, if that was found out not long ago, with these keys, and it has not expired.
    pub(super) fn recall(&self, token: &Digest, revision: u64, now_s: u64) -> Option<Arc<Known>> {
        let halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = halves.younger.get(token).or_else(|| halves.elder.get(token))?;
        let is_fresh =
            entry.revision == revision && entry.since.elapsed() < KEPT && now_s < entry.known.caller.expires_s;
        is_fresh.then(|| Arc::clone(&entry.known))
    }

    /// Keeps what was found out now.
    pub(super) fn keep(&self, token: Digest, known: Arc<Known>, revision: u64) {
        let now = Instant::now();
        let gone = {
            let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = halves.younger.len() >= HALF_MAX || now - halves.turned > KEPT;
            let gone = is_over.then(|| halves.turn(now));
            halves.younger.insert(token, Entry { known, since: now, revision });
            gone
        };
        // Freed while nobody waits.
        drop(gone);
    }
}

impl Halves {
    /// The younger half becomes the elder; what was that is answered.
    fn turn(&mut self, now: Instant) -> HashMap<Digest, Entry> {
        self.turned = now;
        let younger = std::mem::take(&mut self.younger);
        std::mem::replace(&mut self.elder, younger)
    }
}

impl Default for Halves {
    fn default() -> Self {
        Self { younger: HashMap::new(), elder: HashMap::new(), turned: Instant::now() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(expires_s: u64) -> Arc<Known> {
        let caller = Caller {
            issuer: "i".into(),
            subject: "s".into(),
            roles: Vec::new(),
            scopes: Vec::new(),
            family: None,
            key: "k".into(),
            id: None,
            expires_s,
        };
        Arc::new(Known { caller, field: HeaderValue::from_static("{}") })
    }

    fn digest(number: usize) -> Digest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_le_bytes());
        digest
    }

    #[test]
    fn a_token_is_known_until_it_expires_or_the_keys_change() {
        let kept = Kept::default();
        kept.keep(digest(1), known(100), 7);
        assert!(kept.recall(&digest(1), 7, 99).is_some());
        for (token, revision, now_s) in [(2, 7, 99), (1, 8, 99), (1, 7, 100)] {
            assert!(kept.recall(&digest(token), revision, now_s).is_none(), "{token} {revision} {now_s}");
        }
    }

    #[test]
    fn however_many_come_the_last_are_known_and_no_more_than_two_halves() {
        let kept = Kept::default();
        let count = 5 * HALF_MAX + HALF_MAX / 2;
        for number in 0..count {
            kept.keep(digest(number), known(100), 0);
        }
        let still = (0..count).filter(|number| kept.recall(&digest(*number), 0, 0).is_some()).collect::<Vec<_>>();
        assert_eq!(still, (4 * HALF_MAX..count).collect::<Vec<_>>());
    }
}
