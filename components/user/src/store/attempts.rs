//! Wrong passwords, counted where restarts and other instances see them.
//!
//! An attempt counts as a failure before the password is looked at, and is taken back when it was right: of many guesses at
//! once no more get through than one after another.

use souk_database::contract::{Step, Transaction};
use souk_kit::context::Context;
use souk_kit::database::{self, Attempt, Failure, Sql, attempt_again, read_all, sql};
use souk_kit::time::Timestamp;

use super::{attempt_unguarded, read_moment};
use crate::domain::Refusal;
use crate::domain::throttle::{Counted, Counter, FORGET_S, Kind, SWEPT_MAX};

/// Counts an attempt on all of these counters, or refuses it because one of them is blocked, and counts it on none.
pub async fn count(context: &Context, counters: &[Counter]) -> Result<Vec<Counted>, Refusal> {
    let now = context.now();
    let mut steps: Vec<Step> = counters.iter().map(|counter| add(counter, now).exactly(1)).collect();
    steps.push(sweep(now));
    match attempt_again(context.database(), Transaction { steps, events: vec![] }).await? {
        Attempt::Committed(effects) => {
            let counted = counters.iter().zip(effects).map(|(counter, effect)| {
                let blocked_until = read_all(effect.rows, read_moment)?.pop().unwrap_or(now);
                Ok(Counted { counter: counter.clone(), blocked_until })
            });
            counted.collect()
        }
        Attempt::Unmet(_) => {
            let retry_after_s = blocked_s(context, counters).await?;
            Err(Refusal::Blocked { retry_after_s })
        }
    }
}

/// Takes an attempt back whose password nobody has looked at.
pub async fn take_back(context: &Context, counted: &[Counted]) -> Result<(), Failure> {
    let now = context.now();
    let steps = counted.iter().flat_map(|counted| subtract(counted, now)).collect();
    attempt_unguarded(context, steps).await.map(drop)
}

/// Takes an attempt back whose password was right.
pub async fn forgive_all(context: &Context, counted: &[Counted]) -> Result<(), Failure> {
    let steps = forgive(counted, context.now()).collect();
    attempt_unguarded(context, steps).await.map(drop)
}

/// The steps of it.
pub(super) fn forgive(counted: &[Counted], now: Timestamp) -> impl Iterator<Item = Step> {
    counted.iter().flat_map(move |counted| match counted.counter.kind() {
        Kind::Account => vec![sql("DELETE FROM attempts WHERE key = $1").bind(counted.counter.key()).anything()],
        Kind::Address => subtract(counted, now).into(),
    })
}

/// One failure more, and the wait that it brings; no row while the counter is blocked. The waits are parameters, so that the
/// rule stands in the domain alone and moments stay text.
fn add(counter: &Counter, now: Timestamp) -> Sql {
    let waits: Vec<(u32, u32)> = counter.waits().steps().collect();
    let numbered = waits.iter().zip(4..);
    let case: Vec<String> =
        numbered.map(|((failures, _), place)| format!("WHEN attempts.failures < {failures} THEN ${place}")).collect();
    let (case, most) = (case.join(" "), waits.len() + 3);
    let text = format!(
        "INSERT INTO attempts (key, failures, blocked_until, forget_at) VALUES ($1, 1, $2, $3) \
         ON CONFLICT (key) DO UPDATE SET \
             failures = CASE WHEN attempts.forget_at <= $2 THEN 1 ELSE attempts.failures + 1 END, \
             blocked_until = CASE WHEN attempts.forget_at <= $2 OR attempts.failures < {free} THEN $2 {case} ELSE ${most} END, \
             forget_at = $3 \
         WHERE attempts.blocked_until <= $2 RETURNING blocked_until",
        free = counter.waits().free,
    );
    let statement = sql(text).bind(counter.key()).bind(now.to_string()).bind(now.plus_seconds(FORGET_S).to_string());
    waits.iter().fold(statement, |statement, (_, wait_s)| statement.bind(now.plus_seconds(*wait_s).to_string()))
}

/// One failure less. The wait that it brought ends, unless another failure has brought a later one. No failures are no row: what
/// nobody looked at leaves nothing behind.
fn subtract(counted: &Counted, now: Timestamp) -> [Step; 2] {
    let key = counted.counter.key();
    let less = sql("UPDATE attempts SET failures = failures - 1, \
             blocked_until = CASE WHEN blocked_until = $2 THEN $3 ELSE blocked_until END \
         WHERE key = $1 AND failures > 0");
    let less = less.bind(key).bind(counted.blocked_until.to_string()).bind(now.to_string());
    let none = sql("DELETE FROM attempts WHERE key = $1 AND failures = 0").bind(key);
    [less.anything(), none.anything()]
}

fn sweep(now: Timestamp) -> Step {
    let text = format!(
        "DELETE FROM attempts WHERE key IN \
         (SELECT key FROM attempts WHERE forget_at <= $1 ORDER BY forget_at LIMIT {SWEPT_MAX})"
    );
    sql(text).bind(now.to_string()).anything()
}

/// For how many seconds the longest block lasts; at least one, since there was one a moment ago.
async fn blocked_s(context: &Context, counters: &[Counter]) -> Result<u32, Failure> {
    let places: Vec<String> = (1..=counters.len()).map(|number| format!("${number}")).collect();
    let statement = sql(format!("SELECT blocked_until FROM attempts WHERE key IN ({})", places.join(", ")));
    let statement = counters.iter().fold(statement, |statement, counter| statement.bind(counter.key()));
    let until = database::all(context.database(), statement, read_moment).await?;
    let longest = until.into_iter().map(|until| until.seconds_from(context.now())).max();
    Ok(longest.unwrap_or(1).max(1))
}
