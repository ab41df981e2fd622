//! A cart over HTTP.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use souk_kit::etag::{IfMatch, IfNoneMatch};
use souk_kit::json::{Body, Fields, Input};
use souk_kit::problem::Problem;
use souk_kit::segment::Segment;

use super::shown::{holds, response, tag};
use super::whose::{Returned, Visitor};
use crate::carts::Carts;
use crate::domain::{ProductId, Quantity};

pub(super) async fn read(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: IfNoneMatch,
) -> Result<Response, Problem> {
    let checked = carts.read(&whose).await?;
    Ok(seen.answer(tag(&checked), || response(&checked, None)))
}

pub(super) async fn add(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: Option<IfMatch>,
    Body(wanted): Body<Addition>,
) -> Result<Response, Problem> {
    let Addition { product_id, quantity } = wanted;
    let checked = carts.add(&whose, &|cart| holds(seen.as_ref(), cart), &product_id, quantity).await?;
    Ok(response(&checked, None))
}

pub(super) async fn set(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: Option<IfMatch>,
    Segment(product): Segment<ProductId>,
    Body(HowMany(quantity)): Body<HowMany>,
) -> Result<Response, Problem> {
    let checked = carts.set(&whose, &|cart| holds(seen.as_ref(), cart), &product, quantity).await?;
    Ok(response(&checked, None))
}

pub(super) async fn remove(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: Option<IfMatch>,
    Segment(product): Segment<ProductId>,
) -> Result<Response, Problem> {
    carts.remove(&whose, &|cart| holds(seen.as_ref(), cart), &product).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn empty(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: Option<IfMatch>,
) -> Result<Response, Problem> {
    carts.empty(&whose, &|cart| holds(seen.as_ref(), cart)).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn accept(
    State(carts): State<Carts>,
    Visitor(whose): Visitor,
    seen: Option<IfMatch>,
) -> Result<Response, Problem> {
    let checked = carts.accept(&whose, &|cart| holds(seen.as_ref(), cart)).await?;
    Ok(response(&checked, None))
}

pub(super) async fn merge(
    State(carts): State<Carts>,
    Returned { account, token }: Returned,
    seen: Option<IfMatch>,
) -> Result<Response, Problem> {
    let merged = carts.merge(&account, &token, &|cart| holds(seen.as_ref(), cart)).await?;
    Ok(response(&merged.checked, Some(&merged.left_out)))
}

/// So many more of a product.
pub(super) struct Addition {
    product_id: ProductId,
    quantity: Quantity,
}

/// So many of a product that the path names.
pub(super) struct HowMany(Quantity);

impl Input for Addition {
    fn read(fields: &mut Fields) -> Option<Self> {
        refuse_prices(fields);
        let product_id = fields.required("product_id", |field| field.text(ProductId::parse));
        let quantity = fields.required("quantity", |field| field.integer(Quantity::parse));
        Some(Self { product_id: product_id?, quantity: quantity? })
    }
}

impl Input for HowMany {
    fn read(fields: &mut Fields) -> Option<Self> {
        refuse_prices(fields);
        fields.required("quantity", |field| field.integer(Quantity::parse)).map(Self)
    }
}

fn refuse_prices(fields: &mut Fields) {
    for name in ["price", "unit_price", "total", "currency"] {
        fields.refused(name, "is the product's to say; a client never does");
    }
}
