//! The outbox: events are rows, written in the transaction that they tell of, kept until they are delivered.
//!
//! `sequence` is the order of publication; delivery reads a key's rows in that order through the index. It is never used
//! twice (`AUTOINCREMENT`), so a place in the order stays true after rows were delivered and deleted.
//!
//! An event's id is unique among the rows that wait. Publishing one again while it waits is a constraint error of the
//! whole transaction; after its delivery it is delivered again, and receivers recognise it by its id.

use rusqlite::{Connection, ffi, params};

use super::fault::Fault;
use crate::contract::Event;
use crate::engine::events::{OutboxStatus, waits_already};

/// The table and its index, for a new database.
pub(super) const TABLE: &str = "
    CREATE TABLE souk_outbox (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        type TEXT NOT NULL,
        subject TEXT,
        key TEXT NOT NULL,
        time TEXT NOT NULL,
        data TEXT NOT NULL,
        created_ms INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX souk_outbox_order ON souk_outbox (key, sequence);
";

/// Stores events within the transaction that is open.
pub(super) fn store(db: &Connection, events: &[Event]) -> Result<(), Fault> {
    if events.is_empty() {
        return Ok(());
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO souk_outbox (id, type, subject, key, time, data, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(unixepoch('subsec') * 1000 AS INTEGER))",
    )?;
    for (index, event) in events.iter().enumerate() {
        let Event { id, r#type, subject, key, time, data } = event;
        insert.execute(params![id, r#type, subject, key, time, data]).map_err(|error| match error.sqlite_error() {
            Some(code) if code.extended_code == ffi::SQLITE_CONSTRAINT_UNIQUE => waits_already(index, event).into(),
            _ => Fault::Engine(error),
        })?;
    }
    Ok(())
}

/// Counts what waits.
pub(super) fn status(db: &Connection) -> rusqlite::Result<OutboxStatus> {
    let waiting: i64 = db.query_row("SELECT count(*) FROM souk_outbox", [], |row| row.get(0))?;
    let oldest =
        "SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) - created_ms FROM souk_outbox ORDER BY sequence LIMIT 1";
    let oldest_ms: Option<i64> = match db.query_row(oldest, [], |row| row.get(0)) {
        Err(rusqlite::Error::QueryReturnedNoRows) => None,
        other => Some(other?),
    };
    // A clock that was set back must not make the age negative.
    let natural = |number: i64| u64::try_from(number).unwrap_or(0);
    Ok(OutboxStatus { waiting: natural(waiting), oldest_ms: oldest_ms.map(natural) })
}
