//! The customer service, and the functions of `souk:customer` that orders call.

use axum::Router;
use customer::domain::Refusal;
use customer::domain::address::{Address, Line, PostalCode};
use customer::profiles;
use souk_kit::context::Context;

use super::function::{Fault, function};
use super::wire::{self, Found};

pub(super) fn router(context: &Context) -> Router {
    let functions = Router::new().route(wire::OF_ACCOUNT, function(of_account)).route(wire::ADDRESS, function(address));
    customer::http::router(context.clone()).merge(functions.with_state(context.clone()))
}

async fn of_account(context: Context, (account,): (String,)) -> Result<Option<String>, Fault> {
    match profiles::of_account(&context, account).await {
        Ok(profile) => Ok(Some(profile.id.into_string())),
        Err(Refusal::UnknownCustomer) => Ok(None),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn address(context: Context, (account, id): (String, Option<String>)) -> Result<Found, Fault> {
    match profiles::address(&context, account, id).await {
        Ok(address) => Ok(Found::Address(told(address))),
        Err(Refusal::UnknownAddress) => Ok(Found::UnknownAddress),
        Err(Refusal::UnknownCustomer) => Ok(Found::UnknownCustomer),
        Err(Refusal::NoAddress) => Ok(Found::NoAddress),
        Err(refusal) => Err(refusal.into()),
    }
}

fn told(Address { details, .. }: Address) -> order::domain::Address {
    order::domain::Address {
        recipient: details.recipient.into_string(),
        lines: details.lines.into_strings(),
        postal_code: details.postal_code.map(PostalCode::into_string),
        city: details.city.into_string(),
        region: details.region.map(Line::into_string),
        country: details.country.into_string(),
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(text) => Self::invalid(text),
            Refusal::Failed(failure) => failure.into(),
            refusal => Self::other(format!("unexpected: {refusal:?}")),
        }
    }
}
