//! What was swapped in, kept for the next start: the file, and that it stands in for the manifest's.
//!
//! It holds until the manifest's own file changes: then that is what the operator wants served. A file is kept before anything is changed for its
//! sake, and an entry is written when its probation is over: whoever starts again in between gets what was proven.

use super::package::{self, Package, Version};
use super::vouch::{read_seal, seal_beside, seal_file, vouched};
use crate::manifest;
use crate::private;
use serde::{Deserialize, Serialize};
use souk_database::migration::Migration;
use souk_identity::seal::version::SealVersion;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The files that were swapped in.
pub(super) struct Shelf {
    folder: PathBuf,
    /// One change of the folder at a time.
    changing: Mutex<()>,
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
    /// The version of the seal of what served last.
    pub(super) sealed: Option<String>,
}

/// A component's file.
pub(super) struct Found {
    pub(super) package: Package,
    /// Whether it stands in for the manifest's.
    pub(super) is_swapped_in: bool,
    /// The migrations of what ran on its database before, where they are more than its own.
    pub(super) applied: Option<Vec<Migration>>,
    /// The version of its seal, if one is demanded.
    pub(super) sealed: Option<SealVersion>,
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
        Self { folder: data.join("swapped"), changing: Mutex::default() }
    }

    /// The component's file: the one of the manifest, or the one that stands in for it, with its seal where one is demanded.
    pub(super) fn package(&self, manifest: &manifest::Component) -> Result<Found, Unfit> {
        let found = self.look_up(manifest)?;
        let digest = found.package.version.hex();
        let seal_file =
            if found.is_swapped_in { self.seal(&digest, &manifest.id) } else { seal_file(&manifest.source) };
        let unsealed = |what: String| Unfit {
            what,
            remedy: Some(
                "have it sealed with `souk sign` by one of its signers, in a version that is not older than what ran",
            ),
        };
        let seal = read_seal(&seal_file).map_err(|error| unsealed(format!("its seal can't be read: {error}")))?;
        let floor = self.entry(&manifest.id).ok().flatten().and_then(|entry| entry.sealed?.parse().ok());
        let sealed = vouched(manifest, &found.package.version, seal.as_deref(), floor).map_err(unsealed)?;
        Ok(Found { sealed, ..found })
    }

    fn look_up(&self, manifest: &manifest::Component) -> Result<Found, Unfit> {
        let own = package::read(&manifest.source)
            .map_err(|why| Unfit { what: format!("{} {why}", manifest.source.display()), remedy: None })?;
        let found = |package, is_swapped_in| Found { package, is_swapped_in, applied: None, sealed: None };
        let kept = |error: String| Unfit {
            what: format!("what was swapped in can't be had: {error}"),
            remedy: Some("remove its .json in the folder `swapped` of the data folder to serve the manifest's file"),
        };
        let Some(entry) = self.entry(&manifest.id).map_err(|error| kept(error.to_string()))? else {
            return Ok(found(own, false));
        };
        let stands_in = entry.serves.as_ref().filter(|_| entry.manifest == own.version.hex());
        if stands_in.is_none() && entry.serves.is_some() {
            let component = manifest.id.as_str();
            tracing::info!(component, "its file has changed since another was swapped in, and serves again");
        }
        let package = match stands_in {
            Some(digest) => self.kept(digest).map_err(kept)?,
            None => own,
        };
        let applied = entry.migrations.as_ref().map(|digest| self.kept(digest)).transpose().map_err(kept)?;
        let applied = applied.map(|newest| newest.migrations).filter(|newest| newest.len() > package.migrations.len());
        Ok(Found { applied, ..found(package, stands_in.is_some()) })
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

    /// Keeps a file, and its seal for this component.
    pub(super) fn put(&self, component: &str, version: &Version, bytes: &[u8], seal: Option<&[u8]>) -> io::Result<()> {
        let _one_at_a_time = self.change();
        let digest = version.hex();
        if let Some(seal) = seal {
            self.write(&self.seal(&digest, component), seal, true)?;
        }
        // One that is there may have lost its end with the power.
        let path = self.file(&digest);
        if package::digest(&path).is_ok_and(|there| there == *version) {
            Ok(())
        } else {
            self.write(&path, bytes, true)
        }
    }

    /// Keeps the manifest's file, which may be written over while what it was serves. Not worth a wait for the disk: it is known by its digest.
    pub(super) fn put_own(&self, manifest: &manifest::Component, version: &Version) -> io::Result<()> {
        let _one_at_a_time = self.change();
        let digest = version.hex();
        if let Some(seal) = seal_beside(&manifest.source)? {
            self.write(&self.seal(&digest, &manifest.id), &seal, false)?;
        }
        let path = self.file(&digest);
        if path.exists() {
            return Ok(());
        }
        let bytes = fs::read(&manifest.source)?;
        if package::digest_of(&bytes) != *version {
            return Err(io::Error::other("it was written over meanwhile"));
        }
        self.write(&path, &bytes, false)
    }

    fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a file is kept.
    pub(super) fn has(&self, version: &Version) -> bool {
        package::digest(&self.file(&version.hex())).is_ok_and(|there| there == *version)
    }

    /// Changes what is kept of a component. What was applied to its database and sealed stays kept when the manifest's file changes.
    pub(super) fn remember(&self, manifest: &manifest::Component, change: impl FnOnce(&mut Entry)) -> io::Result<()> {
        let _one_at_a_time = self.change();
        let own = package::digest(&manifest.source)?.hex();
        let before = self.entry(&manifest.id)?;
        let mut entry = match before.clone() {
            Some(entry) if entry.manifest == own => entry,
            Some(Entry { migrations, sealed, .. }) => Entry { manifest: own, serves: None, migrations, sealed },
            None => Entry { manifest: own, ..Entry::default() },
        };
        change(&mut entry);
        if before.as_ref() == Some(&entry) {
            return Ok(());
        }
        self.write(&self.entry_file(&manifest.id), &serde_json::to_vec_pretty(&entry)?, true)
    }

    /// Removes the files that no entry names, but those in use.
    pub(super) fn tidy(&self, in_use: &[String]) -> io::Result<()> {
        let _one_at_a_time = self.change();
        let mut kept = in_use.to_vec();
        let mut files = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("json") => {
                    let Entry { serves, migrations, .. } = serde_json::from_slice(&fs::read(&path)?)?;
                    kept.extend(serves.into_iter().chain(migrations));
                }
                Some("wasm" | "part" | "sig") => files.push(path),
                _ => {}
            }
        }
        // What stands before the first full stop is the digest.
        let is_kept = |path: &Path| {
            let digest = path.file_name().and_then(|name| name.to_str()?.split('.').next());
            digest.is_some_and(|digest| kept.iter().any(|kept| kept == digest))
        };
        files.iter().filter(|path| !is_kept(path)).try_for_each(fs::remove_file)
    }

    /// Writes beside and renames, so that nobody ever sees half a file.
    fn write(&self, path: &Path, bytes: &[u8], is_synced: bool) -> io::Result<()> {
        static PARTS: AtomicU32 = AtomicU32::new(0);
        private::make_folder(&self.folder)?;
        // Two components may keep the same file at once.
        let mut part = path.as_os_str().to_owned();
        part.push(format!(".{}.part", PARTS.fetch_add(1, Ordering::Relaxed)));
        let part = PathBuf::from(part);
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        file.write_all(bytes)?;
        if is_synced {
            file.sync_all()?;
        }
        fs::rename(part, path)?;
        // The name itself has to last as well.
        if is_synced { fs::File::open(&self.folder)?.sync_all() } else { Ok(()) }
    }

    fn file(&self, digest: &str) -> PathBuf {
        self.folder.join(format!("{digest}.wasm"))
    }

    /// A seal is for one component: another one may serve the same file under a seal of its own.
    fn seal(&self, digest: &str, component: &str) -> PathBuf {
        self.folder.join(format!("{digest}.{component}.sig"))
    }

    fn entry_file(&self, component: &str) -> PathBuf {
        self.folder.join(format!("{component}.json"))
    }
}
