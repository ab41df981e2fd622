//! Looking at a database without being its host: what is in it, and what migrations would do. Neither asks for the lock.

use std::path::Path;

use rusqlite::backup::Backup;

use super::connection::Guarded;
use super::fault::of_engine;
use super::limits::Limits;
use super::migrate;
use super::open::{OpenError, beside, check_version};
use super::outbox;
use super::{DIALECT, Options};
use crate::engine::applied::{Applied, MigrationError, Plan, pending};
use crate::engine::events::OutboxStatus;
use crate::migration::{Migration, choose};

/// What an operator wants to know about a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The engine's version.
    pub sqlite_version: String,
    /// Bytes of the database file.
    pub database_bytes: u64,
    /// Bytes in it that are free for new rows.
    pub free_bytes: u64,
    /// Bytes of the write-ahead log.
    pub wal_bytes: u64,
    /// The migrations that were applied, in order.
    pub migrations: Vec<Applied>,
    /// The events that wait for delivery.
    pub outbox: OutboxStatus,
}

/// Looks at a database, whether a host runs on it or not.
pub fn status(path: &Path) -> Result<Status, OpenError> {
    let options = Options::default();
    let failed =
        |error: rusqlite::Error| OpenError::Engine { path: path.to_owned(), error: of_engine(&error, &options.limits) };
    let path = path.canonicalize().map_err(|error| OpenError::File { path: path.to_owned(), error })?;
    let reader = Guarded::reader(&path, &options).map_err(failed)?;
    reader.as_host(|db| look(db, &path)).map_err(failed)
}

fn look(db: &rusqlite::Connection, path: &Path) -> rusqlite::Result<Status> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, u32>(0).map(u64::from));
    let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    Ok(Status {
        sqlite_version: rusqlite::version().to_owned(),
        database_bytes: bytes(path),
        free_bytes: pragma("freelist_count")? * pragma("page_size")?,
        wal_bytes: bytes(&beside(path, "-wal")),
        migrations: migrate::applied(db)?,
        outbox: outbox::status(db)?,
    })
}

/// Says what migrations would do to a database, and whether they can be applied, by trying them on a copy. A file that is not
/// there yet counts as an empty database. The copy is a temporary file of the engine and is gone afterwards.
pub fn plan(path: &Path, limits: &Limits, migrations: &[Migration]) -> Result<Plan, OpenError> {
    check_version()?;
    let failed = |error: rusqlite::Error| OpenError::Engine { path: path.to_owned(), error: of_engine(&error, limits) };
    let chosen = choose(migrations, DIALECT).map_err(|faults| OpenError::Migration(MigrationError::Faults(faults)))?;
    let copy = copy(path, limits).map_err(failed)?;
    let applied = copy.as_host(migrate::applied).map_err(failed)?;
    pending(&applied, &chosen).map_err(OpenError::Migration)?;
    let pending = migrate::apply(&copy, migrations, limits).map_err(OpenError::Migration)?;
    Ok(Plan { applied: applied.into_iter().map(|applied| applied.file).collect(), pending })
}

fn copy(path: &Path, limits: &Limits) -> rusqlite::Result<Guarded> {
    // The engine's own temporary database: in memory while small, then in an unlinked file.
    let mut copy = rusqlite::Connection::open("")?;
    let is_there = std::fs::metadata(path).is_ok_and(|file| file.len() > 0);
    if is_there && let Ok(path) = path.canonicalize() {
        let source = Guarded::reader(&path, &Options { limits: limits.clone(), vfs: None })?;
        source.as_host(|source| Backup::new(source, &mut copy)?.step(-1))?;
    } else {
        copy.execute_batch(migrate::TABLE)?;
        copy.execute_batch(outbox::TABLE)?;
    }
    Guarded::guard(copy, limits)
}
