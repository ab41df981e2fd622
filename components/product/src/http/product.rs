//! Products over HTTP.
//!
//! Drafts are listed on request and read by id by whoever knows it: who may comes with identity, and until then there
//! is nobody to tell apart.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use souk_kit::context::Context;
use souk_kit::etag::{EntityTag, IfMatch, IfNoneMatch};
use souk_kit::json::{self, Body, Field, Fields, Input, MergePatch};
use souk_kit::page::Page;
use souk_kit::problem::Problem;
use souk_kit::query::Query;
use souk_kit::segment::Segment;

use crate::domain::{
    self, ATTRIBUTES_MAX, AttributeName, AttributeValue, Attributes, Currency, Description, Details, ImageUrl, Money,
    Name, Product, ProductId, Refusal, Revision, Sku, Slug, Status, Summary,
};
use crate::store;
use crate::store::listing::{Filter, Key, Listing, Order, Words};

pub(super) async fn list(State(context): State<Context>, uri: Uri, query: Query) -> Result<Response, Problem> {
    let listing = listing(query)?;
    let (products, total) = store::listing::list(&context, &listing).await?;
    Ok(listing.page.response(&uri, total, &products))
}

pub(super) async fn create(State(context): State<Context>, Body(new): Body<New>) -> Result<Response, Problem> {
    let product = store::create(&context, &new.details, new.stock).await?;
    let location = format!("/api/v1/products/{}", product.summary.id.as_str());
    let location = HeaderValue::try_from(location).expect("an id is ASCII");
    let mut response = response(StatusCode::CREATED, &product);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(super) async fn read(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let product = store::product(&context, &id).await?.ok_or(Refusal::UnknownProduct)?;
    Ok(seen.answer(tag(&product.summary), || json::response(StatusCode::OK, &product)))
}

pub(super) async fn put(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfMatch,
    Body(details): Body<Details>,
) -> Result<Response, Problem> {
    let present = present(&context, &id, &seen, Revision::is_current).await?;
    let product = store::replace(&context, &present.summary, &details).await?;
    Ok(response(StatusCode::OK, &product))
}

pub(super) async fn patch(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfMatch,
    patch: MergePatch,
) -> Result<Response, Problem> {
    let present = present(&context, &id, &seen, Revision::is_current).await?;
    let summary = present.summary.clone();
    let details: Details = patch.apply(&present.into_details())?;
    let product = store::replace(&context, &summary, &details).await?;
    Ok(response(StatusCode::OK, &product))
}

pub(super) async fn delete(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfMatch,
) -> Result<Response, Problem> {
    let present = present(&context, &id, &seen, Revision::is_current).await?;
    store::delete(&context, &present.summary).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The product that is to be changed, if it is the one that the client has seen.
pub(super) async fn present(
    context: &Context,
    id: &ProductId,
    seen: &IfMatch,
    is_current: fn(&Revision, &Summary) -> bool,
) -> Result<Product, Problem> {
    let present = store::product(context, id).await?.ok_or(Refusal::UnknownProduct)?;
    let holds = seen.holds(|tag| Revision::parse(tag).is_some_and(|version| is_current(&version, &present.summary)));
    if holds { Ok(present) } else { Err(Refusal::Stale.into()) }
}

pub(super) fn tag(product: &Summary) -> EntityTag {
    EntityTag::new(Revision::of(product))
}

fn response(status: StatusCode, product: &Product) -> Response {
    tag(&product.summary).on(json::response(status, product))
}

/// The body of a `POST`.
pub(super) struct New {
    details: Details,
    stock: i64,
}

impl Input for New {
    fn read(fields: &mut Fields) -> Option<Self> {
        let stock = fields.optional("stock", |field| field.integer(domain::stock));
        let details = details(fields);
        Some(Self { details: details?, stock: stock.unwrap_or(0) })
    }
}

impl Input for Details {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.refused("stock", "is changed at /api/v1/products/{id}/stock");
        details(fields)
    }
}

fn details(fields: &mut Fields) -> Option<Details> {
    let sku = fields.required("sku", |field| field.text(Sku::parse));
    let name = fields.required("name", |field| field.text(Name::parse));
    let description = fields.optional("description", |field| field.text(Description::parse));
    let price = fields.required("price", |field| field.fields(money));
    let category = fields.required("category", |field| field.text(Slug::parse));
    let attributes = fields.optional("attributes", attributes);
    let image_url = fields.optional("image_url", |field| field.text(ImageUrl::parse));
    let status = fields.required("status", |field| field.text(|text| Status::parse(&text)));
    for name in ["id", "available", "version", "created_at", "updated_at"] {
        fields.refused(name, "is set by the service");
    }
    Some(Details {
        sku: sku?,
        name: name?,
        description: description.unwrap_or_else(Description::empty),
        price: price?,
        category: category?,
        attributes: attributes.unwrap_or_else(|| Attributes::of(&[])),
        image_url,
        status: status?,
    })
}

fn money(fields: &mut Fields) -> Option<Money> {
    let amount = fields.required("amount", |field| field.integer(domain::amount));
    let currency = fields.required("currency", |field| field.text(Currency::parse));
    Some(Money { amount: amount?, currency: currency? })
}

fn attributes(field: Field) -> Option<Attributes> {
    let pairs = field.entries(ATTRIBUTES_MAX, |name, value| match AttributeName::parse(name) {
        Ok(name) => value.text(AttributeValue::parse).map(|value| (name, value)),
        Err(reason) => value.refused(&format!("the name {reason}")),
    });
    pairs.map(|pairs| Attributes::of(&pairs))
}

fn listing(mut query: Query) -> Result<Listing, Problem> {
    let page = Page::of(&mut query);
    let filter = Filter {
        status: query.optional("status", Status::parse).unwrap_or(Status::Published),
        category: query.optional("category", str::parse),
        currency: query.optional("currency", str::parse),
        price_min: query.optional("price_min", price),
        price_max: query.optional("price_max", price),
        words: query.optional("q", Words::parse),
    };
    let order = query.optional("sort", order);
    let of_a_price = filter.price_min.is_some() || filter.price_max.is_some();
    if of_a_price && filter.currency.is_none() {
        query.refuse("currency", "is required with price_min and price_max");
    }
    let is_search = filter.words.is_some();
    if order.is_some_and(|order| order.by == Key::Relevance) && !is_search {
        query.refuse("sort", "can be relevance only with q");
    }
    query.finish()?;
    let by_itself = if is_search {
        Order { by: Key::Relevance, is_descending: false }
    } else {
        Order { by: Key::CreatedAt, is_descending: true }
    };
    Ok(Listing { page, order: order.unwrap_or(by_itself), filter })
}

fn order(text: &str) -> Result<Order, &'static str> {
    let (key, is_descending) = match text.strip_prefix('-') {
        Some(key) => (key, true),
        None => (text, false),
    };
    let by = match key {
        "relevance" if !is_descending => Key::Relevance,
        "name" => Key::Name,
        "price" => Key::Price,
        "created_at" => Key::CreatedAt,
        _ => return Err("must be name, price or created_at, with - before it for the other direction, or relevance"),
    };
    Ok(Order { by, is_descending })
}

fn price(text: &str) -> Result<i64, String> {
    let amount = text.parse().map_err(|_| "must be a whole number of minor units")?;
    domain::amount(amount)
}
