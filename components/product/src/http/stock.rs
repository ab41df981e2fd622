//! The stock of a product over HTTP.
//!
//! It is a resource of its own: counting a shelf is another's work than describing the product, and happens at other
//! times.

use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use souk_kit::context::Context;
use souk_kit::etag::{IfMatch, IfNoneMatch};
use souk_kit::idempotency;
use souk_kit::json::{self, Body, Fields, Input};
use souk_kit::problem::Problem;
use souk_kit::segment::Segment;

use super::product::{present, tag};
use crate::domain::{self, IdempotencyKey, ProductId, Reason, Refusal, Revision, Summary};
use crate::store;

pub(super) async fn read(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let product = store::product(&context, &id).await?.ok_or(Refusal::UnknownProduct)?;
    Ok(seen.answer(tag(&product.summary), || shelf(&product.summary)))
}

pub(super) async fn set(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    seen: IfMatch,
    Body(counted): Body<Counted>,
) -> Result<Response, Problem> {
    let present = present(&context, &id, &seen, Revision::is_current_stock).await?;
    let product = store::stock::set(&context, &present.summary, counted.stock).await?;
    Ok(response(&product.summary))
}

pub(super) async fn adjust(
    State(context): State<Context>,
    Segment(id): Segment<ProductId>,
    headers: HeaderMap,
    Body(adjustment): Body<Adjustment>,
) -> Result<Response, Problem> {
    let key = idempotency::optional(&headers, IdempotencyKey::parse)?;
    let Adjustment { change, reason } = adjustment;
    let product = store::stock::adjust(&context, &id, change, &reason, key.as_ref()).await?;
    Ok(response(&product.summary))
}

/// The stock of a product, with the product's tag: it changes whenever this does.
#[derive(Serialize)]
struct Shelf<'a> {
    product_id: &'a ProductId,
    stock: i64,
    held: i64,
    available: i64,
}

fn response(product: &Summary) -> Response {
    tag(product).on(shelf(product))
}

fn shelf(product: &Summary) -> Response {
    let shelf = Shelf {
        product_id: &product.id,
        stock: product.stock,
        held: product.stock - product.available,
        available: product.available,
    };
    json::response(StatusCode::OK, &shelf)
}

/// The body of a `PUT`.
pub(super) struct Counted {
    stock: i64,
}

impl Input for Counted {
    fn read(fields: &mut Fields) -> Option<Self> {
        let stock = fields.required("stock", |field| field.integer(domain::stock))?;
        Some(Self { stock })
    }
}

/// The body of a `POST`.
pub(super) struct Adjustment {
    change: i64,
    reason: Reason,
}

impl Input for Adjustment {
    fn read(fields: &mut Fields) -> Option<Self> {
        let change = fields.required("change", |field| field.integer(domain::change));
        let reason = fields.required("reason", |field| field.text(Reason::parse));
        Some(Self { change: change?, reason: reason? })
    }
}
