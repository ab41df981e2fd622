//! One guarded connection: settings, limits, authorizer, budget and cached statements.
//!
//! Used by one thread at a time. The component has the floor unless the host takes it for a statement of its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{OpenFlags, ffi};

use super::Options;
use super::authorize::{Floor, Speaker};
use super::budget::Budget;
use super::fault::Fault;
use super::functions;
use super::limits::Limits;
use super::statement::{Shape, run};
use crate::contract::{Rows, Statement};
use crate::engine::sizes::Room;

/// A connection that is safe to run a component's SQL on.
pub(super) struct Guarded {
    /// Host statements only, within [`Guarded::as_host`].
    pub(super) db: rusqlite::Connection,
    pub(super) budget: Arc<Budget>,
    floor: Floor,
    shapes: RefCell<HashMap<Box<str>, Arc<Shape>>>,
    shapes_max: usize,
}

impl Guarded {
    /// How long the writer waits for a lock. Only another program (the `sqlite3` shell) can hold one.
    pub(super) const WRITER_WAIT: Duration = Duration::from_secs(2);

    /// Opens the connection that writes; creates the file if need be.
    pub(super) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Self> {
        let db = connect(path, options, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE)?;
        db.busy_timeout(Self::WRITER_WAIT)?;
        db.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        // Each commit is synced: an answer means that the data survived a power cut. `NORMAL` would not.
        db.pragma_update(None, "synchronous", "FULL")?;
        // The writer thread decides when the WAL is copied: after it answered, not in the middle of somebody's commit.
        db.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
        // What a customer had deleted is overwritten on pages that are written anyway.
        db.pragma_update_and_check(None, "secure_delete", "FAST", |_| Ok(()))?;
        let page_bytes: u32 = db.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let pages_max =
            i64::try_from(options.limits.database_bytes / u64::from(page_bytes)).unwrap_or(i64::MAX).min(4_294_967_294);
        db.pragma_update_and_check(None, "max_page_count", pages_max, |_| Ok(()))?;
        Self::guard(db, &options.limits)
    }

    /// Opens a connection that can only read.
    pub(super) fn reader(path: &Path, options: &Options) -> rusqlite::Result<Self> {
        let db = connect(path, options, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        let reader = Self::guard(db, &options.limits)?;
        // Loads the schema now, not during the first query.
        reader.as_host(|db| db.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())))?;
        Ok(reader)
    }

    /// Puts the guards up on a connection.
    pub(super) fn guard(db: rusqlite::Connection, limits: &Limits) -> rusqlite::Result<Self> {
        set_config(&db)?;
        set_limits(&db, limits)?;
        functions::install(&db)?;
        let statements = limits.statements as usize;
        db.set_prepared_statement_cache_capacity(statements);
        let budget = Budget::install(&db)?;
        let floor = Floor::install(&db)?;
        floor.give(Speaker::Guest);
        Ok(Self { db, budget, floor, shapes: RefCell::default(), shapes_max: 2 * statements })
    }

    /// Runs a statement of the component within the budget that was started. Also says what is known of its text.
    pub(super) fn run(&self, shape: &Shape, statement: &Statement, room: &mut Room) -> Result<(Rows, u64), Fault> {
        run(&self.db, shape, statement, room)
    }

    /// What is known of a text. Compiles it with the component's rights at the first time, and that is why a text of the host that is
    /// in the engine's cache can't be run by a component that guesses it.
    pub(super) fn shape(&self, sql: &str) -> Result<Arc<Shape>, Fault> {
        if let Some(shape) = self.shapes.borrow().get(sql) {
            return Ok(Arc::clone(shape));
        }
        let shape = Shape::of(&self.db, sql)?;
        let mut shapes = self.shapes.borrow_mut();
        // Reached only by components that build texts; starting over is simpler than knowing which are old.
        if shapes.len() >= self.shapes_max {
            shapes.clear();
        }
        shapes.insert(sql.into(), Arc::clone(&shape));
        Ok(shape)
    }

    /// Runs host statements: without the authorizer's and the budget's bounds.
    pub(super) fn as_host<T>(&self, work: impl FnOnce(&rusqlite::Connection) -> T) -> T {
        self.as_speaker(Speaker::Host, work)
    }

    /// Runs a migration: may change the schema. The caller starts the budget.
    pub(super) fn as_migration<T>(&self, work: impl FnOnce(&rusqlite::Connection) -> T) -> T {
        self.as_speaker(Speaker::Migration, work)
    }

    /// Rolls back whatever is open, unless the engine did so by itself.
    pub(super) fn roll_back(&self) {
        if !self.db.is_autocommit()
            && let Err(error) = self.as_host(|db| db.execute_batch("ROLLBACK"))
        {
            tracing::error!(%error, "rollback failed");
        }
    }

    fn as_speaker<T>(&self, speaker: Speaker, work: impl FnOnce(&rusqlite::Connection) -> T) -> T {
        if speaker == Speaker::Host {
            self.budget.lift();
        }
        self.floor.give(speaker);
        let done = work(&self.db);
        self.floor.give(Speaker::Guest);
        done
    }

    /// Whether deferred foreign keys are broken: the engine would find that out at `COMMIT`, which other transactions share.
    pub(super) fn has_broken_foreign_keys(&self) -> bool {
        let (mut broken, mut highest) = (0, 0);
        // SAFETY: the handle is valid as long as `self.db`, and the two pointers are to local integers.
        let code = unsafe {
            ffi::sqlite3_db_status(
                self.db.handle(),
                ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
                &raw mut broken,
                &raw mut highest,
                0,
            )
        };
        code == ffi::SQLITE_OK && broken != 0
    }
}

