//! The operations that need more than the database: what is signed, revoked, hashed or compared on the way.
//!
//! The order is the same everywhere. Tokens are signed before the transaction that makes them worth something, so that nothing
//! is used up for an answer that can't be given; they are revoked after the one that ends them, and whoever asked repeats the
//! request if that fails. So a token that is signed while somebody changes the account is either never given out, or signed
//! before the revocation, which then covers it.

use std::sync::Arc;

use souk_kit::context::Context;

use crate::domain::password::{Chosen, Given, Hash};
use crate::domain::session::{RefreshToken, SessionId};
use crate::domain::{Account, Refusal};
use crate::identity::{AccessToken, Grant, Identity, Verdict};

pub mod sign_in;

pub mod refresh;

pub mod end;

pub mod change;

/// The program that asks for tokens (`client_id`): the service itself, for whoever gives it a password.
const CLIENT: &str = "souk";

/// The world of the service: its database, clock and secrets, and the host's identity. Cloning it is cheap.
#[derive(Clone)]
pub struct Accounts {
    /// Database, clock, ids, secrets.
    pub context: Context,
    identity: Arc<dyn Identity>,
}

/// What somebody gets who signed in.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For minutes.
    pub access: AccessToken,
    /// For the next ones.
    pub refresh: RefreshToken,
    /// For how many seconds the refresh token is good unused.
    pub refresh_expires_in: u32,
}

impl Accounts {
    /// Puts the two together.
    pub fn new(context: Context, identity: impl Identity + 'static) -> Self {
        Self { context, identity: Arc::new(identity) }
    }

    async fn sign(&self, account: &Account, session: &SessionId) -> Result<AccessToken, Refusal> {
        let grant = Grant {
            subject: account.id.as_str().to_owned(),
            client: CLIENT.to_owned(),
            roles: account.roles.words(),
            family: session.as_str().to_owned(),
        };
        Ok(self.identity.sign(grant).await?)
    }

    async fn revoke(&self, sessions: &[SessionId]) -> Result<(), Refusal> {
        if sessions.is_empty() {
            return Ok(());
        }
        Ok(self.identity.revoke(sessions.iter().map(|session| session.as_str().to_owned()).collect()).await?)
    }

    async fn hash(&self, password: Chosen) -> Result<Hash, Refusal> {
        Ok(Hash::new(self.identity.hash(password.into_string()).await?))
    }

    async fn verify(&self, password: Given, hash: Option<&Hash>) -> Result<Verdict, Refusal> {
        let hash = hash.map(|hash| hash.as_str().to_owned());
        Ok(self.identity.verify(password.into_string(), hash).await?)
    }
}
