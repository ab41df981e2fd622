//! Whose profile a request is about, and who is asking.
//!
//! Extract it first: what it refuses must not depend on anything else in the request. To anybody but admins, each id is one
//! that nobody has.

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use souk_kit::caller::{self, Caller};
use souk_kit::context::Context;
use souk_kit::problem::Problem;

use crate::domain::change::Actor;
use crate::domain::{Account, CustomerId, Key, Profile, Refusal, Status};
use crate::store;

/// A profile that the caller may see and change, if it exists.
pub(super) struct Subject {
    pub(super) key: Key,
    pub(super) actor: Actor,
}

impl Subject {
    /// The profile, deleted ones too.
    pub(super) async fn known(&self, context: &Context) -> Result<Profile, Refusal> {
        store::profile::profile(context, &self.key).await?.ok_or_else(|| self.unknown())
    }

    /// The profile that is to be changed.
    pub(super) async fn active(&self, context: &Context) -> Result<Profile, Refusal> {
        let profile = self.known(context).await?;
        match profile.status {
            Status::Active => Ok(profile),
            Status::Deleted => Err(Refusal::Deleted),
        }
    }

    /// What is said where there is none.
    fn unknown(&self) -> Refusal {
        match self.key {
            Key::Account(_) => Refusal::NoProfile,
            Key::Id(_) => Refusal::UnknownCustomer,
        }
    }

    /// Under which path the profile is.
    pub(super) fn path(&self) -> String {
        match &self.key {
            Key::Account(_) => "/api/v1/customers/me".to_owned(),
            Key::Id(id) => format!("/api/v1/customers/{}", id.as_str()),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Subject {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = <Caller as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        let parameters = RawPathParams::from_request_parts(parts, state).await.ok();
        let named = parameters.as_ref().and_then(|parameters| parameters.iter().find(|(name, _)| *name == "customer"));
        let Some((_, id)) = named else {
            return Ok(Self { key: Key::Account(account(caller)?), actor: Actor::Own });
        };
        match id.parse::<CustomerId>() {
            Ok(id) if caller.is_admin() => Ok(Self { key: Key::Id(id), actor: Actor::Admin }),
            _ => Err(Refusal::UnknownCustomer.into()),
        }
    }
}

/// One that is none is the gateway's fault: it names the issuer of each token.
fn account(caller: Caller) -> Result<Account, Problem> {
    Account::parse(caller.sub).map_err(|reason| Problem::internal(format!("{}: sub {reason}", caller::FIELD)))
}
