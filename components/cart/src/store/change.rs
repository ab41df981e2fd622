//! A cart's items, made to be what was decided. Written is what differs, so that one item more costs one row.

use souk_database::contract::{Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{Attempt, Failure, Sql, attempt_again, sql};
use souk_kit::time::Timestamp;

use super::{Cart, Written, key, occurred};
use crate::domain::items::{Item, Items};
use crate::domain::{CartId, Currency, Owner, ProductId};

/// What a cart is to become.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// Whose it is.
    pub owner: &'a Owner,
    /// As it was when it was decided; none if there is none.
    pub present: Option<&'a Cart>,
    /// What it is to hold.
    pub items: &'a Items,
    /// How long it lives after this.
    pub lives_s: u32,
}

/// Changes a cart, or makes one.
pub async fn change(context: &Context, wanted: Change<'_>) -> Result<Written<Cart>, Failure> {
    let (steps, cart) = steps(context, wanted);
    let events = vec![changed(context, &cart)];
    match attempt_again(context.database(), Transaction { steps, events }).await {
        Ok(Attempt::Committed(_)) => Ok(Written::Done(cart)),
        Ok(Attempt::Unmet(_)) | Err(Failure::Stale) => Ok(Written::Overtaken),
        Err(failure) => Err(failure),
    }
}

/// The event for it.
pub(super) fn changed(context: &Context, cart: &Cart) -> Event {
    occurred(context, "cart.changed", cart, &[])
}

/// The steps of a change, of which the first to fail says that somebody else was first; and the cart that they make.
pub(super) fn steps(context: &Context, wanted: Change<'_>) -> (Vec<Step>, Cart) {
    let now = context.now();
    let (id, version, before) = match wanted.present {
        Some(present) => (present.id.clone(), present.version + 1, &present.items),
        None => (new_id(context), 1, &Items::default()),
    };
    let cart = Cart {
        id,
        items: wanted.items.clone(),
        version,
        updated_at: now.to_string(),
        expires_at: now.plus_seconds(wanted.lives_s).to_string(),
    };
    let mut steps = wanted.present.map_or_else(
        || make(&cart, wanted.owner, now).into(),
        |present| vec![update(&cart, present.version, now).exactly(1)],
    );
    steps.extend(remove(&cart.id, before, &cart.items));
    steps.extend(put(&cart.id, before, &cart.items));
    (steps, cart)
}

fn new_id(context: &Context) -> CartId {
    CartId::parse(context.id()).expect("a UUID is 36 hexadecimal digits and hyphens")
}

fn update(cart: &Cart, version_before: i64, now: Timestamp) -> Sql {
    sql("UPDATE carts SET version = version + 1, currency = $3, updated_at = $4, expires_at = $5 \
         WHERE id = $1 AND version = $2 AND expires_at > $6")
    .bind(cart.id.as_str())
    .bind(version_before)
    .bind(cart.items.currency().map(Currency::as_str))
    .bind(cart.updated_at.as_str())
    .bind(cart.expires_at.as_str())
    .bind(now.to_string())
}

/// Makes room where no job has taken the old cart away yet, and a new one.
fn make(cart: &Cart, owner: &Owner, now: Timestamp) -> [Step; 3] {
    let (column, value) = key(owner);
    let old = format!("SELECT id FROM carts WHERE {column} = $1 AND expires_at <= $2");
    let items = sql(format!("DELETE FROM cart_items WHERE cart_id IN ({old})"));
    let carts = sql(format!("DELETE FROM carts WHERE {column} = $1 AND expires_at <= $2"));
    let [items, carts] = [items, carts].map(|delete| delete.bind(value).bind(now.to_string()).anything());
    let insert = sql(format!(
        "INSERT INTO carts (id, {column}, currency, version, created_at, updated_at, expires_at) \
         VALUES ($1, $2, $3, 1, $4, $4, $5) ON CONFLICT ({column}) DO NOTHING"
    ));
    let insert = insert
        .bind(cart.id.as_str())
        .bind(value)
        .bind(cart.items.currency().map(Currency::as_str))
        .bind(cart.updated_at.as_str())
        .bind(cart.expires_at.as_str());
    [items, carts, insert.exactly(1)]
}

fn remove(id: &CartId, before: &Items, after: &Items) -> Option<Step> {
    let gone: Vec<&ProductId> =
        before.as_slice().iter().map(|item| &item.product_id).filter(|product| after.get(product).is_none()).collect();
    if gone.is_empty() {
        return None;
    }
    let places: Vec<String> = (2..gone.len() + 2).map(|number| format!("${number}")).collect();
    let delete = sql(format!("DELETE FROM cart_items WHERE cart_id = $1 AND product_id IN ({})", places.join(", ")));
    let delete = gone.iter().fold(delete.bind(id.as_str()), |delete, product| delete.bind(product.as_str()));
    Some(delete.exactly(gone.len() as u64))
}

/// At most 281 parameters of the 1,000 that a statement can have.
fn put(id: &CartId, before: &Items, after: &Items) -> Option<Step> {
    let new: Vec<&Item> = after.as_slice().iter().filter(|item| before.get(&item.product_id) != Some(*item)).collect();
    if new.is_empty() {
        return None;
    }
    let rows: Vec<String> = (0..new.len()).map(row).collect();
    let upsert = sql(format!(
        "INSERT INTO cart_items (cart_id, product_id, place, sku, name, image_url, quantity, price_amount) VALUES {} \
         ON CONFLICT (cart_id, product_id) DO UPDATE SET place = excluded.place, sku = excluded.sku, name = excluded.name, \
         image_url = excluded.image_url, quantity = excluded.quantity, price_amount = excluded.price_amount",
        rows.join(", ")
    ));
    let upsert = new.iter().fold(upsert.bind(id.as_str()), |upsert, item| {
        upsert
            .bind(item.product_id.as_str())
            .bind(item.place)
            .bind(item.sku.as_str())
            .bind(item.name.as_str())
            .bind(item.image_url.as_deref())
            .bind(item.quantity.number())
            .bind(item.unit_price.amount())
    });
    Some(upsert.exactly(new.len() as u64))
}

/// The parameters of a row, from 0: `($1, $2, …, $8)`, `($1, $9, …, $15)`.
fn row(number: usize) -> String {
    let first = 2 + 7 * number;
    let places: Vec<String> = (first..first + 7).map(|number| format!("${number}")).collect();
    format!("($1, {})", places.join(", "))
}
