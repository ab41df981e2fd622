//! Making accounts and changing what others rely on: passwords, roles, whether the account may be used.

use souk_kit::email::Email;

use super::Accounts;
use crate::domain::password::{Chosen, Given};
use crate::domain::session::SessionId;
use crate::domain::throttle::{Counted, Counter};
use crate::domain::{Account, Changeable, Credentials, Name, Refusal, Roles};
use crate::identity::Verdict;
use crate::store::account;
use crate::store::attempts;

/// Creates an account.
pub async fn create(
    accounts: &Accounts,
    email: &Email,
    name: &Name,
    roles: &Roles,
    password: Chosen,
) -> Result<Account, Refusal> {
    let hash = accounts.hash(password).await?;
    account::create(&accounts.context, email, name, roles, &hash).await
}

/// Changes an account as an admin does. Tokens that were signed before say what it was: they are revoked, and sessions that
/// go on get new ones.
pub async fn change(accounts: &Accounts, present: &Account, wanted: &Changeable) -> Result<Account, Refusal> {
    let (account, sessions) = account::change(&accounts.context, present, wanted).await?;
    // A change of nothing may be the repetition of one whose tokens could not be revoked.
    let is_of_the_name_only =
        present.name != wanted.name && present.roles == wanted.roles && present.status == wanted.status;
    if !is_of_the_name_only {
        accounts.revoke(&sessions).await?;
    }
    Ok(account)
}

/// Replaces the password of whoever knows the old one. A wrong one counts as when signing in. If the other sessions' tokens
/// can't be revoked, the new password is in force all the same, and is what the repetition names as the current one.
pub async fn replace_password(
    accounts: &Accounts,
    credentials: &Credentials,
    current: &SessionId,
    given: Given,
    chosen: Chosen,
    address: Option<Counter>,
) -> Result<(), Refusal> {
    let Credentials { account, hash } = credentials;
    chosen.demand_fit(&account.email, &account.name).map_err(Refusal::UnfitPassword)?;
    let counters: Vec<Counter> = [Counter::of_account(&account.email)].into_iter().chain(address).collect();
    let counted = attempts::count(&accounts.context, &counters).await?;
    if accounts.look_at(&counted, given, Some(hash)).await? == Verdict::Wrong {
        return Err(Refusal::WrongPassword);
    }
    let replaced = accounts.replace(credentials, current, chosen, &counted).await;
    if replaced.is_err() {
        attempts::forgive_all(&accounts.context, &counted).await?;
    }
    accounts.revoke(&replaced?).await
}

impl Accounts {
    /// Answers with the sessions whose tokens are to be revoked.
    async fn replace(
        &self,
        credentials: &Credentials,
        current: &SessionId,
        chosen: Chosen,
        counted: &[Counted],
    ) -> Result<Vec<SessionId>, Refusal> {
        let hash = self.hash(chosen).await?;
        account::replace_password(&self.context, credentials, &hash, current, counted).await
    }
}
