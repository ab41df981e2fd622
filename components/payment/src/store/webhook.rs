//! Which events of providers have had an effect.

use souk_database::contract::Step;
use souk_kit::context::Context;
use souk_kit::database::sql;

use crate::domain::webhook::{FORGET_S, SWEPT_MAX};

/// The steps by which an event has an effect once; those that are old are forgotten a few at a time. The first is met once.
pub fn first_time(context: &Context, provider: &str, event_id: &str) -> [Step; 2] {
    let now = context.now();
    let remember = sql("INSERT INTO webhook_events (provider, event_id, forget_at) VALUES ($1, $2, $3) \
         ON CONFLICT (provider, event_id) DO NOTHING")
    .bind(provider)
    .bind(event_id)
    .bind(now.plus_seconds(FORGET_S).to_string());
    let forget = sql(format!(
        "DELETE FROM webhook_events WHERE provider = $1 AND event_id IN (SELECT event_id FROM webhook_events \
         WHERE provider = $1 AND forget_at <= $2 ORDER BY forget_at LIMIT {SWEPT_MAX})"
    ));
    [remember.exactly(1), forget.bind(provider).bind(now.to_string()).anything()]
}
