//! What admins do with everybody's accounts.

use axum::extract::State;
use axum::response::Response;
use http::{StatusCode, Uri};
use souk_kit::caller::{Admin, private};
use souk_kit::etag::{IfMatch, IfNoneMatch};
use souk_kit::json::{Body, Fields, Input, MergePatch};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use super::account::{Written, created, demand_seen, response, roles, tag};
use crate::accounts::{Accounts, change};
use crate::domain::{Account, AccountId, Changeable, Name, Refusal, Role, Roles, Status};
use crate::store;
use crate::store::listing::{Listing, Prefix};

pub(super) async fn list(
    State(accounts): State<Accounts>,
    _: Admin,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let listing = Listing {
        page: Page::of(&mut query),
        prefix: query.optional("q", Prefix::parse),
        role: query.optional("role", Role::parse),
        status: query.optional("status", Status::parse),
    };
    query.finish()?;
    let (found, total) = store::listing::list(&accounts.context, &listing).await?;
    Ok(private(listing.page.response(&uri, total, &found)))
}

pub(super) async fn create(
    State(accounts): State<Accounts>,
    _: Admin,
    Body(new): Body<New>,
) -> Result<Response, Problem> {
    let Written { email, name, password } = new.written;
    let account = change::create(&accounts, &email, &name, &new.roles, password).await?;
    Ok(created(&account, &format!("/api/v1/users/{}", account.id.as_str())))
}

pub(super) async fn read(
    State(accounts): State<Accounts>,
    _: Admin,
    Segment(id): Segment<AccountId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let account = known(&accounts, &id).await?;
    Ok(seen.answer(tag(&account), || response(StatusCode::OK, &account)))
}

pub(super) async fn patch(
    State(accounts): State<Accounts>,
    _: Admin,
    Segment(id): Segment<AccountId>,
    seen: IfMatch,
    patch: MergePatch,
) -> Result<Response, Problem> {
    let present = known(&accounts, &id).await?;
    demand_seen(&seen, &present)?;
    let wanted: Changeable = patch.apply(&present.clone().into_changeable())?;
    let account = change::change(&accounts, &present, &wanted).await?;
    Ok(response(StatusCode::OK, &account))
}

async fn known(accounts: &Accounts, id: &AccountId) -> Result<Account, Refusal> {
    store::account::account(&accounts.context, id).await?.ok_or(Refusal::UnknownAccount)
}

/// The body of a `POST`.
pub(super) struct New {
    written: Written,
    roles: Roles,
}

impl Input for New {
    fn read(fields: &mut Fields) -> Option<Self> {
        let roles = fields.required("roles", roles);
        let written = Written::read(fields);
        Some(Self { written: written?, roles: roles? })
    }
}

impl Input for Changeable {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |field| field.text(Name::parse));
        let roles = fields.required("roles", roles);
        let status = fields.required("status", |field| field.text(|text| Status::parse(&text)));
        fields.refused("email", "can't be changed: it is what the owner signs in with");
        fields.refused("password", "is changed by the owner");
        for name in ["id", "version", "created_at", "updated_at"] {
            fields.refused(name, "is set by the service");
        }
        Some(Self { name: name?, roles: roles?, status: status? })
    }
}
