//! `souk:jobs/periodic`: the one job is `resolve`.

use souk_kit::log;

use super::bindings::exports::souk::jobs::periodic::{Error, Guest, Outcome};
use super::{Component, payments};
use crate::domain::Refusal;

/// Finishes what has had no outcome for long.
const RESOLVE: &str = "resolve";

impl<C: Component> Guest for C {
    async fn run(name: String) -> Result<Outcome, Error> {
        if name != RESOLVE {
            return Err(Error::UnknownJob);
        }
        let resolved = payments::<C>().resolve().await?;
        Ok(if resolved.is_more_due() { Outcome::More } else { Outcome::Done })
    }
}

/// Taking up what is open fails with the database alone; the other refusals are of one operation, and answers to whoever asked for it.
impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Failed(failure) => {
                log::error(&failure.to_string());
                Self::Unavailable("the database can't be used now, or too many change the same payment".to_owned())
            }
            Refusal::UnknownPayment
            | Refusal::KeyReused
            | Refusal::InProgress
            | Refusal::Unknown(_)
            | Refusal::ProviderUnavailable => Self::Other("an operation could not be taken up".to_owned()),
        }
    }
}
