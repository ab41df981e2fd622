//! `souk db`: looking at the databases of an application, copying them while they are served, and putting copies back.
//!
//! These commands read the data folder and not the manifest: they work when the application does not start.

use crate::components::{database_file, database_folder};
use crate::private;
use souk_database::contract::Error;
use souk_database::sqlite::{self, OpenError, Restore, Status};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Why a command on the databases failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A folder without databases, names that are not in it, or one that has what would be written there.
    #[error("{0}")]
    Folder(String),
    /// A file or folder can't be read or made.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
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
pub fn status(data: &Path, names: &[String], json: bool, out: &mut dyn Write) -> Result<(), DbError> {
    let mut all = Vec::new();
    for (name, path) in databases(&database_folder(data), names)? {
        all.push((name, sqlite::status(&path)?));
    }
    if json {
        let all: Vec<_> = all.iter().map(|(name, status)| as_json(name, status)).collect();
        serde_json::to_writer_pretty(&mut *out, &all).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    for (name, status) in &all {
        print(name, status, out)?;
    }
    Ok(())
}

/// `souk db backup`: a consistent copy of each database into a folder, also while a host serves them.
pub fn backup(data: &Path, to: &Path, names: &[String], out: &mut dyn Write) -> Result<(), DbError> {
    let from = databases(&database_folder(data), names)?;
    // What is in a backup is as private as what is in the database.
    private::make_folder(to).map_err(|error| DbError::File { path: to.to_owned(), error })?;
    // Told before anything is copied: a folder with half a backup in it is worse than none.
    if let Some(name) = from.keys().find(|name| database_file(to, name).exists()) {
        let file = database_file(to, name);
        return Err(DbError::Folder(format!("{} exists already: name an empty folder", file.display())));
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
pub fn restore(data: &Path, from: &Path, names: &[String], out: &mut dyn Write) -> Result<(), DbError> {
    let mut ready = Vec::new();
    for (name, backup) in databases(from, names)? {
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

/// The databases of a folder by name, in the order of the names; only those asked for, if any are.
fn databases(folder: &Path, names: &[String]) -> Result<BTreeMap<String, PathBuf>, DbError> {
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
    if let Some(unknown) = names.iter().find(|name| !found.contains_key(*name)) {
        let known = found.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(DbError::Folder(format!("no database `{unknown}` in {}; there is: {known}", folder.display())));
    }
    if found.is_empty() {
        return Err(DbError::Folder(format!("no database in {}", folder.display())));
    }
    found.retain(|name, _| names.is_empty() || names.contains(name));
    Ok(found)
}

fn print(name: &str, status: &Status, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{name}")?;
    let (database, free) = (size(status.database_bytes), size(status.free_bytes));
    writeln!(out, "  database    {database}, {free} of it free (SQLite {})", status.sqlite_version)?;
    writeln!(out, "  WAL         {}", size(status.wal_bytes))?;
    for (index, applied) in status.migrations.iter().enumerate() {
        let label = if index == 0 { "migrations" } else { "" };
        writeln!(out, "  {label:10}  {}, applied {}", applied.file, applied.applied_at)?;
    }
    match (status.outbox.waiting, status.outbox.oldest_ms) {
        (waiting, Some(oldest)) => {
            let oldest = Duration::from_millis(oldest).as_secs();
            writeln!(out, "  outbox      {waiting} events wait, the oldest for {oldest} s")
        }
        _ => writeln!(out, "  outbox      empty"),
    }
}

fn as_json(name: &str, status: &Status) -> serde_json::Value {
    let migrations = status.migrations.iter().map(|applied| {
        serde_json::json!({
            "file": applied.file, "checksum": applied.checksum, "applied_at": applied.applied_at,
        })
    });
    serde_json::json!({
        "name": name,
        "engine": { "name": sqlite::DIALECT, "version": status.sqlite_version },
        "database_bytes": status.database_bytes,
        "free_bytes": status.free_bytes,
        "wal_bytes": status.wal_bytes,
        "migrations": migrations.collect::<Vec<_>>(),
        "outbox": { "waiting": status.outbox.waiting, "oldest_ms": status.outbox.oldest_ms },
    })
}

/// Bytes for a person.
#[expect(clippy::cast_precision_loss, reason = "one digit behind the point is shown")]
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_told_in_the_largest_unit_that_fits() {
        assert_eq!([0, 1023, 1024, 966_656, 5 << 30].map(size), ["0 B", "1023 B", "1.0 KiB", "944.0 KiB", "5.0 GiB"]);
    }
}
