//! Signing in with a password.

use souk_kit::database::Failure;
use souk_kit::email::Email;
use souk_kit::log;

use super::{Accounts, Tokens};
use crate::domain::password::{Given, Hash};
use crate::domain::session::{RefreshToken, SessionId, Span};
use crate::domain::throttle::{Counted, Counter};
use crate::domain::{Credentials, Refusal, Status};
use crate::identity::Verdict;
use crate::store::account;
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
    for _ in 0..ATTEMPTS_MAX {
        let credentials = account::by_email(context, email).await?;
        let hash = credentials.as_ref().map(|credentials| &credentials.hash);
        let verdict = accounts.look_at(&counted, password.clone(), hash).await?;
        let Some(credentials) = credentials.filter(|_| verdict != Verdict::Wrong) else {
            return Err(Refusal::WrongCredentials);
        };
        let begun = accounts.begin(&credentials, verdict, password.clone(), &counted).await;
        if begun.is_err() {
            attempts::forgive_all(context, &counted).await?;
        }
        if let Some(tokens) = begun? {
            return Ok(tokens);
        }
    }
    Err(Refusal::Failed(Failure::Stale))
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

    /// Begins a session for an account whose password was found right; nothing if it was changed meanwhile.
    async fn begin(
        &self,
        credentials: &Credentials,
        verdict: Verdict,
        password: Given,
        counted: &[Counted],
    ) -> Result<Option<Tokens>, Refusal> {
        let context = &self.context;
        if credentials.account.status == Status::Disabled {
            return Err(Refusal::Disabled);
        }
        let fresher = match verdict {
            Verdict::Dated => self.rehash(password).await?,
            Verdict::Right | Verdict::Wrong => None,
        };
        let session = SessionId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens");
        let (token, span) = (RefreshToken::of(context.secret()), Span::begun(context.now()));
        let access = self.sign(&credentials.account, &session).await?;
        let fresher = fresher.as_ref();
        let beginning = Beginning { credentials, fresher, session: &session, token: &token, counted };
        let Some(oldest) = session::begin(context, &beginning, span).await? else {
            return Ok(None);
        };
        self.make_room(&oldest).await;
        let refresh_expires_in = span.expires_at.seconds_from(context.now());
        Ok(Some(Tokens { access, refresh: token, refresh_expires_in }))
    }

    /// Today's hash of a password that was found right; none if the host is too busy: another time will do.
    async fn rehash(&self, password: Given) -> Result<Option<Hash>, Refusal> {
        match self.identity.hash(password.into_string()).await.map_err(Refusal::from) {
            Ok(hash) => Ok(Some(Hash::new(hash))),
            Err(Refusal::BusyPasswords) => Ok(None),
            Err(refusal) => Err(refusal),
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
