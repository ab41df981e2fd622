//! Categories over HTTP.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use souk_kit::context::Context;
use souk_kit::etag::{EntityTag, IfMatch, IfNoneMatch, PutCondition};
use souk_kit::json::{self, Body, Fields, Input};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use crate::domain::{Category, Description, Name, Refusal, Slug};
use crate::store;

pub(super) async fn list(State(context): State<Context>, uri: Uri, mut query: Query) -> Result<Response, Problem> {
    let page = Page::of(&mut query);
    query.finish()?;
    let (categories, total) = store::category::list(&context, page).await?;
    Ok(page.response(&uri, total, &categories))
}

pub(super) async fn create(State(context): State<Context>, Body(new): Body<New>) -> Result<Response, Problem> {
    let Written { name, description } = new.written;
    let category = store::category::create(&context, &new.slug, &name, &description).await?;
    Ok(created(&category))
}

pub(super) async fn read(
    State(context): State<Context>,
    Segment(slug): Segment<Slug>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let category = store::category::category(&context, &slug).await?.ok_or(Refusal::UnknownCategory)?;
    Ok(seen.answer(tag(&category), || json::response(StatusCode::OK, &category)))
}

/// The slug is the client's choice, so a `PUT` can create: with `If-None-Match: *`, which makes a repetition a 412 and
/// never a second creation.
pub(super) async fn put(
    State(context): State<Context>,
    Segment(slug): Segment<Slug>,
    condition: PutCondition,
    Body(written): Body<Written>,
) -> Result<Response, Problem> {
    let Written { name, description } = written;
    match condition {
        PutCondition::Create => match store::category::create(&context, &slug, &name, &description).await {
            Ok(category) => Ok(created(&category)),
            Err(Refusal::SlugTaken) => Err(Refusal::Stale.into()),
            Err(refusal) => Err(refusal.into()),
        },
        PutCondition::Replace(seen) => {
            let present = present(&context, &slug, &seen).await?;
            let category = store::category::replace(&context, &present, &name, &description).await?;
            Ok(tag(&category).on(json::response(StatusCode::OK, &category)))
        }
    }
}

pub(super) async fn delete(
    State(context): State<Context>,
    Segment(slug): Segment<Slug>,
    seen: IfMatch,
) -> Result<Response, Problem> {
    let present = present(&context, &slug, &seen).await?;
    store::category::delete(&context, &present).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn present(context: &Context, slug: &Slug, seen: &IfMatch) -> Result<Category, Problem> {
    let present = store::category::category(context, slug).await?.ok_or(Refusal::UnknownCategory)?;
    let holds = seen.holds(|text| text == tag(&present).opaque());
    if holds { Ok(present) } else { Err(Refusal::Stale.into()) }
}

/// A deleted category may come again under its slug and with version 1, so the time of its creation is a part of the
/// tag.
fn tag(category: &Category) -> EntityTag {
    EntityTag::new(format_args!("{}.{}.{}", category.slug.as_str(), category.created_at, category.version))
}

fn created(category: &Category) -> Response {
    let location = format!("/api/v1/categories/{}", category.slug.as_str());
    let mut response = tag(category).on(json::response(StatusCode::CREATED, category));
    let location = HeaderValue::try_from(location).expect("a slug is ASCII");
    response.headers_mut().insert(LOCATION, location);
    response
}

/// The body of a `POST`.
pub(super) struct New {
    slug: Slug,
    written: Written,
}

/// The body of a `PUT`.
pub(super) struct Written {
    name: Name,
    description: Description,
}

impl Input for New {
    fn read(fields: &mut Fields) -> Option<Self> {
        let slug = fields.required("slug", |field| field.text(Slug::parse));
        let written = Written::read(fields);
        Some(Self { slug: slug?, written: written? })
    }
}

impl Input for Written {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.required("name", |field| field.text(Name::parse));
        let description = fields.optional("description", |field| field.text(Description::parse));
        Some(Self { name: name?, description: description.unwrap_or_else(Description::empty) })
    }
}