/// Opens a file. No symbolic links: a component's file is where the host put it. No mutex: one thread at a time uses it.
fn connect(path: &Path, options: &Options, flags: OpenFlags) -> rusqlite::Result<rusqlite::Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let db = match &options.vfs {
        Some(vfs) => rusqlite::Connection::open_with_flags_and_vfs(path, flags, vfs.as_str())?,
        None => rusqlite::Connection::open_with_flags(path, flags)?,
    };
    // A reader waits only while the WAL is being recovered or restarted, which takes milliseconds.
    db.busy_timeout(Duration::from_millis(500))?;
    db.pragma_update(None, "cache_size", -i64::from(options.limits.cache_kib))?;
    // No memory map: an I/O error would be a SIGBUS that ends the whole host, and the page cache makes up for it.
    db.pragma_update_and_check(None, "mmap_size", 0, |_| Ok(()))?;
    // Large sorts go to a temporary file (already unlinked): in memory a component could use up the host's.
    db.pragma_update(None, "temp_store", "FILE")?;
    Ok(db)
}

fn set_config(db: &rusqlite::Connection) -> rusqlite::Result<()> {
    let config = [
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, true),
        // The schema tables and the insides of FTS5 can't be written by SQL.
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        // Triggers and views may only call functions that are harmless.
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        // "text" is a name, as in every other engine, not a string if no such column exists.
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ];
    config.into_iter().try_for_each(|(name, on)| db.set_db_config(name, on).map(drop))
}

fn set_limits(db: &rusqlite::Connection, limits: &Limits) -> rusqlite::Result<()> {
    let bounded = [
        (Limit::SQLITE_LIMIT_LENGTH, limits.value_bytes),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, limits.sql_bytes),
        (Limit::SQLITE_LIMIT_VARIABLE_NUMBER, limits.parameters),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, limits.expression_depth),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, limits.compound_terms),
        (Limit::SQLITE_LIMIT_COLUMN, limits.columns),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, limits.like_pattern_bytes),
        // Triggers that fire triggers: each level is a frame of the engine.
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 32),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ];
    for (limit, value) in bounded {
        db.set_limit(limit, i32::try_from(value).unwrap_or(i32::MAX))?;
    }
    Ok(())
}
