//! What the service does with its database: each operation is one transaction and one function that reads as the use
//! case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT`. Whatever must not happen twice is an `INSERT` that conflicts or
//! a conditional `UPDATE`, with an expectation of one row. A payment is guarded by its version and by the one operation that is pending on it.

use souk_database::contract::{Error, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, sql};

use crate::domain::payment::{DeclineReason, Payment, State, Status};
use crate::domain::{Amount, Currency, Customer, Money, OrderId, PaymentId};

pub mod operation;

pub mod ledger;

pub mod webhook;

pub mod listing;

/// The columns of a [`Payment`] of payments `p`.
const PAYMENT: &str = "p.id, p.order_id, p.customer, p.provider, p.amount, p.currency, p.status, p.captured, \
    p.refunded, p.decline_reason, p.version, p.created_at, p.updated_at";

/// How often a transaction is carried out when others were preferred to it, and how often a use case looks again when somebody was faster. The engine
/// has tried several times already; a third crowd in a row is told to the caller.
const ATTEMPTS_MAX: usize = 3;

/// How many payments of an order are told. A customer who has tried so many cards does not need the rest.
const OF_ORDER_MAX: u32 = 100;

/// Looks a payment up.
pub async fn payment(context: &Context, id: &PaymentId) -> Result<Option<Payment>, Failure> {
    let statement = sql(format!("SELECT {PAYMENT} FROM payments p WHERE p.id = $1")).bind(id.as_str());
    database::first(context.database(), statement, read_payment).await
}

/// The payments of an order, in the order of their creation.
pub async fn of_order(context: &Context, order_id: &OrderId) -> Result<Vec<Payment>, Failure> {
    let text = format!("SELECT {PAYMENT} FROM payments p WHERE p.order_id = $1 ORDER BY p.id LIMIT {OF_ORDER_MAX}");
    database::all(context.database(), sql(text).bind(order_id.as_str()), read_payment).await
}

/// Carries a transaction out. A constraint that refuses what the guards let pass is a race, which only engines with
/// concurrent writers know: the next time the guard finds it.
pub(crate) async fn attempt(context: &Context, transaction: Transaction) -> Result<Attempt, Failure> {
    for _ in 1..ATTEMPTS_MAX {
        match database::attempt(context.database(), transaction.clone()).await {
            Err(Failure::Stale | Failure::Database(Error::Constraint(_))) => {}
            outcome => return outcome,
        }
    }
    match database::attempt(context.database(), transaction).await {
        Err(Failure::Database(Error::Constraint(_))) => Err(Failure::Stale),
        outcome => outcome,
    }
}

fn read_payment(row: &mut Row) -> Result<Payment, Mismatch> {
    Ok(Payment {
        id: PaymentId::stored(row.text()?),
        order_id: OrderId::stored(row.text()?),
        customer: Customer::stored(row.text()?),
        provider: row.text()?,
        money: Money { amount: read_amount(row)?, currency: Currency::stored(row.text()?) },
        state: read_state(row)?,
        version: row.integer()?,
        created_at: row.text()?,
        updated_at: row.text()?,
    })
}

/// Four columns.
fn read_state(row: &mut Row) -> Result<State, Mismatch> {
    let status = row.parsed(|text| Status::parse(&text))?;
    let (captured, refunded) = (row.integer()?, row.integer()?);
    let reason = row.optional_text()?.map(|text| DeclineReason::parse(&text)).transpose();
    let state = reason.and_then(|reason| State::stored(status, captured, refunded, reason));
    state.map_err(|expected| Mismatch { column: 9, expected })
}

fn read_amount(row: &mut Row) -> Result<Amount, Mismatch> {
    let units = row.integer()?;
    Amount::parse(units).map_err(|expected| Mismatch { column: 4, expected })
}
