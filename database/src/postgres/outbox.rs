//! The outbox: events are rows of the host's, written in the transaction that they tell of, kept until they are delivered.
//!
//! The transaction runs as the component's role, which has no right on the table. It may call one function that has it, and that
//! asks for a token which only the host knows: what a component could publish by itself would not have been checked.
//!
//! `sequence` is the order of publication. Numbers are drawn before the commit, so two transactions could commit in the other
//! order, and delivery would pass one by; therefore those that publish for the same key wait for one another.

use super::admin::natural;
use super::fault::Fault;
use crate::contract::{Event, Value};
use crate::engine::events::{OutboxStatus, waits_already};

/// The table, its index and the function, for a new database and an old one alike.
pub(super) const TABLE: &str = r"
    CREATE TABLE IF NOT EXISTS souk.souk_outbox (
        sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        subject TEXT,
        key TEXT NOT NULL,
        time TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms BIGINT NOT NULL
    );
    CREATE INDEX IF NOT EXISTS souk_outbox_order ON souk.souk_outbox (key, sequence);
    CREATE OR REPLACE FUNCTION souk.souk_publish(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT) RETURNS VOID
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $souk$
    BEGIN
        IF NOT EXISTS (SELECT FROM souk.souk_secret WHERE name = 'token' AND value = $1) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied: the host publishes events';
        END IF;
        PERFORM pg_advisory_xact_lock(hashtextextended($5, 0));
        INSERT INTO souk.souk_outbox (id, type, subject, key, time, data, created_ms)
        VALUES ($2, $3, $4, $5, $6, $7, floor(extract(epoch FROM clock_timestamp()) * 1000));
    END
    $souk$;
";

/// Counts what waits.
pub(super) const STATUS: &str = "
    SELECT count(*), floor(extract(epoch FROM clock_timestamp()) * 1000 - (
        SELECT created_ms FROM souk.souk_outbox ORDER BY sequence LIMIT 1
    ))::BIGINT FROM souk.souk_outbox
";

/// The statement that stores an event; its parameters are [`parameters`].
pub(super) const PUBLISH: &str = "SELECT souk.souk_publish($1, $2, $3, $4, $5, $6, $7)";

/// The parameters of [`PUBLISH`].
pub(super) fn parameters(token: &str, event: &Event) -> [Value; 7] {
    let text = |text: &str| Value::Text(text.to_owned());
    [
        text(token),
        text(&event.id),
        text(&event.r#type),
        event.subject.as_deref().map_or(Value::Null, text),
        text(&event.key),
        text(&event.time),
        text(&event.data),
    ]
}

/// Says which event could not be stored, and why.
pub(super) fn fault(index: usize, events: &[Event], fault: Fault) -> Fault {
    match (fault, events.get(index)) {
        (Fault::Server(error), Some(event)) if error.code == "23505" => waits_already(index, event).into(),
        // A constraint that was deferred is only checked at the commit; so what else fails here is not the component's.
        (fault, _) => super::session::fault_at(format_args!("event {index}"), fault),
    }
}

/// Reads the row of [`STATUS`].
pub(super) fn status(row: &[Option<String>]) -> OutboxStatus {
    let number = |index: usize| row.get(index).and_then(Option::as_deref).map(natural);
    OutboxStatus { waiting: number(0).unwrap_or(0), oldest_ms: number(1) }
}
