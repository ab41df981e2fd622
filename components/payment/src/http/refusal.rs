//! The refusals of the domain as problems: the one place where they become HTTP.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use souk_kit::idempotency;
use souk_kit::problem::Problem;

use crate::domain::Refusal;
use crate::domain::operation::{Answer, Outcome};
use crate::domain::payment::{Conflict, Payment};

/// How long a client is asked to wait for a provider: longer than most answers take.
const RETRY_AFTER_S: u32 = 2;

/// The payment after an operation that took effect.
pub(super) fn of(answer: Answer) -> Result<Payment, Problem> {
    match answer.outcome {
        Outcome::Done => Ok(answer.payment),
        Outcome::Refused(conflict) => Err(conflict.into()),
        Outcome::Declined | Outcome::Failed => {
            let title = "The provider could not do it";
            Err(Problem::named(StatusCode::BAD_GATEWAY, "payment-failed", title)
                .detail("nothing was changed; it may be asked again under a new key"))
        }
    }
}

impl From<Conflict> for Problem {
    fn from(conflict: Conflict) -> Self {
        let title = match conflict {
            Conflict::NotAuthorized => "Nothing is held for this payment",
            Conflict::InsufficientAuthorization => "That is more than what is held",
            Conflict::AlreadyCaptured => "Something was taken",
            Conflict::AlreadyVoided => "The payment was voided",
            Conflict::NothingCaptured => "Nothing was taken",
            Conflict::ExceedsCaptured => "That is more than what was taken",
            Conflict::AlreadyRefunded => "It was given back",
        };
        Self::named(StatusCode::CONFLICT, conflict.as_str(), title)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownPayment => Self::of(StatusCode::NOT_FOUND).detail("there is no such payment"),
            Refusal::KeyReused => idempotency::reused(),
            Refusal::InProgress => {
                let title = "An operation on this payment is under way";
                again(StatusCode::CONFLICT, "payment-in-progress", title)
            }
            Refusal::Unknown(_) => {
                let title = "The provider did not answer, and whether it took effect is not known";
                again(StatusCode::SERVICE_UNAVAILABLE, "payment-outcome-unknown", title)
            }
            Refusal::ProviderUnavailable => {
                let title = "The provider can't be reached";
                again(StatusCode::SERVICE_UNAVAILABLE, "provider-unavailable", title)
            }
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

fn again(status: StatusCode, name: &str, title: &str) -> Problem {
    Problem::named(status, name, title)
        .detail("repeat the request with the same key")
        .header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
}
