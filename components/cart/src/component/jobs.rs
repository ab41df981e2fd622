//! `souk:jobs/periodic`.

use souk_database::contract::Error as DatabaseError;
use souk_kit::database::Failure;

use super::bindings::exports::souk::jobs::periodic::{Error, Guest, Outcome};
use super::{Service, of_instance};
use crate::carts::expire::JOB;
use crate::domain::Refusal;

impl Guest for Service {
    async fn run(name: String) -> Result<Outcome, Error> {
        if name != JOB {
            return Err(Error::UnknownJob);
        }
        match of_instance().expire().await {
            Ok(true) => Ok(Outcome::More),
            Ok(false) => Ok(Outcome::Done),
            Err(Refusal::Failed(failure)) => Err(failure.into()),
            Err(other) => Err(Error::Other(format!("{other:?}"))),
        }
    }
}

/// The host writes it to its log.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let text = failure.to_string();
        match failure {
            Failure::Stale | Failure::Database(DatabaseError::Unavailable(_) | DatabaseError::Undecided(_)) => {
                Self::Unavailable(text)
            }
            Failure::Database(_) | Failure::Mismatch(_) => Self::Other(text),
        }
    }
}
