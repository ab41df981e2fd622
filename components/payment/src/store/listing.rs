//! Lists of payments, for admins: filtered, newest first, in pages.
//!
//! Each filter has an index in the order of the list; two together walk along one of
//! them.

use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::listing::Select;
use souk_kit::page::Page;

use super::{PAYMENT, read_payment};
use crate::domain::payment::{Payment, Status};
use crate::domain::{Customer, OrderId};

/// A list that somebody wants to see.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Which part of it.
    pub page: Page,
    /// Only those of an order.
    pub order_id: Option<OrderId>,
    /// Only those of a customer.
    pub customer: Option<Customer>,
    /// Only those that stand so.
    pub status: Option<Status>,
}

/// Reads a page, and how many payments the whole list has, up to [`DEPTH_MAX`](souk_kit::page::DEPTH_MAX).
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Payment>, u32), Failure> {
    let mut select = Select::of("payments p", Vec::new());
    select.only("p.order_id =", listing.order_id.as_ref().map(OrderId::as_str));
    select.only("p.customer =", listing.customer.as_ref().map(Customer::as_str));
    select.only("p.status =", listing.status.map(Status::as_str));
    select.read(context, (PAYMENT, "p.id DESC"), listing.page, read_payment).await
}
