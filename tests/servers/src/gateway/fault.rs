//! What a method says is to go wrong, and with which operation.

use super::book::{Kind, Verdict};
use super::{Instead, SLOW_S};

/// How the gateway reacts to one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// It has this verdict, and says so.
    Plain(Verdict),
    /// It has no effect, and this is sent.
    Before(Instead),
    /// It succeeds, and this is sent.
    After(Instead),
    /// It succeeds, and is told later.
    Slow,
}

impl Reaction {
    pub(super) fn of(token: &str, kind: Kind) -> Self {
        let succeeds = Self::Plain(Verdict::Succeeded);
        let own = authorization(token);
        match (own, later(token)) {
            (Some(own), _) if kind == Kind::Authorize => own,
            (None, Some((of, reaction))) if of == kind => reaction,
            // That of another operation.
            (Some(_), _) | (None, Some(_)) => succeeds,
            (None, None) if kind == Kind::Authorize => Self::Plain(Verdict::Declined("invalid-method")),
            (None, None) => Self::Plain(Verdict::Failed),
        }
    }

    pub(super) fn before_effect(self) -> Option<Instead> {
        match self {
            Self::Before(instead) => Some(instead),
            Self::Plain(_) | Self::After(_) | Self::Slow => None,
        }
    }

    pub(super) fn after_effect(self) -> Option<Instead> {
        match self {
            Self::After(instead) => Some(instead),
            Self::Plain(_) | Self::Before(_) | Self::Slow => None,
        }
    }

    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Plain(verdict) => verdict,
            Self::Before(_) | Self::After(_) | Self::Slow => Verdict::Succeeded,
        }
    }

    pub(super) fn after_s(self) -> u32 {
        if self == Self::Slow { SLOW_S } else { 0 }
    }
}

fn authorization(token: &str) -> Option<Reaction> {
    match token {
        "tok_visa" => Some(Reaction::Plain(Verdict::Succeeded)),
        "tok_declined" => Some(Reaction::Plain(Verdict::Declined("declined"))),
        "tok_insufficient_funds" => Some(Reaction::Plain(Verdict::Declined("insufficient-funds"))),
        "tok_expired" => Some(Reaction::Plain(Verdict::Declined("expired"))),
        "tok_stolen" => Some(Reaction::Plain(Verdict::Declined("suspected-fraud"))),
        "tok_error" => Some(Reaction::Plain(Verdict::Failed)),
        // A class that the service does not know.
        "tok_moody" => Some(Reaction::Plain(Verdict::Declined("full-moon"))),
        _ => fault(token.strip_prefix("tok_")?),
    }
}

/// The operation after the authorization that something goes wrong with, and what.
fn later(token: &str) -> Option<(Kind, Reaction)> {
    let (kind, word) = token.strip_prefix("tok_")?.split_once('_')?;
    let kind = match kind {
        "capture" => Kind::Capture,
        "void" => Kind::Void,
        "refund" => Kind::Refund,
        _ => return None,
    };
    match word {
        "fails" => Some((kind, Reaction::Plain(Verdict::Failed))),
        _ => fault(word).map(|reaction| (kind, reaction)),
    }
}

fn fault(word: &str) -> Option<Reaction> {
    match word {
        "unavailable" => Some(Reaction::Before(Instead::Status(429))),
        "timeout" => Some(Reaction::Before(Instead::Closed)),
        "timeout_after_effect" => Some(Reaction::After(Instead::Closed)),
        "slow" => Some(Reaction::Slow),
        "500" => Some(Reaction::Before(Instead::Status(500))),
        "500_after_effect" => Some(Reaction::After(Instead::Status(500))),
        "409_after_effect" => Some(Reaction::After(Instead::Status(409))),
        "hangs" => Some(Reaction::Before(Instead::Silence)),
        "hangs_after_effect" => Some(Reaction::After(Instead::Silence)),
        "garbled_after_effect" => Some(Reaction::After(Instead::Garbled)),
        "mixed_up_after_effect" => Some(Reaction::After(Instead::MixedUp)),
        "large_after_effect" => Some(Reaction::After(Instead::Large)),
        _ => None,
    }
}
