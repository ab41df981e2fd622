//! `souk:order/orders`.

use souk_database::contract::Error as DatabaseError;
use souk_kit::component::context;
use souk_kit::database::Failure;
use souk_kit::log;

use super::Service;
use super::bindings::exports::souk::order::orders::{Error, Guest, Order, Page};
use super::bindings::souk::order::types::{Item, Money, Status};
use crate::domain::{OrderId, order};
use crate::{domain, store};

/// The most a page can hold: what one answer may weigh.
const LIMIT_MAX: u32 = 100;

impl Guest for Service {
    async fn get(id: String) -> Result<Order, Error> {
        let id = OrderId::parse(id).map_err(|_| Error::UnknownOrder)?;
        store::order(context(), &id).await?.map(Order::from).ok_or(Error::UnknownOrder)
    }

    async fn of_account(account: String, after: Option<String>, limit: u32) -> Result<Page, Error> {
        if !(1..=LIMIT_MAX).contains(&limit) {
            return Err(Error::Invalid(format!("limit must be 1 to {LIMIT_MAX}")));
        }
        let after = after.map(OrderId::parse).transpose();
        let after = after.map_err(|reason| Error::Invalid(format!("after {reason}")))?;
        let found = store::listing::walk(context(), &account, after.as_ref(), limit).await?;
        let is_full = found.len() >= limit as usize;
        let next = found.last().filter(|_| is_full).map(|order| order.id.as_str().to_owned());
        Ok(Page { orders: found.into_iter().map(Order::from).collect(), next })
    }
}

impl From<order::Order> for Order {
    fn from(order: order::Order) -> Self {
        let total = order.lines.total();
        let money = |amount: i64| Money { amount, currency: total.currency.clone() };
        let item = |line: &domain::Line| Item {
            product_id: line.product_id.clone(),
            sku: line.sku.clone(),
            name: line.name.clone(),
            quantity: u32::try_from(line.quantity).expect("a quantity is at most 10,000"),
            unit_price: money(line.unit_price),
        };
        Self {
            items: order.lines.as_slice().iter().map(item).collect(),
            total: money(total.amount),
            id: order.id.into_string(),
            number: order.number.as_str().to_owned(),
            account: order.account,
            customer_id: order.customer_id,
            status: order.status.into(),
            payment_id: order.payment_id,
            version: order.version.unsigned_abs(),
            created_at: order.created_at.to_string(),
            updated_at: order.updated_at.to_string(),
        }
    }
}

impl From<order::Status> for Status {
    fn from(status: order::Status) -> Self {
        match status {
            order::Status::Pending => Self::Pending,
            order::Status::Confirmed => Self::Confirmed,
            order::Status::Paid => Self::Paid,
            order::Status::Shipped => Self::Shipped,
            order::Status::Delivered => Self::Delivered,
            order::Status::Cancelling => Self::Cancelling,
            order::Status::Cancelled => Self::Cancelled,
            order::Status::Rejected => Self::Rejected,
        }
    }
}

/// What callers may know of it; the details are in this component's log.
impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        log::error(&failure.to_string());
        match failure {
            Failure::Stale | Failure::Database(DatabaseError::Unavailable(_)) => {
                Self::Unavailable("the database can't be used now".to_owned())
            }
            Failure::Database(_) | Failure::Mismatch(_) => Self::Other("see the log of the order service".to_owned()),
        }
    }
}
