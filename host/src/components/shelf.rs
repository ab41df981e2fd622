//! What was swapped in, kept for the next start: the file, and that it stands in for the manifest's.
//!
//! It holds until the manifest's own file changes: then that is what the operator wants served. A file is kept before anything is changed for its
//! sake, and an entry is written when its probation is over: whoever starts again in between gets what was proven.

use super::package::{self, Package, Version};
use crate::manifest;
use crate::private;
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The files that were swapped in.
pub(super) struct Shelf {
    folder: PathBuf,
}

/// What is kept of one component.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    /// The digest of the manifest's file for which it stands in.
    pub(super) manifest: String,
    /// The digest of the file that serves; none if that is the manifest's.
    pub(super) serves: Option<String>,
    /// The digest of the file whose migrations were applied last, which what serves may not have.
    pub(super) migrations: Option<String>,
    /// The newest version among the seals of what has served.
    pub(super) sealed: Option<String>,
}

/// Why a component's file can't be had.
pub(super) struct Unfit {
    /// A sentence without the component's name.
    pub(super) what: String,
    /// What to do, if not the usual.
    pub(super) remedy: Option<&'static str>,
}

impl Shelf {
    /// In this data folder.
    pub(super) fn new(data: &Path) -> Self {
        Self { folder: data.join("swapped") }
    }

    /// The component's file: the one of the manifest, or the one that stands in for it; and whether it is the latter.
    pub(super) fn package(&self, manifest: &manifest::Component) -> Result<(Package, bool), Unfit> {
        let own = package::read(&manifest.source)
            .map_err(|why| Unfit { what: format!("{} {why}", manifest.source.display()), remedy: None })?;
        let kept = |error: String| Unfit {
            what: format!("what was swapped in can't be had: {error}"),
            remedy: Some("remove its .json in the folder `swapped` of the data folder to serve the manifest's file"),
        };
        let Some(entry) = self.entry(&manifest.id).map_err(|error| kept(error.to_string()))? else {
            return Ok((own, false));
        };
        if entry.manifest != own.version.hex() {
            tracing::info!(
                component = manifest.id,
                "its file has changed since another was swapped in, and serves again"
            );
            return Ok((own, false));
        }
        let mut package = match &entry.serves {
            Some(digest) => self.kept(digest).map_err(kept)?,
            None => own,
        };
        if let Some(digest) = &entry.migrations {
            let newest = self.kept(digest).map_err(kept)?.migrations;
            if newest.len() > package.migrations.len() {
                package.migrations = newest;
            }
        }
        Ok((package, entry.serves.is_some()))
    }

    fn kept(&self, digest: &str) -> Result<Package, String> {
        let path = self.file(digest);
        let package = package::read(&path).map_err(|why| format!("{} {why}", path.display()))?;
        if package.version.hex() == digest { Ok(package) } else { Err(format!("{} was altered", path.display())) }
    }

    /// What is kept of a component.
    pub(super) fn entry(&self, component: &str) -> io::Result<Option<Entry>> {
        match fs::read(self.entry_file(component)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Keeps a file.
    pub(super) fn put(&self, version: &Version, bytes: &[u8]) -> io::Result<()> {
        let path = self.file(&version.hex());
        if path.exists() { Ok(()) } else { self.write(&path, bytes) }
    }

    /// Keeps an entry.
    pub(super) fn set(&self, component: &str, entry: &Entry) -> io::Result<()> {
        self.write(&self.entry_file(component), &serde_json::to_vec_pretty(entry)?)
    }

    /// Removes the files that no entry names, but those in use.
    pub(super) fn tidy(&self, in_use: &[String]) -> io::Result<()> {
        let mut kept = in_use.to_vec();
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => {
                    let Entry { serves, migrations, .. } = serde_json::from_slice(&fs::read(&path)?)?;
                    kept.extend(serves.into_iter().chain(migrations));
                }
                Some("wasm" | "part") => files.push(path),
                _ => {}
            }
        }
        let is_kept =
            |path: &Path| path.file_stem().is_some_and(|stem| kept.iter().any(|digest| stem == digest.as_str()));
        files.iter().filter(|path| !is_kept(path)).try_for_each(fs::remove_file)
    }

    /// Writes beside and renames, so that nobody ever sees half a file.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        private::make_folder(&self.folder)?;
        let part = path.with_extension("part");
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(part, path)
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    fn entry_file(&self, component: &str) -> PathBuf {
        self.folder.join(format!("{component}.json"))
    }
}
