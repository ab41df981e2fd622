//! The history of a customer: written with each change, blanked by the deletion, read by admins.

use serde_json::value::RawValue;
use serde_json::{Value, json};
use souk_database::contract::Step;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Mismatch, Row, sql};
use souk_kit::page::Page;
use souk_kit::time::Timestamp;

use crate::domain::CustomerId;
use crate::domain::change::{Actor, CHANGES_MAX, Change, Difference, Kind};

/// Reads a page of a customer's changes, the latest first, and how many are kept.
pub async fn list(context: &Context, customer: &CustomerId, page: Page) -> Result<(Vec<Change>, u32), Failure> {
    let total = "SELECT COUNT(*) FROM customer_changes WHERE customer_id = $1";
    let statement = sql("SELECT number, changed_at, actor, kind, fields, previous FROM customer_changes \
         WHERE customer_id = $1 ORDER BY number DESC LIMIT $2 OFFSET $3");
    let statement = statement.bind(customer.as_str()).bind(page.size).bind(page.offset());
    let changes = database::all(context.database(), statement, read).await?;
    let total = database::first(context.database(), sql(total).bind(customer.as_str()), Row::integer).await?;
    Ok((changes, total.map_or(0, |total| u32::try_from(total).unwrap_or(CHANGES_MAX))))
}

/// Writes a change down, under the number that the customer's row has got by it.
pub(super) fn note(customer: &CustomerId, now: Timestamp, actor: Actor, kind: Kind, difference: &Difference) -> Step {
    let Difference { fields, previous } = difference;
    let previous = (!previous.is_empty()).then(|| Value::from(previous.clone()).to_string());
    sql("INSERT INTO customer_changes (customer_id, number, changed_at, actor, kind, fields, previous) \
         SELECT c.id, c.changes, $2, $3, $4, $5, $6 FROM customers c WHERE c.id = $1")
    .bind(customer.as_str())
    .bind(now.to_string())
    .bind(actor.as_str())
    .bind(kind.as_str())
    .bind(json!(fields).to_string())
    .bind(previous)
    .exactly(1)
}

/// Keeps the history within [`CHANGES_MAX`].
pub(super) fn forget_oldest(customer: &CustomerId) -> Step {
    sql(format!(
        "DELETE FROM customer_changes WHERE customer_id = $1 \
         AND number <= (SELECT c.changes FROM customers c WHERE c.id = $1) - {CHANGES_MAX}"
    ))
    .bind(customer.as_str())
    .anything()
}

/// Takes all former values away.
pub(super) fn blank(customer: &CustomerId) -> Step {
    sql("UPDATE customer_changes SET previous = NULL WHERE customer_id = $1").bind(customer.as_str()).anything()
}

fn read(row: &mut Row) -> Result<Change, Mismatch> {
    Ok(Change {
        number: row.integer()?,
        changed_at: row.text()?,
        actor: row.parsed(|text| Actor::parse(&text))?,
        kind: row.parsed(|text| Kind::parse(&text))?,
        fields: row.parsed(RawValue::from_string)?,
        previous: match row.optional_text()? {
            Some(json) => Some(RawValue::from_string(json).map_err(|error| mismatch(&error))?),
            None => None,
        },
    })
}

fn mismatch(error: &serde_json::Error) -> Mismatch {
    Mismatch { column: 5, expected: error.to_string() }
}
