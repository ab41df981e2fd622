//! `souk db`: looking at the databases of an application, copying them while they are served, and putting copies back.
//!
//! These commands look at the data folder or the server, and not at the manifest: they work when the application does not start.

mod report;

use crate::databases::{database_file, database_folder};
use crate::manifest::DatabaseUrl;
use crate::private;
use report::{Report, size};
use souk_database::contract::Error;
use souk_database::postgres;
use souk_database::sqlite::{self, Restore};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why a command on the databases failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// No database, or none of a name that was asked for.
    #[error("{0}")]
    NotThere(String),
    /// A file of a backup is there already.
    #[error("{} exists already: name an empty folder", .0.display())]
    Exists(PathBuf),
    /// What is done with files was asked for databases on a server.
    #[error("databases on a server are copied by its own programs: {0}")]
    OnServer(&'static str),
    /// A file or folder can't be read or made.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A database that is a file can't be opened.
    #[error(transparent)]
    Sqlite(#[from] sqlite::OpenError),
    /// A database on a server can't be opened.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// A database can't be copied.
    #[error("{name}: {error}")]
    Copy {
        /// Whose.
        name: String,
        /// What the engine said.
        error: Error,
    },
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] io::Error),
}

/// `souk db status`: sizes, migrations and outbox of each database, for a person or as JSON.
pub async fn status(
    data: &Path,
    database: &DatabaseUrl,
    names: &[String],
    json: bool,
    out: &mut dyn Write,
) -> Result<(), DbError> {
    let mut all = Vec::new();
    match database {
        DatabaseUrl::Sqlite => {
            for (name, path) in files(&database_folder(data), names)? {
                all.push(Report::of_file(name, sqlite::status(&path)?));
            }
        }
        DatabaseUrl::Postgres(server) => {
            for name in on_server(server, names).await? {
                // None: a host is making it at this moment.
                if let Some(status) = postgres::status(server, &name).await? {
                    all.push(Report::on_server(name, status));
                }
            }
        }
    }
    if json {
        serde_json::to_writer_pretty(&mut *out, &all).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    for report in &all {
        report.print(out)?;
    }
    Ok(())
}

/// `souk db backup`: a consistent copy of each database into a folder, also while a host serves them.
pub fn backup(
    data: &Path,
    database: &DatabaseUrl,
    to: &Path,
    names: &[String],
    out: &mut dyn Write,
) -> Result<(), DbError> {
    are_files(database, "pg_dump --format=custom --file=PRODUCT.dump URL/souk_PRODUCT")?;
    let from = files(&database_folder(data), names)?;
    // What is in a backup is as private as what is in the database.
    private::make_folder(to).map_err(|error| DbError::File { path: to.to_owned(), error })?;
    // Told before anything is copied: a folder with half a backup in it is worse than none.
    if let Some(file) = from.keys().map(|name| database_file(to, name)).find(|file| file.exists()) {
        return Err(DbError::Exists(file));
    }
    for (name, path) in &from {
        let began = Instant::now();
        let copied = sqlite::back_up(path, &database_file(to, name));
        let bytes = copied.map_err(|error| DbError::Copy { name: name.clone(), error })?;
        writeln!(out, "{name}: {} copied and checked in {} ms", size(bytes), began.elapsed().as_millis())?;
    }
    Ok(())
}

/// `souk db restore`: puts the copies of a folder in the place of the databases. All are checked before the first is exchanged, and what
/// was there is kept. Refused while a host runs.
pub fn restore(
    data: &Path,
    database: &DatabaseUrl,
    from: &Path,
    names: &[String],
    out: &mut dyn Write,
) -> Result<(), DbError> {
    are_files(database, "pg_restore --clean --if-exists --dbname=URL/souk_PRODUCT PRODUCT.dump")?;
    let mut ready = Vec::new();
    for (name, backup) in files(from, names)? {
        let restore = Restore::prepare(&backup, &database_file(&database_folder(data), &name))?;
        writeln!(out, "{name}: {} checked", size(restore.bytes()))?;
        ready.push((name, restore));
    }
    for (name, restore) in ready {
        match restore.complete()? {
            Some(former) => writeln!(out, "{name}: restored; what was there is {}", former.display())?,
            None => writeln!(out, "{name}: restored")?,
        }
    }
    Ok(())
}

/// Databases on a server are copied by the server's own programs, which know more than we could.
fn are_files(database: &DatabaseUrl, program: &'static str) -> Result<(), DbError> {
    match database {
        DatabaseUrl::Sqlite => Ok(()),
        DatabaseUrl::Postgres(_) => Err(DbError::OnServer(program)),
    }
}

/// The databases of a folder by name, in the order of the names; only those asked for, if any are.
fn files(folder: &Path, names: &[String]) -> Result<BTreeMap<String, PathBuf>, DbError> {
    let failed = |error| DbError::File { path: folder.to_owned(), error };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "sqlite")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            found.insert(name.to_owned(), path);
        }
    }
    are_there(found.keys(), names, &format!("in {}", folder.display()))?;
    found.retain(|name, _| names.is_empty() || names.contains(name));
    Ok(found)
}

/// The same of a server.
async fn on_server(server: &str, names: &[String]) -> Result<Vec<String>, DbError> {
    let mut found = postgres::databases(server).await?;
    are_there(found.iter(), names, "on the server")?;
    found.retain(|name| names.is_empty() || names.contains(name));
    Ok(found)
}

/// Refuses names that were not found, and a place with nothing in it.
fn are_there<'a>(found: impl Iterator<Item = &'a String>, names: &[String], place: &str) -> Result<(), DbError> {
    let found: Vec<&str> = found.map(String::as_str).collect();
    if let Some(unknown) = names.iter().find(|name| !found.contains(&name.as_str())) {
        let known = found.join(", ");
        return Err(DbError::NotThere(format!("no database `{unknown}` {place}; there is: {known}")));
    }
    if found.is_empty() { Err(DbError::NotThere(format!("no database {place}"))) } else { Ok(()) }
}
