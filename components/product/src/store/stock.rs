//! How many there are of each product: setting it, changing it, and what others need to know about it.
//!
//! `stock` is what is on the shelf, `held` what of it is reserved; `held <= stock` always. Reservations that have
//! expired still count as held until somebody who needs the quantity sweeps them, in the transaction that needs it:
//! nothing runs by a timer.

use serde_json::json;
use souk_database::contract::{Event, Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Sql, sql};
use souk_kit::event;
use souk_kit::time::Timestamp;

use super::{attempt_to_write, places, product, product_by_id, product_of};
use crate::domain::reservation::Availability;
use crate::domain::{IdempotencyKey, Product, ProductId, Reason, Refusal, STOCK_LOW, STOCK_MAX, Summary};

/// How often an operation starts again because the stock moved across [`STOCK_LOW`], or up, while it was deciding. Each
/// time somebody else got on; with more it would only add to the crowd.
pub(super) const ATTEMPTS_MAX: usize = 5;

/// Says what is available of each of these products. One that nobody has is left out; a draft has none.
pub async fn available(context: &Context, ids: &[ProductId]) -> Result<Vec<Availability>, Failure> {
    let products = super::products(context, ids).await?;
    let of = |id: &ProductId| products.iter().find(|product| product.summary.id == *id);
    let available = ids
        .iter()
        .filter_map(of)
        .map(|product| Availability { product_id: product.summary.id.clone(), available: product.summary.for_sale() });
    Ok(available.collect())
}

/// Sets the stock to what somebody has counted, if it is still what `present` says.
pub async fn set(context: &Context, present: &Summary, stock: i64) -> Result<Product, Refusal> {
    let (id, now) = (&present.id, context.now());
    let change = stock - present.stock;
    let lock = sql("UPDATE products SET stock_version = stock_version + 1 WHERE id = $1 AND stock_version = $2")
        .bind(id.as_str())
        .bind(present.stock_version);
    let [swept, ended] = sweep(id, now);
    let unless_held = sql("UPDATE products SET stock = $2 WHERE id = $1 AND held <= $2").bind(id.as_str()).bind(stock);
    let steps = vec![
        lock.exactly(1),
        swept,
        ended,
        unless_held.exactly(1),
        record(&context.id(), id, change, "set", now).exactly(1),
        product_by_id(id, now).exactly(1),
    ];
    let events = events(context, id, change, "set", is_crossing(present.stock, change));
    match attempt_to_write(context, Transaction { steps, events }).await? {
        Attempt::Committed(effects) => product_of(effects),
        Attempt::Unmet(0) => Err(Refusal::Stale),
        Attempt::Unmet(_) => Err(Refusal::SoldOut { available: present.available }),
    }
}

/// Adds to the stock or takes away from it, whatever it is now. With a key, the same request may come again and has its
/// effect once.
pub async fn adjust(
    context: &Context,
    id: &ProductId,
    change: i64,
    reason: &Reason,
    key: Option<&IdempotencyKey>,
) -> Result<Product, Refusal> {
    // The key is the client's word; the product before it keeps two products' keys apart.
    let key = key.map_or_else(|| context.id(), |key| format!("{}/{}", id.as_str(), key.as_str()));
    for _ in 0..ATTEMPTS_MAX {
        let present = product(context, id).await?.ok_or(Refusal::UnknownProduct)?.summary;
        let transaction = adjustment(context, &present, change, reason, &key);
        match attempt_to_write(context, transaction).await? {
            Attempt::Committed(effects) => return product_of(effects),
            Attempt::Unmet(0) => return repeated(context, id, change, reason, &key).await,
            Attempt::Unmet(_) => refuse_if_impossible(&present, change)?,
        }
    }
    Err(Refusal::Failed(Failure::Stale))
}

fn adjustment(context: &Context, present: &Summary, change: i64, reason: &Reason, key: &str) -> Transaction {
    let (id, now) = (&present.id, context.now());
    let crossing = is_crossing(present.stock, change);
    let [swept, ended] = sweep(id, now);
    let steps = vec![
        record(key, id, change, reason.as_str(), now).exactly(1),
        lock(id).exactly(1),
        swept,
        ended,
        add(id, change, crossing).exactly(1),
        product_by_id(id, now).exactly(1),
    ];
    Transaction { steps, events: events(context, id, change, reason.as_str(), crossing) }
}

/// The answer to a request whose key was used before: what there is now, if it was the same request.
async fn repeated(
    context: &Context,
    id: &ProductId,
    change: i64,
    reason: &Reason,
    key: &str,
) -> Result<Product, Refusal> {
    let statement = sql("SELECT product_id, change, reason FROM stock_adjustments WHERE key = $1").bind(key);
    let before = database::first(context.database(), statement, |row| Ok((row.text()?, row.integer()?, row.text()?)));
    let same = (id.as_str().to_owned(), change, reason.as_str().to_owned());
    match before.await? {
        Some(before) if before == same => product(context, id).await?.ok_or(Refusal::UnknownProduct),
        _ => Err(Refusal::KeyReused),
    }
}

