//! What an operator is told about a database, whichever engine keeps it.

use serde::Serialize;
use souk_database::sqlite::{Applied, OutboxStatus};
use souk_database::{postgres, sqlite};
use std::io::{self, Write};
use std::time::Duration;

/// One database. What an engine does not tell is not there.
#[derive(Serialize)]
pub(super) struct Report {
    name: String,
    engine: Engine,
    database_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    free_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wal_bytes: Option<u64>,
    migrations: Vec<Migration>,
    outbox: Outbox,
}

#[derive(Serialize)]
struct Engine {
    name: &'static str,
    version: String,
}

#[derive(Serialize)]
struct Migration {
    file: String,
    checksum: String,
    applied_at: String,
}

#[derive(Serialize)]
struct Outbox {
    waiting: u64,
    oldest_ms: Option<u64>,
}

impl Report {
    pub(super) fn of_file(name: String, status: sqlite::Status) -> Self {
        let engine = Engine { name: sqlite::DIALECT, version: status.sqlite_version };
        let (free_bytes, wal_bytes) = (Some(status.free_bytes), Some(status.wal_bytes));
        let report = Self::of(name, engine, status.database_bytes, status.migrations, status.outbox);
        Self { free_bytes, wal_bytes, ..report }
    }

    pub(super) fn on_server(name: String, status: postgres::Status) -> Self {
        let engine = Engine { name: postgres::DIALECT, version: status.server_version };
        Self::of(name, engine, status.database_bytes, status.migrations, status.outbox)
    }

    fn of(name: String, engine: Engine, database_bytes: u64, applied: Vec<Applied>, outbox: OutboxStatus) -> Self {
        let migrations = applied.into_iter().map(Migration::from).collect();
        let outbox = Outbox { waiting: outbox.waiting, oldest_ms: outbox.oldest_ms };
        Self { name, engine, database_bytes, free_bytes: None, wal_bytes: None, migrations, outbox }
    }

    /// For a person.
    pub(super) fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}", self.name)?;
        let free = self.free_bytes.map(|bytes| format!(", {} of it free", size(bytes))).unwrap_or_default();
        let Engine { name, version } = &self.engine;
        writeln!(out, "  database    {}{free} ({name} {version})", size(self.database_bytes))?;
        if let Some(bytes) = self.wal_bytes {
            writeln!(out, "  WAL         {}", size(bytes))?;
        }
        for (index, applied) in self.migrations.iter().enumerate() {
            let label = if index == 0 { "migrations" } else { "" };
            writeln!(out, "  {label:10}  {}, applied {}", applied.file, applied.applied_at)?;
        }
        match (self.outbox.waiting, self.outbox.oldest_ms) {
            (waiting, Some(oldest)) => {
                let oldest = Duration::from_millis(oldest).as_secs();
                writeln!(out, "  outbox      {waiting} events wait, the oldest for {oldest} s")
            }
            _ => writeln!(out, "  outbox      empty"),
        }
    }
}

impl From<Applied> for Migration {
    fn from(applied: Applied) -> Self {
        let Applied { file, checksum, applied_at, .. } = applied;
        Self { file, checksum, applied_at }
    }
}

/// Bytes for a person.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_fits() {
        assert_eq!([0, 1023, 1024, 966_656, 5 << 30].map(size), ["0 B", "1023 B", "1.0 KiB", "944.0 KiB", "5.0 GiB"]);
    }
}
