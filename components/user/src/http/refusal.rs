//! The refusals of the domain as problems: the one place where they become HTTP.

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use souk_kit::etag::IfMatch;
use souk_kit::log;
use souk_kit::problem::{Fault, Place, Problem};

use crate::domain::Refusal;

/// How long a client is asked to wait for the host: a queue of passwords is worked off in a second or two.
const RETRY_AFTER_S: u32 = 2;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::EmailTaken => Self::named(StatusCode::CONFLICT, "email-taken", "Another account has this e-mail"),
            Refusal::WrongCredentials => unauthorized("wrong-credentials", "The e-mail or the password is wrong"),
            Refusal::WrongPassword => forbidden("wrong-password", "The current password is another one"),
            Refusal::Disabled => forbidden("account-disabled", "The account is disabled"),
            Refusal::Blocked { retry_after_s } => {
                let title = "There were too many wrong passwords";
                Self::named(StatusCode::TOO_MANY_REQUESTS, "too-many-attempts", title)
                    .detail("wait before the next attempt; the password was not looked at")
                    .header(RETRY_AFTER, retry_after_s.into())
            }
            Refusal::InvalidRefreshToken => {
                unauthorized("invalid-refresh-token", "The refresh token is not good").detail("sign in again")
            }
            Refusal::SessionOver => unauthorized("session-over", "The session is over").detail("sign in again"),
            Refusal::UnknownAccount => not_found("there is no such account"),
            Refusal::UnknownSession => not_found("you have no such session"),
            Refusal::LastAdmin => Self::named(StatusCode::CONFLICT, "last-admin", "Nobody else can keep the shop")
                .detail("make somebody else an admin first"),
            Refusal::Stale => IfMatch::failed(),
            Refusal::UnfitPassword(detail) => {
                let place = Place::Pointer("/new_password".to_owned());
                Self::invalid_body(&[Fault { place, detail }])
            }
            Refusal::NoTokens(text) => {
                log::error(&format!("tokens: {text}"));
                unavailable()
            }
            Refusal::BusyPasswords => unavailable(),
            Refusal::Misused(text) => Self::internal(text),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

/// RFC 9110 §15.5.2 asks for the field.
fn unauthorized(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::UNAUTHORIZED, name, title).header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

fn forbidden(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::FORBIDDEN, name, title)
}

fn not_found(detail: &str) -> Problem {
    Problem::of(StatusCode::NOT_FOUND).detail(detail)
}

fn unavailable() -> Problem {
    Problem::of(StatusCode::SERVICE_UNAVAILABLE).header(RETRY_AFTER, RETRY_AFTER_S.into())
}
