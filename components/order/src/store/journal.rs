//! What happened to an order: one line for each transaction, in it.

use serde::Serialize;
use souk_database::contract::Step as DatabaseStep;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Row, sql};

use crate::domain::OrderId;
use crate::domain::order::Order;
use crate::domain::saga::Step;

/// The lines that are told. A payment that has no outcome for a week writes ten thousand; the last ones tell why.
const LINES_MAX: u32 = 200;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Of the order after it.
    pub version: i64,
    /// When it happened.
    pub at: String,
    /// Which step had come up; none for what people did.
    pub step: Option<String>,
    /// What came of it.
    pub what: String,
}

/// The last lines about an order, latest first.
pub async fn entries(context: &Context, order: &OrderId) -> Result<Vec<Entry>, Failure> {
    let text = format!(
        "SELECT version, at, step, what FROM journal WHERE order_id = $1 ORDER BY version DESC LIMIT {LINES_MAX}"
    );
    let read = |row: &mut Row| {
        Ok(Entry { version: row.integer()?, at: row.text()?, step: row.optional_text()?, what: row.text()? })
    };
    database::all(context.database(), sql(text).bind(order.as_str()), read).await
}

pub(super) fn insert(order: &Order, (step, what): (Option<Step>, &str)) -> DatabaseStep {
    sql("INSERT INTO journal (order_id, version, at, step, what) VALUES ($1, $2, $3, $4, $5)")
        .bind(order.id.as_str())
        .bind(order.version)
        .bind(order.updated_at.to_string())
        .bind(step.map(Step::as_str))
        .bind(what)
        .exactly(1)
}
