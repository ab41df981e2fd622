//! `souk user create`: an account made by the operator, such as the first administrator's.
//!
//! The host that runs is asked, and passes it on to the service that keeps the accounts (`wit/user`): a command that wrote into its
//! database by itself would know what only that service may know.

use crate::operator::{AskError, Pass};
use crate::problem;
use http::StatusCode;
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use std::io::{self, Write};
use std::path::Path;

/// Where accounts are made: at the operator's listener, and by the service.
pub const PATH: &str = "/api/v1/users";

/// Characters of a password that is made up here. No two of them look alike.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// How many of them: 100 bits.
const LENGTH: usize = 20;

/// Who is to have an account.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// The name; what stands before the `@` without it.
    pub name: Option<String>,
    /// One or more.
    pub roles: Vec<String>,
    /// The password; one is made up without it.
    pub password: Option<String>,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// The host.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The service refused; its words.
    #[error("the account was not made: {0}")]
    Refused(String),
    /// No random numbers, or nobody reads the report.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Asks the host that runs on this data folder. A password that was made up is told to `out`, once.
pub async fn create(data: &Path, user: &NewUser, out: &mut dyn Write) -> Result<(), CreateError> {
    let made_up = user.password.is_none().then(password).transpose()?;
    let document = json!({
        "email": user.email,
        "name": user.name.as_deref().unwrap_or_else(|| user.email.split('@').next().unwrap_or_default()),
        "roles": user.roles,
        "password": user.password.as_ref().or(made_up.as_ref()),
    });
    let answer = Pass::read(data)?.post(PATH, &document).await?;
    if answer.status() != StatusCode::CREATED {
        return Err(CreateError::Refused(problem::told(&answer)));
    }
    writeln!(out, "{} can sign in, as {}", user.email, user.roles.join(", "))?;
    if let Some(password) = made_up {
        writeln!(out, "password: {password}\nIt is not shown again.")?;
    }
    Ok(())
}

/// A password that nobody guesses and anybody can type.
pub fn password() -> io::Result<String> {
    let mut bytes = [0; LENGTH];
    SystemRandom::new().fill(&mut bytes).map_err(|_| io::Error::other("the system has no random numbers"))?;
    Ok(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect())
}
