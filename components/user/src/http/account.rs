//! An account as an answer, and the fields that are read of one.

use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use souk_kit::caller::private;
use souk_kit::email::Email;
use souk_kit::etag::{EntityTag, IfMatch};
use souk_kit::json::{self, Field, Fields};
use souk_kit::problem::Problem;

use crate::domain::password::Chosen;
use crate::domain::{Account, Name, Refusal, Role, Roles};

/// The account with its tag.
pub(super) fn response(status: StatusCode, account: &Account) -> Response {
    private(tag(account).on(json::response(status, account)))
}

pub(super) fn created(account: &Account, location: &str) -> Response {
    let mut response = response(StatusCode::CREATED, account);
    let location = HeaderValue::try_from(location).expect("paths and ids are ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// Names the account, because two have the same versions.
pub(super) fn tag(account: &Account) -> EntityTag {
    EntityTag::new(format_args!("{}.{}", account.id.as_str(), account.version))
}

/// Whether the account is the one that the client has seen.
pub(super) fn demand_seen(seen: &IfMatch, account: &Account) -> Result<(), Problem> {
    if seen.holds(|text| text == tag(account).opaque()) { Ok(()) } else { Err(Refusal::Stale.into()) }
}

/// What is written by whoever makes an account.
pub(super) struct Written {
    pub(super) email: Email,
    pub(super) name: Name,
    pub(super) password: Chosen,
}

impl Written {
    /// Also whether the three go together: the password must not be one of the others.
    pub(super) fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.required("email", |field| field.text(Email::parse));
        let name = fields.required("name", |field| field.text(Name::parse));
        let password = fields.required("password", |field| {
            field.text(|text| {
                let password = Chosen::parse(text)?;
                match (&email, &name) {
                    (Some(email), Some(name)) => password.demand_fit(email, name).map(|()| password),
                    _ => Ok(password),
                }
            })
        });
        for name in ["id", "status", "version", "created_at", "updated_at"] {
            fields.refused(name, "is set by the service");
        }
        Some(Self { email: email?, name: name?, password: password? })
    }
}

pub(super) fn roles(field: Field) -> Option<Roles> {
    let read = |role: Field| role.text(|text| Role::parse(&text));
    field.parsed_items(Role::ALL.len(), read, Roles::of)
}
