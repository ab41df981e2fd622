//! Signing in with a password.

use souk_kit::database::Failure;
use souk_kit::log;

use super::{Accounts, Tokens};
use crate::domain::password::{Given, Hash};
use crate::domain::session::{RefreshToken, SessionId, Span};
use crate::domain::throttle::{Counted, Counter};
use crate::domain::{Email, Refusal, Status};
use crate::identity::Verdict;
use crate::store::account::{self, Credentials};
use crate::store::attempts;
use crate::store::session::{self, Beginning};

/// How often signing in starts again because somebody changes the account meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// Begins a session for whoever knows the password. Whether there is no account or the password is wrong can't be told
/// from the answer, nor from the work that it takes: one transaction, one read, one password.
pub async fn sign_in(
    accounts: &Accounts,
    email: &Email,
    password: Given,
    address: Option<Counter>,
) -> Result<Tokens, Refusal> {
    let context = &accounts.context;
    let counters: Vec<Counter> = [Counter::of_account(email)].into_iter().chain(address).collect();
    let counted = attempts::count(context, &counters).await?;
    let credentials = account::by_email(context, email).await?;
    let hash = credentials.as_ref().map(|credentials| &credentials.hash);
    let verdict = accounts.look_at(&counted, password.clone(), hash).await?;
    let Some(credentials) = credentials.filter(|_| verdict != Verdict::Wrong) else {
        return Err(Refusal::WrongCredentials);
    };
    if credentials.account.status == Status::Disabled {
        attempts::forgive_all(context, &counted).await?;
        return Err(Refusal::Disabled);
    }
    let fresher = match verdict {
        Verdict::Dated => accounts.rehash(password).await?,
        Verdict::Right | Verdict::Wrong => None,
    };
    accounts.begin(credentials, fresher, &counted).await
}

impl Accounts {
    /// Compares a password for an attempt that was counted. If nobody can look at it, the attempt was none.
    pub(super) async fn look_at(
        &self,
        counted: &[Counted],
        password: Given,
        hash: Option<&Hash>,
    ) -> Result<Verdict, Refusal> {
        let verdict = self.verify(password, hash).await;
        if verdict.is_err() {
            attempts::take_back(&self.context, counted).await?;
        }
        verdict
    }

    /// Today's hash of a password that was found right; none if the host is too busy: another time will do.
    async fn rehash(&self, password: Given) -> Result<Option<Hash>, Refusal> {
        match self.identity.hash(password.into_string()).await.map_err(Refusal::from) {
            Ok(hash) => Ok(Some(Hash::new(hash))),
            Err(Refusal::BusyPasswords) => Ok(None),
            Err(refusal) => Err(refusal),
        }
    }

    async fn begin(
        &self,
        mut credentials: Credentials,
        fresher: Option<Hash>,
        counted: &[Counted],
    ) -> Result<Tokens, Refusal> {
        let context = &self.context;
        for _ in 0..ATTEMPTS_MAX {
            let session = SessionId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
            let (token, span) = (RefreshToken::of(context.secret()), Span::begun(context.now()));
            let access = match self.sign(&credentials.account, &session).await {
                Ok(access) => access,
                Err(refusal) => {
                    attempts::forgive_all(context, counted).await?;
                    return Err(refusal);
                }
            };
            let beginning = Beginning {
                credentials: &credentials,
                fresher: fresher.as_ref(),
                session: &session,
                token: &token,
                counted,
            };
            if let Some(oldest) = session::begin(context, &beginning, span).await? {
                self.make_room(&oldest).await;
                let refresh_expires_in = span.expires_at.seconds_from(context.now());
                return Ok(Tokens { access, refresh: token, refresh_expires_in });
            }
            credentials = self.again(&credentials).await?;
        }
        Err(Refusal::Failed(Failure::Stale))
    }

    /// Looks once more at an account that was changed since its password was found right.
    async fn again(&self, before: &Credentials) -> Result<Credentials, Refusal> {
        match account::by_email(&self.context, &before.account.email).await? {
            Some(now) if now.hash != before.hash => Err(Refusal::WrongCredentials),
            Some(now) if now.account.status == Status::Disabled => Err(Refusal::Disabled),
            Some(now) => Ok(now),
            None => Err(Refusal::WrongCredentials),
        }
    }

    /// What was signed for the sessions that had to go is good for minutes anyway, and is the same person's: not worth
    /// refusing the new one for.
    async fn make_room(&self, oldest: &[SessionId]) {
        if self.revoke(oldest).await.is_err() {
            log::error("the tokens of a session that made room could not be revoked");
        }
    }
}
