//! `souk:customer/profiles`.

use souk_database::contract::Error;
use souk_kit::component::context;
use souk_kit::database::Failure;
use souk_kit::email::Email;
use souk_kit::log;

use super::Service;
use super::bindings::exports::souk::customer::profiles::{
    AddressError, EnsureError, Guest, PostalAddress, Profile, ReadError,
};
use super::bindings::souk::customer::types::{Consent, Status};
use crate::domain::address::{self, Label, Line, PostalCode};
use crate::domain::language::Language;
use crate::domain::phone::Phone;
use crate::domain::{self, Name, Refusal};
use crate::profiles;

impl Guest for Service {
    async fn of_account(account: String) -> Result<Profile, ReadError> {
        Ok(profiles::of_account(context(), account).await?.into())
    }

    async fn get(id: String) -> Result<Profile, ReadError> {
        Ok(profiles::get(context(), id).await?.into())
    }

    async fn ensure(account: String, name: Option<String>, email: Option<String>) -> Result<Profile, EnsureError> {
        Ok(profiles::ensure(context(), account, name, email).await?.into())
    }

    async fn address(account: String, address_id: Option<String>) -> Result<PostalAddress, AddressError> {
        Ok(profiles::address(context(), account, address_id).await?.into())
    }
}

impl From<domain::Profile> for Profile {
    fn from(profile: domain::Profile) -> Self {
        let domain::Details { name, email, phone, language, marketing_consent } = profile.details;
        Self {
            id: profile.id.into_string(),
            status: match profile.status {
                domain::Status::Active => Status::Active,
                domain::Status::Deleted => Status::Deleted,
            },
            name: name.map(Name::into_string),
            email: email.as_ref().map(Email::as_str).map(str::to_owned),
            phone: phone.map(Phone::into_string),
            language: language.map(Language::into_string),
            marketing: Consent { given: marketing_consent, at: profile.marketing_consent_at },
            version: profile.version.unsigned_abs(),
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }
}

impl From<address::Address> for PostalAddress {
    fn from(address: address::Address) -> Self {
        let address::Details { label, recipient, lines, postal_code, city, region, country } = address.details;
        Self {
            id: address.id.into_string(),
            label: label.map(Label::into_string),
            recipient: recipient.into_string(),
            lines: lines.into_strings(),
            postal_code: postal_code.map(PostalCode::into_string),
            city: city.into_string(),
            region: region.map(Line::into_string),
            country: country.into_string(),
            version: address.version.unsigned_abs(),
        }
    }
}

impl From<Refusal> for ReadError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownCustomer => Self::UnknownCustomer,
            Refusal::Invalid(text) => Self::Invalid(text),
            refusal => match unavailable_or_other(refusal) {
                (true, text) => Self::Unavailable(text),
                (false, text) => Self::Other(text),
            },
        }
    }
}

impl From<Refusal> for AddressError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::UnknownCustomer => Self::UnknownCustomer,
            Refusal::UnknownAddress => Self::UnknownAddress,
            Refusal::NoAddress => Self::NoAddress,
            Refusal::Invalid(text) => Self::Invalid(text),
            refusal => match unavailable_or_other(refusal) {
                (true, text) => Self::Unavailable(text),
                (false, text) => Self::Other(text),
            },
        }
    }
}

impl From<Refusal> for EnsureError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(text) => Self::Invalid(text),
            refusal => match unavailable_or_other(refusal) {
                (true, text) => Self::Unavailable(text),
                (false, text) => Self::Other(text),
            },
        }
    }
}

/// Whether it helps to call again, and what the callers may know; the details are in this component's log.
fn unavailable_or_other(refusal: Refusal) -> (bool, String) {
    let failure = match refusal {
        Refusal::Failed(failure) => failure,
        // No operation of this interface ends so.
        refusal => return (false, format!("unexpected: {refusal:?}")),
    };
    log::error(&failure.to_string());
    match failure {
        Failure::Stale => (true, "too many ask for the same account".to_owned()),
        Failure::Database(Error::Unavailable(_)) => (true, "the database can't be used now".to_owned()),
        Failure::Database(_) | Failure::Mismatch(_) => (false, "see the log of the customer service".to_owned()),
    }
}
