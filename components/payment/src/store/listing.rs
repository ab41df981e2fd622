//! Lists of payments, for admins: filtered, newest first, in pages.
//!
//! A page and its total come from one statement, so that they agree. Each filter has an index in the order of the list; two together walk along one of
//! them.

use souk_database::contract::Value;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Parameter, Row, Sql, sql};
use souk_kit::page::{DEPTH_MAX, Page};

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

/// Reads a page, and how many payments the whole list has, up to [`DEPTH_MAX`].
pub async fn list(context: &Context, listing: &Listing) -> Result<(Vec<Payment>, u32), Failure> {
    let page = Select::of(listing).page(listing.page);
    let rows = database::all(context.database(), page, |row| Ok((row.integer()?, read_payment(row)?))).await?;
    let total = match rows.first() {
        Some((total, _)) => Some(*total),
        // A page beyond the end has no row to carry the total.
        None if listing.page.number > 1 => {
            database::first(context.database(), Select::of(listing).count(), Row::integer).await?
        }
        None => None,
    };
    let total = total.map_or(0, |total| u32::try_from(total).unwrap_or(DEPTH_MAX));
    Ok((rows.into_iter().map(|(_, payment)| payment).collect(), total))
}

/// The parts of the statement for a list.
struct Select {
    conditions: Vec<String>,
    parameters: Vec<Value>,
}

impl Select {
    fn of(listing: &Listing) -> Self {
        let mut select = Self { conditions: vec!["1 = 1".to_owned()], parameters: Vec::new() };
        select.only("order_id", listing.order_id.as_ref().map(OrderId::as_str));
        select.only("customer", listing.customer.as_ref().map(Customer::as_str));
        select.only("status", listing.status.map(Status::as_str));
        select
    }

    fn only(&mut self, column: &str, value: Option<&str>) {
        if let Some(value) = value {
            let place = self.place(value);
            self.conditions.push(format!("p.{column} = {place}"));
        }
    }

    fn place(&mut self, value: impl Parameter) -> String {
        self.parameters.push(value.into_value());
        format!("${}", self.parameters.len())
    }

    fn page(mut self, page: Page) -> Sql {
        let (limit, offset) = (self.place(page.size), self.place(page.offset()));
        let (conditions, total) = (self.conditions.join(" AND "), self.total());
        self.statement(format!(
            "SELECT ({total}), {PAYMENT} FROM payments p WHERE {conditions} ORDER BY p.id DESC LIMIT {limit} OFFSET {offset}"
        ))
    }

    fn count(self) -> Sql {
        let total = self.total();
        self.statement(total)
    }

    fn total(&self) -> String {
        let conditions = self.conditions.join(" AND ");
        format!("SELECT COUNT(*) FROM (SELECT 1 FROM payments p WHERE {conditions} LIMIT {DEPTH_MAX}) AS counted")
    }

    fn statement(self, text: String) -> Sql {
        self.parameters.into_iter().fold(sql(text), Sql::bind)
    }
}
