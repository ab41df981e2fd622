//! `souk embed`: puts migrations into a component that has been built, for languages whose tools know no custom sections.

use souk_database::migration::{EmbedError, Migration, embed};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why nothing was embedded.
#[derive(Debug, thiserror::Error)]
pub enum EmbedFault {
    /// A file, or the folder.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// The folder has no migrations.
    #[error("{0}: there is no .sql file in it")]
    Empty(PathBuf),
    /// The component, or the migrations' names.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// Nobody reads the report.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Writes the component with the migrations of a folder in it to `to`, which may be the component's own file.
pub fn run(component: &Path, folder: &Path, to: &Path, out: &mut dyn Write) -> Result<(), EmbedFault> {
    let migrations = read(folder)?;
    let bytes = fs::read(component).map_err(|error| EmbedFault::File(component.to_owned(), error))?;
    let embedded = embed(&bytes, &migrations)?;
    fs::write(to, embedded).map_err(|error| EmbedFault::File(to.to_owned(), error))?;
    let names: Vec<&str> = migrations.iter().map(|migration| migration.file.as_str()).collect();
    writeln!(out, "{}: carries {}", to.display(), names.join(", "))?;
    Ok(())
}

/// In the order of their names.
fn read(folder: &Path) -> Result<Vec<Migration>, EmbedFault> {
    let of = |path: &Path| {
        let path = path.to_owned();
        move |error| EmbedFault::File(path, error)
    };
    let mut migrations = Vec::new();
    for entry in fs::read_dir(folder).map_err(of(folder))? {
        let path = entry.map_err(of(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let sql = fs::read_to_string(&path).map_err(of(&path))?;
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            migrations.push(Migration { file, sql });
        }
    }
    migrations.sort_by(|one, other| one.file.cmp(&other.file));
    if migrations.is_empty() { Err(EmbedFault::Empty(folder.to_owned())) } else { Ok(migrations) }
}
