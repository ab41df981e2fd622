//! What the service does with its database: each operation is one transaction and one function that reads as the use case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT`. Whatever changes a cart begins with an
//! `UPDATE` of its row that names the version which was read, so changes of one cart come one after another, and one that is
//! decided on what was true before is not written but decided again.

use serde_json::json;
use souk_database::contract::Event;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Mismatch, Row, sql};
use souk_kit::event;

use crate::domain::items::{Item, Items};
use crate::domain::{CartId, Currency, Money, Owner, ProductId, Quantity};

pub mod change;

pub mod merge;

pub mod taken_out;

pub mod expiry;

/// A cart whose time is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cart {
    /// Of another cart another.
    pub id: CartId,
    /// What is in it.
    pub items: Items,
    /// Grows by one with each change of the items.
    pub version: i64,
    /// When it last grew.
    pub updated_at: String,
    /// From then on the cart is not there.
    pub expires_at: String,
}

/// How an attempt to write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written<T> {
    /// It is durable.
    Done(T),
    /// Somebody else was first: read again, decide again.
    Overtaken,
}

/// The cart of its owner.
pub async fn cart(context: &Context, owner: &Owner) -> Result<Option<Cart>, Failure> {
    let (column, value) = key(owner);
    // Not ordered: a cart's few items are sorted when they are read.
    let statement = sql(format!(
        "SELECT c.id, c.version, c.updated_at, c.expires_at, i.product_id, COALESCE(i.place, 0), i.sku, i.name, i.image_url, \
         COALESCE(i.quantity, 0), COALESCE(i.price_amount, 0), c.currency \
         FROM carts c LEFT JOIN cart_items i ON i.cart_id = c.id WHERE c.{column} = $1 AND c.expires_at > $2"
    ));
    let statement = statement.bind(value).bind(context.now().to_string());
    let rows = database::all(context.database(), statement, |row| {
        let head = (row.text()?, row.integer()?, row.text()?, row.text()?);
        Ok((head, read_item(row)?))
    });
    let rows = rows.await?;
    let Some(((id, version, updated_at, expires_at), _)) = rows.first().cloned() else {
        return Ok(None);
    };
    let items = Items::stored(rows.into_iter().filter_map(|(_, item)| item).collect());
    Ok(Some(Cart { id: CartId::stored(id), items, version, updated_at, expires_at }))
}

/// The item of a row; nothing in the one row of an empty cart.
fn read_item(row: &mut Row) -> Result<Option<Item>, Mismatch> {
    let (product_id, place) = (row.optional_text()?, row.integer()?);
    let (sku, name, image_url) = (row.optional_text()?, row.optional_text()?, row.optional_text()?);
    let (quantity, amount, currency) = (row.integer()?, row.integer()?, row.optional_text()?);
    let (Some(product_id), Some(sku), Some(name), Some(currency)) = (product_id, sku, name, currency) else {
        return Ok(None);
    };
    let wrong = |column| move |expected| Mismatch { column, expected };
    Ok(Some(Item {
        product_id: ProductId::stored(product_id),
        place,
        sku,
        name,
        image_url,
        quantity: Quantity::parse(quantity).map_err(wrong(9))?,
        unit_price: Money::parse(amount, Currency::stored(currency)).map_err(wrong(10))?,
    }))
}

/// By which column a cart is found, and what stands there.
fn key(owner: &Owner) -> (&'static str, &str) {
    match owner {
        Owner::Account(account) => ("account", account.as_str()),
        Owner::Guest(hash) => ("token_hash", hash.as_str()),
    }
}

/// The event that tells how a cart is now, with what else there is to say about it.
fn occurred(context: &Context, r#type: &str, cart: &Cart, more: &[(&str, &str)]) -> Event {
    let mut data = json!({"id": cart.id, "version": cart.version, "items": cart.items.as_slice().len()});
    for (name, value) in more {
        data[*name] = (*value).into();
    }
    event::occurred(context, r#type, cart.id.as_str(), &data)
}
