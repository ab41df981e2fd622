//! The next tokens for a refresh token.

use souk_kit::database::Failure;

use super::{Accounts, Tokens};
use crate::domain::Refusal;
use crate::domain::session::{RefreshToken, Span};
use crate::store::session::{self, Held};

/// How often it starts again because somebody changes the account meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// Uses a refresh token up and gives the next ones. Of several uses one wins; each other one ends the session.
pub async fn refresh(accounts: &Accounts, token: &RefreshToken) -> Result<Tokens, Refusal> {
    let context = &accounts.context;
    for _ in 0..ATTEMPTS_MAX {
        let held = session::held(context, token).await?.ok_or(Refusal::InvalidRefreshToken)?;
        if held.is_used() {
            return Err(accounts.refuse_reuse(&held).await);
        }
        if !held.is_good(context.now()) {
            return Err(Refusal::InvalidRefreshToken);
        }
        let (next, span) = (RefreshToken::of(context.secret()), Span::used(context.now(), held.ends_at));
        let access = accounts.sign(&held.account, &held.session).await?;
        if session::rotate(context, &held, token, &next, span).await? {
            let refresh_expires_in = span.expires_at.seconds_from(context.now());
            return Ok(Tokens { access, refresh: next, refresh_expires_in });
        }
        // Somebody was faster, or changed the account: look which.
    }
    Err(Refusal::Failed(Failure::Stale))
}

impl Accounts {
    /// Ends the session. Also one that is ended already: it may be the repetition of a request whose tokens could not be
    /// revoked.
    async fn refuse_reuse(&self, held: &Held) -> Refusal {
        if let Err(failure) = session::end_reused(&self.context, held).await {
            return failure.into();
        }
        let revoked = self.revoke(std::slice::from_ref(&held.session)).await;
        revoked.err().unwrap_or(Refusal::InvalidRefreshToken)
    }
}
