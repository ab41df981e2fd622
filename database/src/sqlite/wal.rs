//! The write-ahead log: when it is copied into the database, and what is done when it grows or a commit failed.
//!
//! Only the writer's thread copies, after it has answered. Readers never do: a query would pay for the writes of others.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ffi};

use super::connection::Guarded;
use super::limits::Limits;

thread_local! {
    /// Pages in the WAL after the last commit of this thread's connection. The engine's hook is a plain function: it can reach
    /// nothing but this, and a thread has one writing connection.
    static PAGES: Cell<u32> = const { Cell::new(0) };
}

/// How long a copy may wait for readers once the WAL is far too long. Writers wait with it.
const RESTART_WAIT: Duration = Duration::from_millis(50);

/// What the writer knows of its WAL.
pub(super) struct Wal {
    file: PathBuf,
    limits: Arc<Limits>,
    /// Pages not yet known to be in the database.
    pages: u32,
    /// Pages at which copying is tried next.
    next_try: u32,
    has_warned: bool,
    /// Whether the WAL is not copied any more, see [`Wal::keep`].
    is_kept: bool,
}

impl Wal {
    /// Starts to watch; on the writer's thread.
    pub(super) fn new(file: PathBuf, limits: Arc<Limits>) -> Self {
        let next_try = limits.checkpoint_pages;
        Self { file, limits, pages: 0, next_try, has_warned: false, is_kept: false }
    }

    /// Makes the engine tell this thread the length after each commit.
    pub(super) fn watch(db: &Connection) {
        db.wal_hook(Some(|_, pages| {
            PAGES.set(u32::try_from(pages).unwrap_or(0));
            Ok(())
        }));
    }

    /// Whether everything is in the database.
    pub(super) fn is_tidy(&self) -> bool {
        self.pages == 0
    }

    /// Copies when the WAL has become long. While a reader holds an old snapshot the copy stops there, and the WAL can't be used
    /// from its start again: tried again a quarter later, and with some patience at four times the length.
    pub(super) fn after_commit(&mut self, db: &Guarded) {
        self.pages = PAGES.get();
        if self.pages < self.limits.checkpoint_pages {
            self.next_try = self.limits.checkpoint_pages;
            self.has_warned = false;
        }
        if self.pages < self.next_try {
            return;
        }
        self.next_try = self.pages.saturating_add(self.limits.checkpoint_pages / 4 + 1);
        let is_far_too_long = self.pages / 4 >= self.limits.checkpoint_pages;
        self.copy(db, if is_far_too_long { "RESTART" } else { "PASSIVE" });
        if self.bytes() > self.limits.wal_warn_bytes && !self.has_warned {
            self.has_warned = true;
            tracing::warn!(file = %self.file.display(), bytes = self.bytes(), "the WAL grows: a reader holds an old snapshot, or the disk fails");
        }
    }

    /// Copies the rest when nobody writes, and gives space back beyond what is worth keeping.
    pub(super) fn tidy(&mut self, db: &Guarded) {
        self.copy(db, if self.bytes() > self.limits.wal_keep_bytes { "TRUNCATE" } else { "PASSIVE" });
        // Also if it failed: it is tried again after the next commit, not every second.
        self.pages = 0;
    }

    /// After a failed commit, before its callers are told that nothing was written. Its pages may stand in the file complete, only
    /// not synced: after a power cut they would come back. The next commit writes over them; this is one at once, which changes
    /// nothing. Copying frees the WAL, so that a full disk has room for it. If this fails too, the next commit is left to do it.
    pub(super) fn heal(&mut self, db: &Guarded) {
        self.copy(db, "PASSIVE");
        let rewritten = db.as_host(|db| {
            let version: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
            db.pragma_update(None, "user_version", version)
        });
        if let Err(error) = rewritten {
            tracing::warn!(%error, file = %self.file.display(), "the database still can't be written");
        }
    }

    /// Copies everything and empties the file, before the connection is closed.
    pub(super) fn close(&mut self, db: &Guarded) {
        self.copy(db, "TRUNCATE");
    }

    fn copy(&mut self, db: &Guarded, mode: &str) {
        if self.is_kept {
            return;
        }
        let copied = db.as_host(|db| {
            db.busy_timeout(RESTART_WAIT)?;
            let copied = db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok((row.get::<_, i64>(0)? != 0, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            });
            db.busy_timeout(Guarded::WRITER_WAIT)?;
            copied
        });
        match copied {
            Ok((is_busy, pages, copied)) => tracing::debug!(mode, is_busy, pages, copied, "WAL copied"),
            Err(error) => {
                tracing::warn!(%error, mode, file = %self.file.display(), "the WAL can't be copied into the database");
                if error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_FSYNC) {
                    self.keep(db);
                }
            }
        }
    }

    /// After a sync that failed while copying: keeps the whole WAL until the database is opened anew, which reads and copies it from
    /// its start. Copying again is not enough. Linux takes pages whose sync failed for clean, so the next sync succeeds without
    /// them; and a copy that stopped at a reader's snapshot was not synced, yet the engine does not repeat that part of it.
    fn keep(&mut self, db: &Guarded) {
        self.is_kept = true;
        let kept = db.as_host(|db| db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true));
        tracing::error!(?kept, file = %self.file.display(), "the disk failed to sync the database: the WAL is kept, and grows, until a restart");
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.file).map_or(0, |file| file.len())
    }
}