fn refuse_if_impossible(present: &Summary, change: i64) -> Result<(), Refusal> {
    if present.available + change < 0 {
        return Err(Refusal::SoldOut { available: present.available });
    }
    if present.stock + change > STOCK_MAX {
        return Err(Refusal::TooMuchStock);
    }
    Ok(())
}

/// Locks a product's row. Statements after it see what others committed before they lost it.
pub(super) fn lock(id: &ProductId) -> Sql {
    sql("UPDATE products SET stock_version = stock_version + 1 WHERE id = $1").bind(id.as_str())
}

/// Takes expired quantities out of `held`. The product must be locked: two sweeps at once would take them out twice.
pub(super) fn sweep(id: &ProductId, now: Timestamp) -> [Step; 2] {
    let now = now.to_string();
    let expired = "product_id = $1 AND live = 1 AND expires_at <= $2";
    let swept = format!(
        "UPDATE products SET held = held - \
         (SELECT CAST(COALESCE(SUM(quantity), 0) AS BIGINT) FROM reservation_lines WHERE {expired}) WHERE id = $1"
    );
    let ended = format!("UPDATE reservation_lines SET live = 0 WHERE {expired}");
    [swept, ended].map(|text| sql(text).bind(id.as_str()).bind(now.clone()).anything())
}

/// Changes the stock, unless it would go below what is held or above the limit. It must cross [`STOCK_LOW`] exactly if
/// `crossing` says so, because the event about that is decided before: if not, the caller looks again.
fn add(id: &ProductId, change: i64, crossing: bool) -> Sql {
    sql("UPDATE products SET stock = stock + $2 WHERE id = $1 \
         AND stock + $2 >= held AND stock + $2 <= $3 \
         AND CASE WHEN stock > $4 AND stock + $2 <= $4 THEN 1 ELSE 0 END = $5")
    .bind(id.as_str())
    .bind(change)
    .bind(STOCK_MAX)
    .bind(STOCK_LOW)
    .bind(i64::from(crossing))
}

/// Takes a held quantity off the shelf; about `crossing` see [`add`].
pub(super) fn sell(id: &ProductId, quantity: i64, crossing: bool) -> Sql {
    sql("UPDATE products SET stock = stock - $2, held = held - $2, stock_version = stock_version + 1 WHERE id = $1 \
         AND CASE WHEN stock > $3 AND stock - $2 <= $3 THEN 1 ELSE 0 END = $4")
    .bind(id.as_str())
    .bind(quantity)
    .bind(STOCK_LOW)
    .bind(i64::from(crossing))
}

fn record(key: &str, id: &ProductId, change: i64, reason: &str, now: Timestamp) -> Sql {
    sql("INSERT INTO stock_adjustments (key, product_id, change, reason, created_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (key) DO NOTHING")
    .bind(key)
    .bind(id.as_str())
    .bind(change)
    .bind(reason)
    .bind(now.to_string())
}

/// The stock of these products, without what expired: only [`is_crossing`] wants to know.
pub(super) async fn counts(context: &Context, ids: &[ProductId]) -> Result<Vec<(ProductId, i64)>, Failure> {
    let statement = sql(format!("SELECT id, stock FROM products WHERE id IN ({})", places(1, ids.len())));
    let statement = ids.iter().fold(statement, |statement, id| statement.bind(id.as_str()));
    database::all(context.database(), statement, |row| Ok((ProductId::stored(row.text()?), row.integer()?))).await
}

/// Whether a change takes a stock from above [`STOCK_LOW`] to it or below it.
pub(super) fn is_crossing(stock: i64, change: i64) -> bool {
    stock > STOCK_LOW && stock + change <= STOCK_LOW
}

/// What a change of stock is told about.
pub(super) fn events(context: &Context, id: &ProductId, change: i64, reason: &str, crossing: bool) -> Vec<Event> {
    let mut events = Vec::new();
    if change != 0 {
        events.push(changed(context, id, change, reason));
    }
    if crossing {
        let data = json!({"product_id": id, "threshold": STOCK_LOW});
        events.push(event::occurred(context, "stock.low", id.as_str(), &data));
    }
    events
}

pub(super) fn changed(context: &Context, id: &ProductId, change: i64, reason: &str) -> Event {
    let data = json!({"product_id": id, "change": change, "reason": reason});
    event::occurred(context, "stock.changed", id.as_str(), &data)
}
