//! `souk:jobs/periodic`: what a crash left, and keys that nobody repeats any more.

use super::bindings::exports::souk::jobs::periodic::{Error, Guest, Outcome};
use super::{Service, orders};
use crate::store;

impl Guest for Service {
    async fn run(name: String) -> Result<Outcome, Error> {
        let more = match name.as_str() {
            "resume" => orders().resume().await,
            "forget" => store::key::forget(&orders().context).await,
            _ => return Err(Error::UnknownJob),
        };
        match more {
            Ok(true) => Ok(Outcome::More),
            Ok(false) => Ok(Outcome::Done),
            Err(failure) => Err(Error::Unavailable(failure.to_string())),
        }
    }
}
