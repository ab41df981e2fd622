//! A cart as clients see it, and its tag.

use axum::response::Response;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use souk_kit::etag::{EntityTag, IfMatch};
use souk_kit::json;
use souk_kit::text::hexadecimal;

use super::whose::FIELD;
use crate::carts::Checked;
use crate::domain::difference::Difference;
use crate::domain::items::{Item, LeftOut};
use crate::domain::token::Token;
use crate::domain::{CartId, Money, ProductId, Quantity};
use crate::store::Cart;

/// What a tag says of a cart that there is not. Carts have UUIDs.
const NO_CART: &str = "none.0";

#[derive(Serialize)]
struct Shown<'a> {
    id: Option<&'a CartId>,
    items: Vec<Line<'a>>,
    total: Option<Money>,
    differences: &'a [Difference],
    version: i64,
    updated_at: Option<&'a str>,
    expires_at: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<&'a [LeftOut]>,
}

#[derive(Serialize)]
struct Line<'a> {
    product_id: &'a ProductId,
    sku: &'a str,
    name: &'a str,
    image_url: Option<&'a str>,
    quantity: Quantity,
    unit_price: &'a Money,
    total: Money,
}

/// The answer with a cart; a newcomer's token is in it, and in a field of its own.
pub(super) fn response(checked: &Checked, left_out: Option<&[LeftOut]>) -> Response {
    let mut response = tag(checked).on(json::response(StatusCode::OK, &shown(checked, left_out)));
    if let Some(token) = &checked.token {
        let mut value = HeaderValue::from_str(token.as_str()).expect("a token is visible ASCII");
        value.set_sensitive(true);
        response.headers_mut().insert(FIELD, value);
    }
    response
}

/// The cart, its version, and the differences: those change by themselves, with nobody writing.
pub(super) fn tag(checked: &Checked) -> EntityTag {
    let differences = json_digest(&checked.differences);
    EntityTag::new(format_args!("{}.{differences}", version(checked.cart.as_ref())))
}

/// Whether a client has seen the cart as it is, if it says what it has seen. The differences are not what a write changes.
pub(super) fn holds(condition: Option<&IfMatch>, cart: Option<&Cart>) -> bool {
    let present = version(cart);
    let is_present = |tag: &str| tag.rsplit_once('.').is_some_and(|(version, _)| version == present);
    condition.is_none_or(|condition| condition.holds(is_present))
}

fn version(cart: Option<&Cart>) -> String {
    cart.map_or_else(|| NO_CART.to_owned(), |cart| format!("{}.{}", cart.id.as_str(), cart.version))
}

/// 64 bits of a hash: nobody gains by two lists of differences with the same.
fn json_digest(differences: &[Difference]) -> String {
    if differences.is_empty() {
        return "0".to_owned();
    }
    let text = serde_json::to_string(differences).expect("a service's own records serialise");
    hexadecimal(&Sha256::digest(text)[..8])
}

fn shown<'a>(checked: &'a Checked, left_out: Option<&'a [LeftOut]>) -> Shown<'a> {
    let cart = checked.cart.as_ref();
    Shown {
        id: cart.map(|cart| &cart.id),
        items: cart.into_iter().flat_map(|cart| cart.items.as_slice()).map(line).collect(),
        total: cart.and_then(|cart| cart.items.total()),
        differences: &checked.differences,
        version: cart.map_or(0, |cart| cart.version),
        updated_at: cart.map(|cart| cart.updated_at.as_str()),
        expires_at: cart.map(|cart| cart.expires_at.as_str()),
        token: checked.token.as_ref().map(Token::as_str),
        left_out,
    }
}

fn line(item: &Item) -> Line<'_> {
    Line {
        product_id: &item.product_id,
        sku: &item.sku,
        name: &item.name,
        image_url: item.image_url.as_deref(),
        quantity: item.quantity,
        unit_price: &item.unit_price,
        total: item.unit_price.times(item.quantity),
    }
}
