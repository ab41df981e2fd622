//! What the service needs of `souk:identity`, as a trait: in a component the host does it, in a process of its own whoever
//! starts it. The promises stand in `wit/identity`; this file must not add any.

use std::fmt;
use std::pin::Pin;

use crate::domain::Refusal;

/// What an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who it is.
    pub subject: String,
    /// The program that asked.
    pub client: String,
    /// What they may do.
    pub roles: Vec<String>,
    /// The session.
    pub family: String,
}

/// A signed token.
#[derive(Clone)]
pub struct AccessToken {
    /// What stands behind `Bearer `.
    pub text: String,
    /// For how many seconds it is good from now on.
    pub expires_in: u32,
}

/// What became of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is another one, or there was nothing to compare it with.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and is to be hashed again.
    Dated,
}

/// Why nothing was signed or revoked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// The grant is not acceptable: a mistake of this service. Names what is wrong.
    Invalid(String),
    /// The host can't do it now.
    Unavailable(String),
}

/// Why nothing was found out about a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordError {
    /// The password or the hash is not acceptable: a mistake of this service.
    Invalid(String),
    /// Too many wait already.
    Busy,
}

/// A future as [`Identity`] returns it.
pub type Answer<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Signs and revokes tokens, hashes and compares passwords.
pub trait Identity: Send + Sync {
    /// Signs a token that is good from now on.
    fn sign(&self, grant: Grant) -> Answer<'_, AccessToken, TokenError>;

    /// Ends every token that was signed for these sessions until now.
    fn revoke(&self, families: Vec<String>) -> Answer<'_, (), TokenError>;

    /// Hashes a password.
    fn hash(&self, password: String) -> Answer<'_, String, PasswordError>;

    /// Compares a password with a hash; without one it is wrong after the same work.
    fn verify(&self, password: String, hash: Option<String>) -> Answer<'_, Verdict, PasswordError>;
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid(text) => Self::Misused(format!("tokens: {text}")),
            TokenError::Unavailable(text) => Self::NoTokens(text),
        }
    }
}

impl From<PasswordError> for Refusal {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::Invalid(text) => Self::Misused(format!("passwords: {text}")),
            PasswordError::Busy => Self::BusyPasswords,
        }
    }
}

/// Without the token.
impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
