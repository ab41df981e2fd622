//! What was applied of a list of migrations, and what follows from it: the same on every engine.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::contract::Error;
use crate::migration::{Faults, Migration, Name};

/// Why a list of migrations does not fit a database. Nothing of the file named was applied; files before it may have been.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MigrationError {
    /// The list itself is wrong.
    Faults(Faults),
    /// This file was changed after it was applied. Restore its text, and put the change into a new file.
    Changed {
        /// The file in the list.
        file: String,
        /// When it was applied, RFC 3339.
        applied_at: String,
    },
    /// This file was applied, and the list does not have it: the component is older than its data.
    Missing {
        /// The file that was applied.
        file: String,
        /// When it was applied, RFC 3339.
        applied_at: String,
    },
    /// This file can't be applied.
    Failed {
        /// The file in the list.
        file: String,
        /// What the engine said.
        error: Error,
    },
    /// The database can't be used now.
    Unavailable(Error),
}

/// A migration that was applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Its number.
    pub number: u32,
    /// The file's name at that time.
    pub file: String,
    /// SHA-256 of its text, in hexadecimal digits.
    pub checksum: String,
    /// When, RFC 3339.
    pub applied_at: String,
}

/// What migrations would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The files that were applied.
    pub applied: Vec<String>,
    /// The files that would be applied, in order. They were tried where it does not last.
    pub pending: Vec<String>,
}

/// The checksum of a migration: SHA-256 of its text, in hexadecimal digits.
pub fn checksum(migration: &Migration) -> String {
    format!("{:x}", Sha256::digest(&migration.sql))
}

/// What of the list is left to apply, after everything applied was found in it unchanged.
pub(crate) fn pending<'a>(
    applied: &[Applied],
    chosen: &'a [(Name, Migration)],
) -> Result<&'a [(Name, Migration)], MigrationError> {
    for old in applied {
        let (file, applied_at) = (old.file.clone(), old.applied_at.clone());
        let Some((_, migration)) = chosen.iter().find(|(name, _)| name.number == old.number) else {
            return Err(MigrationError::Missing { file, applied_at });
        };
        if checksum(migration) != old.checksum {
            return Err(MigrationError::Changed { file: migration.file.clone(), applied_at });
        }
    }
    // Numbers have no gaps on either side, so what is left is the end of the list.
    Ok(&chosen[applied.len().min(chosen.len())..])
}

impl fmt::Display for MigrationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Faults(faults) => write!(f, "{faults}"),
            Self::Changed { file, applied_at } => {
                write!(f, "`{file}` was changed after it was applied at {applied_at}: restore it and add a new file")
            }
            Self::Missing { file, applied_at } => {
                write!(
                    f,
                    "`{file}` was applied at {applied_at} and is missing now: the component is older than its data"
                )
            }
            Self::Failed { file, error } => write!(f, "`{file}` can't be applied: {error}"),
            Self::Unavailable(error) => write!(f, "migrations can't be applied now: {error}"),
        }
    }
}

impl std::error::Error for MigrationError {}
