//! Keys of clients, and the first answer under each.

use souk_database::contract::{Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Mismatch, Row, Sql, attempt_again, sql};
use souk_kit::time::Timestamp;

use crate::answer::{self, Answered};
use crate::domain::order::Order;
use crate::domain::{Key, OrderId};

/// For how long a repetition is recognised. Clients repeat within minutes; a queue that was stopped over a holiday within weeks.
const KEPT_DAYS: i64 = 30;

/// How many keys are forgotten in one go: a short transaction.
pub const FORGOTTEN_MAX: u32 = 500;

/// A key that was used.
#[derive(Clone, Debug)]
pub struct Known {
    /// What was asked for.
    pub fingerprint: String,
    /// The order that came of it.
    pub order_id: OrderId,
    /// The first answer, if there is one already.
    pub answer: Option<Answered>,
}

/// Looks a key up.
pub async fn known(context: &Context, account: &str, key: &Key) -> Result<Option<Known>, Failure> {
    let statement =
        sql("SELECT fingerprint, order_id, answer_status, answer_body FROM keys WHERE account = $1 AND key = $2")
            .bind(account)
            .bind(key.as_str());
    database::first(context.database(), statement, |row| {
        let (fingerprint, order_id) = (row.text()?, OrderId::stored(row.text()?));
        let answer = read_answer(row, &order_id)?;
        Ok(Known { fingerprint, order_id, answer })
    })
    .await
}

/// Keeps the first answer under the key of an order. The one that is kept, perhaps an earlier one.
pub async fn answer(context: &Context, order: &OrderId, (status, body): (u16, String)) -> Result<Answered, Failure> {
    let kept = sql("SELECT answer_status, answer_body FROM keys WHERE order_id = $1 AND answer_status IS NOT NULL");
    let read = |row: &mut Row| read_answer(row, order);
    if let Some(kept) = database::first(context.database(), kept.bind(order.as_str()), read).await?.flatten() {
        return Ok(kept);
    }
    let steps = vec![write(order, status, &body).anything()];
    attempt_again(context.database(), Transaction { steps, events: vec![] }).await?;
    let kept = sql("SELECT answer_status, answer_body FROM keys WHERE order_id = $1").bind(order.as_str());
    let kept = database::first(context.database(), kept, read).await?.flatten();
    Ok(kept.unwrap_or_else(|| Answered { order_id: order.clone(), status, body }))
}

/// Forgets keys that nobody repeats any more. Whether there may be more of them.
pub async fn forget(context: &Context) -> Result<bool, Failure> {
    let before = context.now().milliseconds() - KEPT_DAYS * 24 * 3_600 * 1_000;
    let forget = sql("DELETE FROM keys WHERE order_id IN \
         (SELECT order_id FROM keys WHERE created_at < $1 ORDER BY created_at, order_id LIMIT $2)")
    .bind(Timestamp::from_milliseconds(before).to_string())
    .bind(FORGOTTEN_MAX);
    let transaction = Transaction { steps: vec![forget.anything()], events: vec![] };
    match attempt_again(context.database(), transaction).await? {
        Attempt::Committed(effects) => Ok(effects.iter().any(|effect| effect.changed >= u64::from(FORGOTTEN_MAX))),
        Attempt::Unmet(_) => Ok(false),
    }
}

/// A new key; not if it was used.
pub(super) fn insert(order: &Order, key: &Key, fingerprint: &str) -> Sql {
    sql("INSERT INTO keys (account, key, fingerprint, order_id, created_at) VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (account, key) DO NOTHING")
    .bind(order.account.as_str())
    .bind(key.as_str())
    .bind(fingerprint)
    .bind(order.id.as_str())
    .bind(order.created_at.to_string())
}

/// Keeps an order's answer with what ended it, if there is none: whoever asked may be gone, and comes again.
pub(super) fn keep(order: &Order) -> Step {
    let (status, body) = answer::of(order);
    write(&order.id, status, &body).anything()
}

/// Two columns.
fn read_answer(row: &mut Row, order_id: &OrderId) -> Result<Option<Answered>, Mismatch> {
    let (status, body) = (row.optional_integer()?, row.optional_text()?);
    let status = status.and_then(|status| u16::try_from(status).ok());
    Ok(status.zip(body).map(|(status, body)| Answered { order_id: order_id.clone(), status, body }))
}

fn write(order: &OrderId, status: u16, body: &str) -> Sql {
    sql("UPDATE keys SET answer_status = $2, answer_body = $3 WHERE order_id = $1 AND answer_status IS NULL")
        .bind(order.as_str())
        .bind(u32::from(status))
        .bind(body)
}
