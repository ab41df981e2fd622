//! Who is asking: the owner of an account, and from which address.

use std::net::IpAddr;

use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use souk_kit::caller::Caller;
use souk_kit::problem::Problem;

use crate::domain::AccountId;
use crate::domain::session::SessionId;
use crate::domain::throttle::Counter;

/// The field in which the gateway tells the client's address, where the manifest says so.
pub(super) const ADDRESS_FIELD: &str = "souk-client";

/// Somebody whose account is kept here.
pub(super) struct Owner {
    pub(super) account: AccountId,
    pub(super) session: SessionId,
}

/// The counter of the client's address, if the gateway tells it.
pub(super) struct Address(pub(super) Option<Counter>);

impl<S: Send + Sync> FromRequestParts<S> for Owner {
    type Rejection = Problem;

    /// Only tokens of our own issuer have a family, so only with one is what stands behind the issuer's name an account
    /// of ours. The name may hold any character.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let Some(family) = caller.family else {
            return Err(elsewhere());
        };
        let subject = caller.sub.rsplit_once('|').map(|(_, subject)| subject.to_owned());
        let account = subject.and_then(|subject| AccountId::parse(subject).ok());
        match (account, SessionId::parse(family)) {
            (Some(account), Ok(session)) => Ok(Self { account, session }),
            // Our own issuer signs what this service asks for, or did when another implementation kept the accounts.
            _ => Err(elsewhere()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Address {
    type Rejection = Problem;

    /// A field that can't be read is the gateway's fault: without it somebody could guess from one address at all accounts.
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(ADDRESS_FIELD) else {
            return Ok(Self(None));
        };
        let address: Option<IpAddr> = value.to_str().ok().and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Self(Some(Counter::of_address(address)))),
            None => Err(Problem::internal(format!("{ADDRESS_FIELD}: no address"))),
        }
    }
}

fn elsewhere() -> Problem {
    Problem::named(StatusCode::FORBIDDEN, "account-elsewhere", "This account is kept elsewhere")
        .detail("change it where you signed in")
}
