//! The refusals of the domain as problems: the one place where they become HTTP.

use http::StatusCode;
use souk_kit::etag::IfMatch;
use souk_kit::problem::Problem;

use crate::domain::Refusal;
use crate::domain::address::ADDRESSES_MAX;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownCustomer => not_found("there is no such customer"),
            Refusal::NoProfile => Self::named(StatusCode::NOT_FOUND, "no-profile", "You have no profile")
                .detail("make one: PUT /api/v1/customers/me with If-None-Match: *"),
            Refusal::Deleted => conflict("customer-deleted", "The customer was deleted"),
            Refusal::UnknownAddress | Refusal::NoAddress => not_found("there is no such address"),
            Refusal::TooManyAddresses => conflict("too-many-addresses", "There are too many addresses")
                .detail(format!("a customer has at most {ADDRESSES_MAX}")),
            Refusal::StaysDefault => conflict("default-address", "The address is a default")
                .detail("make another address the default, and this one is none any more"),
            Refusal::Stale => IfMatch::failed(),
            // Arguments of other services; a request's are refused with all their faults before.
            Refusal::Invalid(text) => Self::internal(text),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

fn not_found(detail: &str) -> Problem {
    Problem::of(StatusCode::NOT_FOUND).detail(detail)
}

fn conflict(name: &str, title: &str) -> Problem {
    Problem::named(StatusCode::CONFLICT, name, title)
}
