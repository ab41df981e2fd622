//! Putting a backup in a database's place while no host runs on it.
//!
//! In two steps, so that whoever restores several databases gets all of them or none: the first takes the lock, checks the
//! backup and copies it beside the database; the second exchanges the two. What was there stays beside it under another
//! name, so that the restore of a wrong backup loses nothing.

use std::path::{Path, PathBuf};

use super::connection::Guarded;
use super::fault::of_engine;
use super::open::{Lock, OpenError, beside, check_ours, check_version, real, sync_folder};
use super::{Options, backup};
use crate::contract::Error;

/// A backup that was checked and lies ready. Dropping it leaves the database as it was.
#[derive(Debug)]
pub struct Restore {
    database: PathBuf,
    ready: PathBuf,
    bytes: u64,
    _lock: Lock,
}

impl Restore {
    /// Takes the database's lock, then copies and checks the backup, which stays as it is. The database need not exist yet.
    pub fn prepare(from: &Path, database: &Path) -> Result<Self, OpenError> {
        check_version()?;
        let failed = |error| OpenError::File { path: from.to_owned(), error };
        let from = from.canonicalize().map_err(failed)?;
        let database = real(database)?;
        let lock = Lock::take(&database)?;
        let ready = beside(&database, ".restoring");
        let options = Options::default();
        let of_backup = |error: Error| OpenError::Engine { path: from.clone(), error };
        let source = Guarded::reader(&from, &options).map_err(|error| of_backup(of_engine(&error, &options.limits)))?;
        source.as_host(|db| check_ours(db, &from))?;
        // What a restore that was killed left behind.
        remove(&ready)?;
        let bytes = backup::back_up(&from, &options, &ready).map_err(of_backup)?;
        Ok(Self { database, ready, bytes, _lock: lock })
    }

    /// Bytes of the backup.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Puts the backup in the database's place. Answers with the file that the former database is now, if there was one.
    ///
    /// At every moment there is a whole database under the name: the exchange is one rename.
    pub fn complete(self) -> Result<Option<PathBuf>, OpenError> {
        let former = if self.database.exists() { Some(self.set_aside()?) } else { None };
        std::fs::rename(&self.ready, &self.database).map_err(|error| self.failed(error))?;
        sync_folder(&self.database).map_err(|error| self.failed(error))?;
        Ok(former)
    }

    /// Gives the present database a second name, with its WAL if there is something in it.
    fn set_aside(&self) -> Result<PathBuf, OpenError> {
        // Copies the WAL into the file, and removes it. A database that can't be opened any more, which is a reason to restore
        // another, keeps its WAL as it is.
        if let Ok(writer) = Guarded::writer(&self.database, &Options::default()) {
            let _ = writer.as_host(|db| db.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(())));
        }
        let aside = self.second_name().map_err(|error| self.failed(error))?;
        let wal = beside(&self.database, "-wal");
        if wal.exists() {
            std::fs::rename(&wal, beside(&aside, "-wal")).map_err(|error| self.failed(error))?;
        }
        remove(&beside(&self.database, "-shm"))?;
        Ok(aside)
    }

    /// Links the database to the first name that is free: earlier ones are of earlier restores.
    fn second_name(&self) -> std::io::Result<PathBuf> {
        let mut number = 1;
        loop {
            let aside = beside(&self.database, &format!(".former-{number}"));
            match std::fs::hard_link(&self.database, &aside) {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
                linked => return linked.map(|()| aside),
            }
        }
    }

    fn failed(&self, error: std::io::Error) -> OpenError {
        OpenError::File { path: self.database.clone(), error }
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // It is gone already if the restore was completed; otherwise the next one removes it as well.
        let _ = remove(&self.ready);
    }
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> Result<(), OpenError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(OpenError::File { path: path.to_owned(), error })
        }
        _ => Ok(()),
    }
}
