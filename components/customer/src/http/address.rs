//! Addresses over HTTP: of oneself, and for admins of everybody.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use souk_kit::caller::private;
use souk_kit::context::Context;
use souk_kit::etag::{EntityTag, IfMatch, IfNoneMatch};
use souk_kit::json::{self, Body, Field, Fields, Input};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use super::subject::Subject;
use crate::domain::address::{Address, AddressId, Claims, Country, Details, LINES_MAX, Label, Line, Lines, PostalCode};
use crate::domain::{CustomerId, Refusal};
use crate::store;

pub(super) async fn list(
    State(context): State<Context>,
    subject: Subject,
    uri: Uri,
    mut query: Query,
) -> Result<Response, Problem> {
    let page = Page::of(&mut query);
    query.finish()?;
    let customer = subject.known(&context).await?;
    let (addresses, total) = store::address::list(&context, &customer.id, page).await?;
    Ok(private(page.response(&uri, total, &addresses)))
}

pub(super) async fn add(
    State(context): State<Context>,
    subject: Subject,
    Body(written): Body<Written>,
) -> Result<Response, Problem> {
    let customer = subject.active(&context).await?;
    let claims = Claims {
        delivery: written.default_delivery.unwrap_or(false),
        invoice: written.default_invoice.unwrap_or(false),
    };
    let address = store::address::add(&context, &customer, &written.details, claims, subject.actor).await?;
    let mut response = response(StatusCode::CREATED, &address);
    let location = format!("{}/addresses/{}", subject.path(), address.id.as_str());
    let location = HeaderValue::try_from(location).expect("paths and ids are ASCII");
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(super) async fn read(
    State(context): State<Context>,
    subject: Subject,
    Segment(id): Segment<AddressId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let customer = subject.known(&context).await?;
    let address = known(&context, &customer.id, &id).await?;
    Ok(private(seen.answer(tag(&address), || json::response(StatusCode::OK, &address))))
}

pub(super) async fn put(
    State(context): State<Context>,
    subject: Subject,
    Segment(id): Segment<AddressId>,
    seen: IfMatch,
    Body(written): Body<Written>,
) -> Result<Response, Problem> {
    let customer = subject.active(&context).await?;
    let present = present(&context, &customer.id, &id, &seen).await?;
    let claims = written.claims(&present)?;
    let address =
        store::address::replace(&context, &customer, &present, &written.details, claims, subject.actor).await?;
    Ok(response(StatusCode::OK, &address))
}

pub(super) async fn delete(
    State(context): State<Context>,
    subject: Subject,
    Segment(id): Segment<AddressId>,
    seen: IfMatch,
) -> Result<Response, Problem> {
    let customer = subject.active(&context).await?;
    let present = present(&context, &customer.id, &id, &seen).await?;
    store::address::remove(&context, &customer, &present, subject.actor).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn known(context: &Context, customer: &CustomerId, id: &AddressId) -> Result<Address, Refusal> {
    store::address::address(context, customer, id).await?.ok_or(Refusal::UnknownAddress)
}

/// The address that is to be changed, if it is the one that the client has seen.
async fn present(context: &Context, customer: &CustomerId, id: &AddressId, seen: &IfMatch) -> Result<Address, Refusal> {
    let present = known(context, customer, id).await?;
    if seen.holds(|text| text == tag(&present).opaque()) { Ok(present) } else { Err(Refusal::Stale) }
}

fn response(status: StatusCode, address: &Address) -> Response {
    private(tag(address).on(json::response(status, address)))
}

/// Covers the defaults, too, which are no part of the version: another address that becomes one takes it from this one.
fn tag(address: &Address) -> EntityTag {
    let defaults = u8::from(address.default_delivery) + 2 * u8::from(address.default_invoice);
    EntityTag::new(format_args!("{}.{}.{defaults}", address.id.as_str(), address.version))
}

/// The body of a `POST` and of a `PUT`.
pub(super) struct Written {
    details: Details,
    default_delivery: Option<bool>,
    default_invoice: Option<bool>,
}

impl Written {
    /// What the address becomes by it. It can't stop being a default, since no other one would be.
    fn claims(&self, present: &Address) -> Result<Claims, Refusal> {
        let gives_up = present.default_delivery && self.default_delivery == Some(false)
            || present.default_invoice && self.default_invoice == Some(false);
        if gives_up {
            return Err(Refusal::StaysDefault);
        }
        Ok(Claims {
            delivery: self.default_delivery == Some(true) && !present.default_delivery,
            invoice: self.default_invoice == Some(true) && !present.default_invoice,
        })
    }
}

impl Input for Written {
    fn read(fields: &mut Fields) -> Option<Self> {
        let label = fields.optional("label", |field| field.text(Label::parse));
        let recipient = fields.required("recipient", |field| field.text(Line::parse));
        let lines = fields.required("lines", lines);
        let postal_code = fields.optional("postal_code", |field| field.text(PostalCode::parse));
        let city = fields.required("city", |field| field.text(Line::parse));
        let region = fields.optional("region", |field| field.text(Line::parse));
        let country = fields.required("country", |field| field.text(Country::parse));
        let default_delivery = fields.optional("default_delivery", Field::boolean);
        let default_invoice = fields.optional("default_invoice", Field::boolean);
        for name in ["id", "version", "created_at", "updated_at"] {
            fields.refused(name, "is set by the service");
        }
        let (recipient, lines, city, country) = (recipient?, lines?, city?, country?);
        let details = Details { label, recipient, lines, postal_code, city, region, country };
        Some(Self { details, default_delivery, default_invoice })
    }
}

fn lines(field: Field) -> Option<Lines> {
    field.parsed_items(LINES_MAX, |line| line.text(Line::parse), Lines::of)
}
