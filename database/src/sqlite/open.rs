//! Opening a database: its folder, its lock, its file, the host's tables, its migrations.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::connection::Guarded;
use super::fault::of_engine;
use super::migrate;
use super::{Options, outbox};
use crate::contract::Error;
use crate::engine::applied::MigrationError;
use crate::migration::Migration;

/// The oldest SQLite that is safe: before it a WAL that is restarted while it is copied can lose a commit.
const SQLITE_VERSION_LEAST: i32 = 3_051_003;

/// "souk" in the header of the file, so that no other program's database is taken for ours.
const APPLICATION_ID: i32 = 0x736f_756b;

/// The version of the host's own tables.
const HOST_SCHEMA: i32 = 1;

/// Why a database can't be opened.
#[derive(Debug)]
pub enum OpenError {
    /// These limits can't be used; one sentence each.
    Limits(Vec<String>),
    /// The SQLite that was linked is older than what is safe.
    Version(String),
    /// Another host runs on this file.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as it told.
        holder: String,
    },
    /// The folder, the lock file or the database file can't be made or read.
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
    /// The file is not a database of souk, or of a newer one.
    Foreign {
        /// Which.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// The engine can't open it.
    Engine {
        /// Which.
        path: PathBuf,
        /// What the engine said.
        error: Error,
    },
    /// The migrations don't fit.
    Migration(MigrationError),
}

/// A file that is held while a host runs on the database beside it.
///
/// An advisory lock (`flock`) on a file of its own: the system lets go of it however the process ends, and programs that only
/// read (a backup, `souk db status`) don't ask for it. Not on the database itself, where it would meet the engine's locks.
#[derive(Debug)]
pub(super) struct Lock {
    _held: File,
}

impl Lock {
    /// Takes the lock of a database, or says who has it.
    pub(super) fn take(database: &Path) -> Result<Self, OpenError> {
        let path = beside(database, ".lock");
        let failed = |error| OpenError::File { path: path.clone(), error };
        let mut file = private(OpenOptions::new().read(true).write(true).create(true).truncate(false))
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(OpenError::Locked { path, holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        // Only for the message above: on a full disk the lock holds without it.
        let _ = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "process {}", std::process::id()));
        Ok(Self { _held: file })
    }
}

/// What opening yields, for the engine to run on.
pub(super) struct Opened {
    pub(super) path: PathBuf,
    pub(super) writer: Guarded,
    pub(super) lock: Lock,
}

/// Opens a database for writing, creates it if it is not there, and applies its migrations.
pub(super) fn open(path: &Path, options: &Options, migrations: &[Migration]) -> Result<Opened, OpenError> {
    let faults = options.limits.faults();
    if !faults.is_empty() {
        return Err(OpenError::Limits(faults));
    }
    check_version()?;
    let path = real(path)?;
    let lock = Lock::take(&path)?;
    if options.vfs.is_none() {
        // The engine gives its other files the rights of this one.
        let failed = |error| OpenError::File { path: path.clone(), error };
        private(OpenOptions::new().read(true).write(true).create(true).truncate(false)).open(&path).map_err(failed)?;
    }
    let failed =
        |error: rusqlite::Error| OpenError::Engine { path: path.clone(), error: of_engine(&error, &options.limits) };
    let writer = Guarded::writer(&path, options).map_err(failed)?;
    writer.as_host(|db| claim(db, &path)).map_err(|error| error.unwrap_or_else(failed))?;
    for file in migrate::apply(&writer, migrations, &options.limits).map_err(OpenError::Migration)? {
        tracing::info!(database = %path.display(), file, "migration applied");
    }
    Ok(Opened { path, writer, lock })
}

/// Refuses to run on a SQLite with a known corruption.
pub(super) fn check_version() -> Result<(), OpenError> {
    if rusqlite::version_number() >= SQLITE_VERSION_LEAST {
        return Ok(());
    }
    Err(OpenError::Version(rusqlite::version().to_owned()))
}

/// The path with its folder made (for the host's user only) and free of symbolic links, so that a file has one lock.
pub(super) fn real(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |error| OpenError::File { path: path.to_owned(), error };
    let name = path.file_name().ok_or_else(|| failed(std::io::Error::other("a file name is needed")))?;
    let folder = folder(path);
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(failed)?;
    Ok(folder.canonicalize().map_err(failed)?.join(name))
}

/// Brings to the disk that a file has this name: syncing the file alone does not.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file that is created for the host's user only.
pub(super) fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// The path of a file that belongs to a database: its name and something behind it.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Finds out whether a file is ours, and of a version that we know.
pub(super) fn check_ours(db: &rusqlite::Connection, path: &Path) -> Result<(), OpenError> {
    let (application, version, _) = identity(db).map_err(|error| OpenError::Engine {
        path: path.to_owned(),
        error: of_engine(&error, &Options::default().limits),
    })?;
    is_ours(application, version, path)
}

fn is_ours(application: i32, version: i32, path: &Path) -> Result<(), OpenError> {
    let foreign = |reason: String| OpenError::Foreign { path: path.to_owned(), reason };
    match (application, version) {
        (APPLICATION_ID, HOST_SCHEMA) => Ok(()),
        (APPLICATION_ID, version) => {
            Err(foreign(format!("made by a newer souk (version {version}, this one knows {HOST_SCHEMA})")))
        }
        _ => Err(foreign("a SQLite database of another program".to_owned())),
    }
}

/// The application and version that a file's header names, and how many objects are in it.
fn identity(db: &rusqlite::Connection) -> rusqlite::Result<(i32, i32, i64)> {
    Ok((
        db.pragma_query_value(None, "application_id", |row| row.get(0))?,
        db.pragma_query_value(None, "user_version", |row| row.get(0))?,
        db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?,
    ))
}

/// Makes the host's tables in a new file, or finds out that the file is not ours.
fn claim(db: &rusqlite::Connection, path: &Path) -> Result<(), Failed> {
    match identity(db)? {
        (0, 0, 0) => {
            let (migration, outbox) = (migrate::TABLE, outbox::TABLE);
            Ok(db.execute_batch(&format!(
                "BEGIN IMMEDIATE; {migration} {outbox}
                 PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {HOST_SCHEMA}; COMMIT"
            ))?)
        }
        (application, version, _) => Ok(is_ours(application, version, path).map_err(Failed::Ours)?),
    }
}

/// Keeps our findings apart from the engine's while claiming a file.
enum Failed {
    Ours(OpenError),
    Engine(rusqlite::Error),
}

impl Failed {
    fn unwrap_or_else(self, of_engine: impl FnOnce(rusqlite::Error) -> OpenError) -> OpenError {
        match self {
            Self::Ours(error) => error,
            Self::Engine(error) => of_engine(error),
        }
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limits(faults) => write!(f, "limits of the database: {}", faults.join("; ")),
            Self::Version(version) => write!(f, "SQLite {version} can corrupt its WAL: 3.51.3 or later is needed"),
            Self::Locked { path, holder } if holder.is_empty() => write!(f, "another host holds {}", path.display()),
            Self::Locked { path, holder } => write!(f, "another host ({holder}) holds {}", path.display()),
            Self::File { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Foreign { path, reason } => write!(f, "{} is {reason}", path.display()),
            Self::Engine { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Migration(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for OpenError {}
