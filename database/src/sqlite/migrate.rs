//! Migrations on SQLite: each file in one transaction, once, recorded with its checksum; forward only.
//!
//! Foreign keys are not enforced while a file runs, since rebuilding a table would delete what refers to it; instead all of
//! them are checked before the commit. A file may change the schema and rows, and nothing that outlives its transaction otherwise.

use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::limits::Limit;
use rusqlite::{Batch, Connection, params};

use super::DIALECT;
use super::connection::Guarded;
use super::fault::{Fault, of_engine};
use super::limits::Limits;
use crate::contract::Error;
use crate::engine::applied::{Applied, MigrationError, checksum, pending};
use crate::migration::{Migration, Name, choose};

/// The table that says what was applied, for a new database.
pub(super) const TABLE: &str = "
    CREATE TABLE souk_migration (
        number INTEGER PRIMARY KEY,
        file TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at TEXT NOT NULL
    ) STRICT;
";

/// Bytes of one statement in a migration. It was reviewed with its component, unlike what a component may send later.
const MIGRATION_SQL_BYTES: i32 = 1_000_000;

/// Applies what is not applied yet; answers with the names of those files.
pub(super) fn apply(db: &Guarded, migrations: &[Migration], limits: &Limits) -> Result<Vec<String>, MigrationError> {
    let chosen = choose(migrations, DIALECT).map_err(MigrationError::Faults)?;
    in_host(db, limits, |db| db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false))?;
    let applied = apply_each(db, &chosen, limits);
    in_host(db, limits, |db| db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true))?;
    applied
}

fn apply_each(db: &Guarded, chosen: &[(Name, Migration)], limits: &Limits) -> Result<Vec<String>, MigrationError> {
    let mut files = Vec::new();
    loop {
        // Looked at under the write lock, and again for each file: whoever comes second finds it done.
        in_host(db, limits, |db| db.execute_batch("BEGIN IMMEDIATE"))?;
        let next = in_host(db, limits, applied).and_then(|applied| pending(&applied, chosen));
        let done = match next {
            Ok([]) => Ok(None),
            Ok([(name, migration), ..]) => apply_one(db, name, migration, limits).map(Some),
            Err(error) => Err(error),
        };
        match done {
            Ok(Some(file)) => {
                in_host(db, limits, |db| db.execute_batch("COMMIT")).inspect_err(|_| db.roll_back())?;
                files.push(file);
            }
            other => {
                db.roll_back();
                return other.map(|_| files);
            }
        }
    }
}

/// Runs host statements whose failure says nothing about a file.
fn in_host<T>(
    db: &Guarded,
    limits: &Limits,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, MigrationError> {
    db.as_host(work).map_err(|error| MigrationError::Unavailable(of_engine(&error, limits)))
}

/// What was applied, in order.
pub(super) fn applied(db: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let mut select = db.prepare("SELECT number, file, checksum, applied_at FROM souk_migration ORDER BY number")?;
    let rows = select.query_map([], |row| {
        Ok(Applied { number: row.get(0)?, file: row.get(1)?, checksum: row.get(2)?, applied_at: row.get(3)? })
    })?;
    rows.collect()
}

/// Runs one file within the open transaction and records it.
fn apply_one(db: &Guarded, name: &Name, migration: &Migration, limits: &Limits) -> Result<String, MigrationError> {
    let failed = |error| MigrationError::Failed { file: migration.file.clone(), error };
    db.budget.start_time(Duration::from_millis(limits.migration_ms));
    let run = db.as_migration(|db| {
        db.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, MIGRATION_SQL_BYTES)?;
        let run = run_all(db, &migration.sql);
        db.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, i32::try_from(limits.sql_bytes).unwrap_or(i32::MAX))?;
        run
    });
    let limit = ("migration-ms", limits.migration_ms);
    run.map_err(|error| failed(Fault::from(error).into_error_within(&db.budget, limits, limit)))?;
    db.as_host(check_result).map_err(|fault| failed(fault.into_error(limits)))?;
    let record = db.as_host(|db| {
        db.execute(
            "INSERT INTO souk_migration VALUES (?1, ?2, ?3, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
            params![name.number, migration.file, checksum(migration)],
        )
    });
    record.map_err(|error| failed(of_engine(&error, limits)))?;
    Ok(migration.file.clone())
}

fn run_all(db: &Connection, sql: &str) -> rusqlite::Result<()> {
    let mut batch = Batch::new(db, sql);
    while let Some(mut statement) = batch.next()? {
        let mut rows = statement.raw_query();
        while rows.next()?.is_some() {}
    }
    Ok(())
}

/// Checks what the authorizer does not see: names that come from `RENAME TO`, references to the host's tables, and the
/// foreign keys that were not enforced meanwhile.
fn check_result(db: &Connection) -> Result<(), Fault> {
    let of_host = "SELECT name FROM sqlite_schema WHERE lower(substr(name, 1, 5)) = 'souk_'
                   AND tbl_name NOT IN ('souk_migration', 'souk_outbox')
                   UNION ALL
                   SELECT child.name FROM sqlite_schema AS child, pragma_foreign_key_list(child.name) AS parent
                   WHERE child.type = 'table' AND lower(substr(parent.\"table\", 1, 5)) = 'souk_'";
    if let Some(name) = first::<String>(db, of_host)? {
        return Err(Error::Denied(format!("`{name}`: names that begin with `souk_` are the host's")).into());
    }
    if let Some(table) = first::<String>(db, "PRAGMA foreign_key_check")? {
        return Err(Error::Constraint(format!(
            "FOREIGN KEY constraint failed: rows of `{table}` refer to rows that are not there"
        ))
        .into());
    }
    Ok(())
}

fn first<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> rusqlite::Result<Option<T>> {
    let mut select = db.prepare(sql)?;
    let mut rows = select.raw_query();
    rows.next()?.map(|row| row.get(0)).transpose()
}
