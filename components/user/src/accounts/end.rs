//! Ending sessions. First in the database, so that nothing is signed for them any more, then what was signed; whoever is told
//! that the second failed repeats the request.

use super::Accounts;
use crate::domain::session::SessionId;
use crate::domain::{AccountId, Refusal};
use crate::store::session;

/// Ends the session of the request. One that is over and forgotten is fine, too.
pub async fn sign_out(accounts: &Accounts, account: &AccountId, session: &SessionId) -> Result<(), Refusal> {
    session::end(&accounts.context, account, session).await?;
    accounts.revoke(std::slice::from_ref(session)).await
}

/// Ends all sessions of an account.
pub async fn sign_out_everywhere(accounts: &Accounts, account: &AccountId) -> Result<(), Refusal> {
    let sessions = session::end_everywhere(&accounts.context, account).await?;
    accounts.revoke(&sessions).await
}

/// Ends one of an account's sessions.
pub async fn end(accounts: &Accounts, account: &AccountId, session: &SessionId) -> Result<(), Refusal> {
    if !session::end(&accounts.context, account, session).await? {
        return Err(Refusal::UnknownSession);
    }
    accounts.revoke(std::slice::from_ref(session)).await
}
