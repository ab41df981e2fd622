//! Lists of orders: filtered, newest first, in pages. Each filter has an index in the order of the list; more of them together walk along one.

use souk_kit::context::Context;
use souk_kit::database::{self, Failure, sql};
use souk_kit::listing::Select;
use souk_kit::page::Page;
use souk_kit::time::Timestamp;

use super::{HEAD, read_head, with_lines};
use crate::domain::order::{Order, Status};
use crate::domain::{Number, OrderId};

/// A list that somebody wants to see.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which part of it.
    pub page: Page,
    /// Only those of an account.
    pub account: Option<String>,
    /// Only those that stand so.
    pub status: Option<Status>,
    /// Only the one with this number.
    pub number: Option<Number>,
    /// Only those that were placed then, or later.
    pub from: Option<Timestamp>,
    /// Only those that were placed before.
    pub before: Option<Timestamp>,
}

/// Reads a page, and how many orders the whole list has, up to [`DEPTH_MAX`](souk_kit::page::DEPTH_MAX).
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Order>, u32), Failure> {
    let mut select = Select::of("orders o", Vec::new());
    select.only("o.account =", listing.account.as_deref());
    select.only("o.status =", listing.status.map(Status::as_str));
    select.only("o.number =", listing.number.as_ref().map(Number::as_str));
    select.only("o.created_at >=", listing.from.map(|moment| moment.to_string()));
    select.only("o.created_at <", listing.before.map(|moment| moment.to_string()));
    // The order of the ids is that of the creation: both are one order, and which is written says along which index the list is walked.
    let is_of_a_time = listing.from.or(listing.before).is_some();
    let is_of_all = listing.account.is_none() && listing.status.is_none();
    let order = if is_of_a_time && is_of_all { "o.created_at DESC, o.id DESC" } else { "o.id DESC" };
    let (heads, total) = select.read(context, (HEAD, order), listing.page, read_head).await?;
    Ok((with_lines(context, heads).await?, total))
}

/// Walks through an account's orders, oldest first: those behind `after`.
pub async fn walk(
    context: &Context,
    account: &str,
    after: Option<&OrderId>,
    limit: u32,
) -> Result<Vec<Order>, Failure> {
    let text = format!("SELECT {HEAD} FROM orders o WHERE o.account = $1 AND o.id > $2 ORDER BY o.id LIMIT $3");
    let statement = sql(text).bind(account).bind(after.map_or("", OrderId::as_str)).bind(limit);
    let heads = database::all(context.database(), statement, read_head).await?;
    with_lines(context, heads).await
}
