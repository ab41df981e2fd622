//! The books: written with the operation that moves the money, and summed up for whoever audits them.

use souk_database::contract::Step;
use souk_kit::context::Context;
use souk_kit::database::{self, Failure, Row, Sql, sql};
use souk_kit::time::Timestamp;

use crate::domain::Currency;
use crate::domain::ledger::{self, Account, Entry, Sum};
use crate::domain::operation::{Kind, Operation, Outcome};
use crate::domain::payment::Payment;

/// The steps that book what an operation has moved. The last makes a transaction impossible whose entries do not sum to zero.
pub(super) fn book(operation: &Operation, outcome: Outcome, payment: &Payment, now: Timestamp) -> Vec<Step> {
    let entries = match (operation.kind, outcome, operation.amount) {
        (Kind::Capture, Outcome::Done, Some(amount)) => ledger::captured(amount),
        (Kind::Refund, Outcome::Done, Some(amount)) => ledger::refunded(amount),
        // Nothing has moved.
        _ => return Vec::new(),
    };
    let count = entries.len() as u64;
    vec![insert(operation, payment, &entries, now).exactly(count), balance(operation)]
}

fn insert(operation: &Operation, payment: &Payment, entries: &[Entry], now: Timestamp) -> Sql {
    let row = |index: usize| format!("($1, {}, $2, ${}, $3, ${}, $4)", index + 1, 5 + 2 * index, 6 + 2 * index);
    let rows: Vec<String> = (0..entries.len()).map(row).collect();
    let statement = sql(format!(
        "INSERT INTO ledger_entries (transaction_id, line, payment_id, account, currency, amount, booked_at) VALUES {}",
        rows.join(", ")
    ));
    let statement = statement
        .bind(operation.id.as_str())
        .bind(payment.id.as_str())
        .bind(payment.money.currency.as_str())
        .bind(now.to_string());
    entries.iter().fold(statement, |statement, entry| statement.bind(entry.account.as_str()).bind(entry.units))
}

/// No currency in which the entries of the transaction do not sum to zero.
fn balance(operation: &Operation) -> Step {
    sql("SELECT currency FROM ledger_entries WHERE transaction_id = $1 GROUP BY currency HAVING SUM(amount) <> 0")
        .bind(operation.id.as_str())
        .exactly(0)
}

/// What all entries come to, by currency and account. It reads all entries, from one index: ten million take seconds, and then the years that are
/// closed have to go elsewhere.
pub async fn sums(context: &Context) -> Result<Vec<Sum>, Failure> {
    let statement = sql("SELECT account, currency, CAST(SUM(amount) AS BIGINT) FROM ledger_entries \
         GROUP BY currency, account ORDER BY currency, account");
    let read = |row: &mut Row| {
        Ok(Sum {
            account: row.parsed(|text| Account::parse(&text))?,
            currency: Currency::stored(row.text()?),
            amount: row.integer()?,
        })
    };
    database::all(context.database(), statement, read).await
}

#[cfg(test)]
mod tests;
