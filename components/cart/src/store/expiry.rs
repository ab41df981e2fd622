//! What nobody needs any more: carts whose time is over, and what was remembered against repetitions.

use souk_database::contract::{Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Row, attempt_again, sql};
use souk_kit::time::Timestamp;

/// Rows of each kind that one call takes away: 200. A few milliseconds of writing, so that customers hardly wait for it.
pub const SWEPT_MAX: u32 = 200;

/// Takes away what is over now, and what was remembered before `forget_before`, up to [`SWEPT_MAX`] of each kind. Whether more may be left.
pub async fn sweep(context: &Context, forget_before: Timestamp) -> Result<bool, Failure> {
    let now = context.now();
    let expired = expired(context, now).await?;
    let mut steps = take_away(&expired, now);
    steps.push(forget("merged_carts", "token_hash", "merged_at", forget_before));
    steps.push(forget("taken_out", "order_id", "taken_at", forget_before));
    match attempt_again(context.database(), Transaction { steps, events: Vec::new() }).await? {
        Attempt::Committed(effects) => Ok(effects.iter().any(|effect| effect.changed >= u64::from(SWEPT_MAX))),
        Attempt::Unmet(_) => Ok(true),
    }
}

/// Carts whose time is over, those first that have been for longest.
async fn expired(context: &Context, now: Timestamp) -> Result<Vec<String>, Failure> {
    let statement = sql("SELECT id FROM carts WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2")
        .bind(now.to_string())
        .bind(SWEPT_MAX);
    database::all(context.database(), statement, Row::text).await
}

/// Takes away these carts, except what another host, whose clock is behind, has given more time. The first step locks what is over still, so
/// that this is as true of the second and the third.
fn take_away(ids: &[String], now: Timestamp) -> Vec<Step> {
    if ids.is_empty() {
        return Vec::new();
    }
    let places: Vec<String> = (2..ids.len() + 2).map(|number| format!("${number}")).collect();
    let these = format!("id IN ({}) AND expires_at <= $1", places.join(", "));
    let texts = [
        format!("UPDATE carts SET version = version + 1 WHERE {these}"),
        format!("DELETE FROM cart_items WHERE cart_id IN (SELECT id FROM carts WHERE {these})"),
        format!("DELETE FROM carts WHERE {these}"),
    ];
    let bound = |text| ids.iter().fold(sql(text).bind(now.to_string()), |statement, id| statement.bind(id.as_str()));
    texts.map(|text| bound(text).anything()).into()
}

fn forget(table: &str, id: &str, time: &str, before: Timestamp) -> Step {
    let oldest = format!("SELECT {id} FROM {table} WHERE {time} <= $1 ORDER BY {time} LIMIT $2");
    sql(format!("DELETE FROM {table} WHERE {id} IN ({oldest})")).bind(before.to_string()).bind(SWEPT_MAX).anything()
}
