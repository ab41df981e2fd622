//! The invariants of a shop, asked of the one that runs.
//!
//! - Of each product: *available + reserved + sold = initial + restocked*, nothing below zero, and nothing reserved once nothing is pending.
//! - The ledger sums to zero.
//! - Each order that is paid has exactly one payment, captured in full and not given back; each that is not has none.
//! - Each captured payment that was not given back has its order, and that is paid.
//! - One key has one effect, and one answer to the byte; each order has one key.
//! - Nobody's cart was sold twice, and nobody sees another's order.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::connection::{Asked, Client};
use crate::customer::Left;
use crate::shop::Shop;

/// States that an order leaves by itself.
const PENDING: [&str; 3] = ["pending", "confirmed", "cancelling"];

/// States in which the money is here and the goods are gone.
const SOLD: [&str; 3] = ["paid", "shipped", "delivered"];

/// What is still moving: orders and payments.
pub(crate) async fn pending(shop: &Shop) -> Result<Vec<String>> {
    let mut admin = shop.admin();
    let mut pending = Vec::new();
    let asked = PENDING.map(|status| format!("/api/v1/orders?status={status}"));
    for path in asked.into_iter().chain(["/api/v1/payments?status=authorizing".to_owned()]) {
        let total = admin.demand(&Asked::get(path.as_str())).await?["total"].as_u64().unwrap_or(0);
        if total > 0 {
            pending.push(format!("{total} of {path}"));
        }
    }
    Ok(pending)
}

/// What does not add up.
pub(crate) async fn audit(shop: &Shop, customers: Vec<Left>, restocked: BTreeMap<String, i64>) -> Result<Vec<String>> {
    let mut faults = Vec::new();
    let mut admin = shop.admin();
    let mut sold = BTreeMap::new();
    let (mut orders_in_all, mut keys_in_all) = (0, 0);
    for mut customer in customers {
        let orders = all(&mut customer.client, "/api/v1/orders?").await?;
        orders_in_all += orders.len();
        keys_in_all += customer.purchases.len();
        let payments = all(&mut admin, &format!("/api/v1/payments?customer={}&", encoded(&customer.account))).await?;
        money(&orders, &payments, &mut faults);
        keys(&mut customer, &orders, &mut faults).await?;
        count_sold(&orders, &mut sold);
    }
    goods(shop, &sold, &restocked, &mut faults).await?;
    let ledger = admin.demand(&Asked::get("/api/v1/payments/ledger")).await?;
    if ledger["balanced"] != true {
        faults.push(format!("the ledger does not sum to zero: {ledger}"));
    }
    println!("soak: looked at {orders_in_all} orders, {keys_in_all} keys, {} sold", sold.values().sum::<i64>());
    Ok(faults)
}

/// Orders and payments, against each other.
fn money(orders: &[Value], payments: &[Value], faults: &mut Vec<String>) {
    let mut by_order: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for payment in payments {
        by_order.entry(text(payment, "order_id")).or_default().push(payment);
    }
    for order in orders {
        let (id, status) = (text(order, "id"), text(order, "status"));
        let of_order = by_order.remove(id).unwrap_or_default();
        let kept: Vec<i64> = of_order.iter().map(|payment| kept(payment)).filter(|kept| *kept != 0).collect();
        let wanted: Vec<i64> =
            if SOLD.contains(&status) { vec![order["total"]["amount"].as_i64().unwrap_or(-1)] } else { vec![] };
        if kept != wanted {
            faults.push(format!("order {id} is {status} and has payments of {kept:?} instead of {wanted:?}"));
        }
        let held = of_order.iter().filter(|payment| ["authorized", "authorizing"].contains(&text(payment, "status")));
        if held.count() > 0 {
            faults.push(format!("order {id} is {status} and money is still held for it"));
        }
        if of_order.len() > 1 {
            faults.push(format!("order {id} has {} payments", of_order.len()));
        }
    }
    faults.extend(by_order.keys().map(|order| format!("payments for an order that is not there: {order}")));
}

/// What was taken and not given back.
fn kept(payment: &Value) -> i64 {
    payment["captured"].as_i64().unwrap_or(0) - payment["refunded"].as_i64().unwrap_or(0)
}

/// Each key again: the same answer to the byte, and no two keys with one order.
async fn keys(customer: &mut Left, orders: &[Value], faults: &mut Vec<String>) -> Result<()> {
    let mut known: BTreeSet<String> = orders.iter().map(|order| text(order, "id").to_owned()).collect();
    for purchase in &customer.purchases {
        let (Some(first), Some(order)) = (&purchase.answer, purchase.order()) else { continue };
        let again = customer.client.insist(&purchase.asked).await?;
        if (first.status, &first.bytes) != (again.status, &again.bytes) {
            faults.push(format!("a key has two answers: {first:?} and {again:?}"));
        }
        if first.headers.get("location") != again.headers.get("location") {
            faults.push(format!("a key has two places: {first:?} and {again:?}"));
        }
        if !known.remove(&order) {
            faults.push(format!("order {order} has two keys, or is not there"));
        }
    }
    faults.extend(known.iter().map(|order| format!("order {order} was never asked for")));
    Ok(())
}

fn count_sold(orders: &[Value], sold: &mut BTreeMap<String, i64>) {
    for order in orders.iter().filter(|order| SOLD.contains(&text(order, "status"))) {
        for item in order["items"].as_array().into_iter().flatten() {
            *sold.entry(text(item, "product_id").to_owned()).or_default() += item["quantity"].as_i64().unwrap_or(0);
        }
    }
}

async fn goods(
    shop: &Shop,
    sold: &BTreeMap<String, i64>,
    restocked: &BTreeMap<String, i64>,
    faults: &mut Vec<String>,
) -> Result<()> {
    let mut admin = shop.admin();
    for (product, initial) in &shop.initial {
        let now = admin.demand(&Asked::get(format!("/api/v1/products/{product}/stock"))).await?;
        let number = |member: &str| now[member].as_i64().with_context(|| format!("{product} tells its {member}"));
        let (stock, available) = (number("stock")?, number("available")?);
        let reserved = stock - available;
        let of = |counts: &BTreeMap<String, i64>| counts.get(product).copied().unwrap_or(0);
        let (sold, restocked) = (of(sold), of(restocked));
        if available + reserved + sold != initial + restocked {
            faults.push(format!(
                "product {product}: {available} available + {reserved} reserved + {sold} sold is not {initial} initial + \
                 {restocked} restocked"
            ));
        }
        if available < 0 || reserved != 0 {
            faults
                .push(format!("product {product}: {available} available, {reserved} reserved, and nothing is pending"));
        }
    }
    Ok(())
}

/// All pages of a list.
async fn all(client: &mut Client, path: &str) -> Result<Vec<Value>> {
    let mut items = Vec::new();
    for page in 1.. {
        let answer = client.demand(&Asked::get(format!("{path}page={page}&size=100"))).await?;
        let found = answer["items"].as_array().context("a list has items")?;
        items.extend(found.iter().cloned());
        if found.len() < 100 {
            break;
        }
    }
    Ok(items)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// An account in a query.
fn encoded(account: &str) -> String {
    account.replace(':', "%3A").replace('/', "%2F").replace('|', "%7C")
}
