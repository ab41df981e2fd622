//! A copy of a database while it is served: consistent, checked, and there under its name only when it is complete.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rusqlite::backup::{Backup, StepResult};

use super::Options;
use super::connection::Guarded;
use super::fault::of_engine;
use super::open::{beside, private, sync_folder};
use crate::contract::Error;

/// Pages copied at a time: 4 MiB. In between others get the disk.
const PAGES_PER_STEP: i32 = 1_024;

/// Copies the database to a file that must not exist yet. One snapshot for the whole copy: writers go on beside it, their changes
/// are not in it, and meanwhile the WAL grows. Answers with the copy's length in bytes.
pub(super) fn back_up(path: &Path, options: &Options, to: &Path) -> Result<u64, Error> {
    let partial = beside(to, ".partial");
    let copied = copy(path, options, to, &partial);
    if copied.is_err() {
        // What is left of it is of no use to anybody; that it can't be removed either says nothing new.
        let _ = std::fs::remove_file(&partial);
    }
    copied
}

fn copy(path: &Path, options: &Options, to: &Path, partial: &Path) -> Result<u64, Error> {
    let file_failed = |error: std::io::Error| Error::Unavailable(format!("{}: {error}", to.display()));
    if to.exists() {
        return Err(Error::Invalid(format!("{} exists already", to.display())));
    }
    private(OpenOptions::new().write(true).create(true).truncate(true)).open(partial).map_err(file_failed)?;
    let source = Guarded::reader(path, options).map_err(|error| of_engine(&error, &options.limits))?;
    source.as_host(|source| copy_pages(source, partial)).map_err(|error| of_engine(&error, &options.limits))?;
    let file = File::open(partial).map_err(file_failed)?;
    file.sync_all().map_err(file_failed)?;
    std::fs::rename(partial, to).map_err(file_failed)?;
    sync_folder(to).map_err(file_failed)?;
    file.metadata().map(|file| file.len()).map_err(file_failed)
}

fn copy_pages(source: &rusqlite::Connection, to: &Path) -> rusqlite::Result<()> {
    let mut copy = rusqlite::Connection::open(to)?;
    // Holds one snapshot: without it the copy would begin anew after each commit, and never end under load.
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let backup = Backup::new(source, &mut copy)?;
    while !matches!(backup.step(PAGES_PER_STEP)?, StepResult::Done) {
        std::thread::yield_now();
    }
    drop(backup);
    source.execute_batch("COMMIT")?;
    // A backup that nobody read is none.
    let verdict: String = copy.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    // Out of WAL mode, so that the copy is one file; opening it for a host sets it again.
    copy.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    if verdict == "ok" { Ok(()) } else { Err(corrupt(verdict)) }
}

fn corrupt(verdict: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT), Some(verdict))
}
