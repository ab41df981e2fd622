//! Migrations on a server: each file in one transaction, once, recorded with its checksum; forward only.
//!
//! A file runs as the owner of the component's tables, which has no right on the host's. The record is written in the same
//! transaction through a function of the host's, which asks for a token. Whoever calls this holds the lock of the database.

use super::address::Address;
use super::admin::{Admin, Row, first, literal, natural};
use super::fault::Fault;
use super::limits::Limits;
use super::{DIALECT, pool, text};
use crate::contract::Error;
use crate::engine::applied::{Applied, MigrationError, checksum, pending};
use crate::migration::{Migration, Name, choose};

/// The table that says what was applied, and the function that writes to it.
pub(super) const TABLE: &str = r#"
    CREATE TABLE IF NOT EXISTS souk.souk_migration (
        number INTEGER PRIMARY KEY,
        file TEXT NOT NULL,
        checksum TEXT NOT NULL,
        applied_at TEXT NOT NULL
    );
    CREATE OR REPLACE FUNCTION souk.souk_record(TEXT, INTEGER, TEXT, TEXT) RETURNS VOID
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $souk$
    BEGIN
        IF NOT EXISTS (SELECT FROM souk.souk_secret WHERE name = 'token' AND value = $1) THEN
            RAISE insufficient_privilege USING MESSAGE = 'permission denied: the host records migrations';
        END IF;
        INSERT INTO souk.souk_migration
        VALUES ($2, $3, $4, to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'));
    END
    $souk$;
"#;

/// Names that a file gave to what is the host's alone.
const OF_HOST: &str = "
    SELECT relname FROM pg_class WHERE lower(left(relname, 5)) = 'souk_' AND relnamespace <> 'souk'::REGNAMESPACE LIMIT 1
";

/// Applies what is not applied yet; answers with the names of those files.
pub(super) async fn apply(
    host: &mut Admin,
    owner: &Address,
    token: &str,
    limits: &Limits,
    migrations: &[Migration],
) -> Result<Vec<String>, MigrationError> {
    let chosen = choose(migrations, DIALECT).map_err(MigrationError::Faults)?;
    let unavailable = |fault: Fault| MigrationError::Unavailable(told(fault, limits));
    let applied = applied(host).await.map_err(unavailable)?;
    let mut files = Vec::new();
    for (name, migration) in pending(&applied, &chosen)? {
        // One connection each: what a file leaves in its session is gone with it.
        let work_ms = limits.migration_ms.to_string();
        let settings = pool::session_settings(&work_ms);
        let mut owner = Admin::connect_with(owner, limits, &settings).await.map_err(unavailable)?;
        let done = apply_one(&mut owner, name, migration, token).await;
        done.map_err(|fault| MigrationError::Failed { file: migration.file.clone(), error: told(fault, limits) })?;
        files.push(migration.file.clone());
    }
    Ok(files)
}

/// What was applied, in order.
pub(super) async fn applied(host: &mut Admin) -> Result<Vec<Applied>, Fault> {
    let rows = host.run("SELECT number, file, checksum, applied_at FROM souk.souk_migration ORDER BY number").await?;
    Ok(rows.into_iter().map(record).collect())
}

fn record(row: Row) -> Applied {
    let mut cells = row.into_iter().map(Option::unwrap_or_default);
    let mut next = || cells.next().unwrap_or_default();
    let number = u32::try_from(natural(&next())).unwrap_or(0);
    Applied { number, file: next(), checksum: next(), applied_at: next() }
}

/// Runs files that are not applied yet, all in one transaction, and rolls it back.
pub(super) async fn rehearse(
    owner: &mut Admin,
    pending: &[(Name, Migration)],
    token: &str,
    limits: &Limits,
) -> Result<(), MigrationError> {
    let unavailable = |fault: Fault| MigrationError::Unavailable(told(fault, limits));
    owner.run("BEGIN").await.map_err(unavailable)?;
    let mut tried = Ok(());
    for (name, migration) in pending {
        tried = rehearse_one(owner, name, migration, token)
            .await
            .map_err(|fault| MigrationError::Failed { file: migration.file.clone(), error: told(fault, limits) });
        if tried.is_err() {
            break;
        }
    }
    // Told now, and not by closing the connection: then it is done when this returns.
    let undone = owner.run("ROLLBACK").await.map_err(unavailable);
    tried.and(undone.map(drop))
}

async fn rehearse_one(owner: &mut Admin, name: &Name, migration: &Migration, token: &str) -> Result<(), Fault> {
    run(owner, name, migration, token).await?;
    owner.run(END_OF_FILE).await.map(drop)
}

/// What a `COMMIT` and a new session would do between two files: checks what was put off until then, or the next file could not
/// alter those tables, and forgets settings. By name, since `SET CONSTRAINTS ALL` would also be in force for those to come.
const END_OF_FILE: &str = "
    RESET ALL;
    DO $souk$
    DECLARE names TEXT;
    BEGIN
        SELECT string_agg(DISTINCT format('%s.%I', connamespace::REGNAMESPACE, conname), ', ') INTO names
        FROM pg_constraint WHERE condeferrable;
        EXECUTE coalesce('SET CONSTRAINTS ' || names || ' IMMEDIATE', 'RESET ALL');
        SELECT string_agg(format('%s.%I', connamespace::REGNAMESPACE, conname), ', ') INTO names FROM (
            SELECT connamespace, conname FROM pg_constraint
            GROUP BY connamespace, conname HAVING bool_and(condeferrable) AND bool_or(condeferred)
        ) AS put_off;
        EXECUTE coalesce('SET CONSTRAINTS ' || names || ' DEFERRED', 'RESET ALL');
    END
    $souk$;
";

/// Runs one file and commits it. What it did is rolled back with the connection, unless it is committed.
async fn apply_one(owner: &mut Admin, name: &Name, migration: &Migration, token: &str) -> Result<(), Fault> {
    owner.run("BEGIN").await?;
    run(owner, name, migration, token).await?;
    owner.run("COMMIT").await.map(drop)
}

/// Runs one file in the transaction that is open, and records it.
async fn run(owner: &mut Admin, name: &Name, migration: &Migration, token: &str) -> Result<(), Fault> {
    if migration.sql.contains('\0') {
        return Err(Error::Invalid("a migration may not contain the character NUL".into()).into());
    }
    let statements = text::statements(&migration.sql);
    // All of them before the first: a `COMMIT` in the middle would leave half a file applied.
    statements.iter().try_for_each(|statement| text::check_migration(statement))?;
    for statement in statements {
        owner.run_one(statement).await?;
    }
    if let Some(name) = first(&owner.run(OF_HOST).await?) {
        return Err(Error::Denied(format!("`{name}`: names that begin with `souk_` are the host's")).into());
    }
    let (number, file, checksum) = (name.number, literal(&migration.file), checksum(migration));
    owner.run(&format!("SELECT souk.souk_record('{token}', {number}, {file}, '{checksum}')")).await.map(drop)
}

fn told(fault: Fault, limits: &Limits) -> Error {
    fault.into_error(limits, ("migration-ms", limits.migration_ms))
}
