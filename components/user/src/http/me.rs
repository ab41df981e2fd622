//! What the owner of an account does with it.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, Uri};
use serde::Serialize;
use souk_kit::caller::private;
use souk_kit::etag::{IfMatch, IfNoneMatch};
use souk_kit::json::{Body, Fields, Input, MergePatch};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use super::account::{demand_seen, response, tag};
use super::caller::{Address, Owner};
use crate::accounts::{Accounts, change, end};
use crate::domain::password::{Chosen, Given};
use crate::domain::session::SessionId;
use crate::domain::{Credentials, Name, Refusal, Status};
use crate::store;

pub(super) async fn read(
    State(accounts): State<Accounts>,
    owner: Owner,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let account = credentials(&accounts, &owner).await?.account;
    Ok(seen.answer(tag(&account), || response(StatusCode::OK, &account)))
}

pub(super) async fn patch(
    State(accounts): State<Accounts>,
    owner: Owner,
    seen: IfMatch,
    patch: MergePatch,
) -> Result<Response, Problem> {
    let present = credentials(&accounts, &owner).await?.account;
    demand_seen(&seen, &present)?;
    let wanted: Mine = patch.apply(&Mine { name: present.name.clone() })?;
    let account = store::account::rename(&accounts.context, &present, &wanted.name).await?;
    Ok(response(StatusCode::OK, &account))
}

pub(super) async fn replace_password(
    State(accounts): State<Accounts>,
    owner: Owner,
    Address(address): Address,
    Body(passwords): Body<Passwords>,
) -> Result<Response, Problem> {
    let credentials = credentials(&accounts, &owner).await?;
    let Passwords { current, new } = passwords;
    change::replace_password(&accounts, &credentials, &owner.session, current, new, address).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn sessions(
    State(accounts): State<Accounts>,
    owner: Owner,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = Page::of(&mut query);
    query.finish()?;
    credentials(&accounts, &owner).await?;
    let (sessions, total) = store::session::list(&accounts.context, &owner.account, &owner.session, page).await?;
    Ok(private(page.response(&uri, total, &sessions)))
}

pub(super) async fn end_session(
    State(accounts): State<Accounts>,
    owner: Owner,
    Segment(id): Segment<SessionId>,
) -> Result<Response, Problem> {
    // The end of one's own may be repeated after it: its tokens could perhaps not be revoked.
    if id != owner.session {
        credentials(&accounts, &owner).await?;
    }
    end::end(&accounts, &owner.account, &id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The account of the request, as long as its session lasts.
async fn credentials(accounts: &Accounts, owner: &Owner) -> Result<Credentials, Refusal> {
    let credentials = store::account::of_session(&accounts.context, &owner.account, &owner.session).await?;
    match credentials {
        Some(credentials) if credentials.account.status == Status::Active => Ok(credentials),
        Some(_) => Err(Refusal::Disabled),
        None => Err(Refusal::SessionOver),
    }
}

/// What somebody can change about their own account.
#[derive(Serialize)]
struct Mine {
    name: Name,
}

impl Input for Mine {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |field| field.text(Name::parse));
        fields.refused("email", "can't be changed: it is what you sign in with");
        fields.refused("roles", "are given by an admin");
        fields.refused("status", "is set by an admin");
        fields.refused("password", "is changed at /api/v1/me/password");
        for name in ["id", "version", "created_at", "updated_at"] {
            fields.refused(name, "is set by the service");
        }
        Some(Self { name: name? })
    }
}

/// The body of a `PUT` of the password.
pub(super) struct Passwords {
    current: Given,
    new: Chosen,
}

impl Input for Passwords {
    fn read(fields: &mut Fields) -> Option<Self> {
        let current = fields.required("current_password", |field| field.text(Given::parse));
        let new = fields.required("new_password", |field| field.text(Chosen::parse));
        Some(Self { current: current?, new: new? })
    }
}
