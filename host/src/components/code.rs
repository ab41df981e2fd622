//! Compiled code, kept on disk so that the second start takes milliseconds.
//!
//! A file is named by the component's digest and the engine's compatibility hash, so a change of either compiles anew. Loading
//! compiled code is trusting it: it is machine code. Hence only files in a folder that nobody but this user can
//! write to, written by this host, whole (a digest of the code stands at their end), are loaded; anything else is compiled again.
//! A folder that others could write to is not used at all: making it private now would not tell who wrote there before.

use super::package::Package;
use crate::private;
use sha2::{Digest, Sha256};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

const DIGEST_BYTES: usize = 32;

/// The folder with compiled code.
pub(super) struct CodeCache {
    folder: PathBuf,
    trusted: bool,
}

/// Where a component's code came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It was compiled now.
    Compiled,
    /// It was loaded from the cache.
    Cached,
}

impl CodeCache {
    /// Makes the folder, for this user only, if it is not there.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        private::make_folder(folder)?;
        let trusted = is_private(folder);
        if !trusted {
            let folder = folder.display();
            tracing::warn!(%folder, "others can write to the folder of compiled code, so it is not used; remove it to have a new one");
        }
        Ok(Self { folder: folder.to_owned(), trusted })
    }

    /// The component's code: from the cache, or compiled and put there. The error is the compiler's.
    pub(super) fn component(&self, engine: &Engine, package: &Package) -> wasmtime::Result<(Component, Origin)> {
        if !self.trusted {
            return Ok((Component::new(engine, &package.bytes)?, Origin::Compiled));
        }
        let path = self.folder.join(file_name(engine, package));
        if let Some(component) = load(engine, &path) {
            return Ok((component, Origin::Cached));
        }
        let component = Component::new(engine, &package.bytes)?;
        if let Err(error) = self.store(&component, &path) {
            tracing::warn!(path = %path.display(), %error, "compiled code could not be kept; the next start compiles again");
        }
        Ok((component, Origin::Compiled))
    }

    /// Writes beside and renames, so that nobody ever sees half a file. Two components of one application may be the same file.
    fn store(&self, component: &Component, path: &Path) -> wasmtime::Result<()> {
        static PARTS: AtomicU32 = AtomicU32::new(0);
        let code = component.serialize()?;
        let name = path.file_name().unwrap_or_default().display();
        let (process, part) = (std::process::id(), PARTS.fetch_add(1, Ordering::Relaxed));
        let part = self.folder.join(format!("{name}.{process}-{part}.part"));
        let mut file = private(&part)?;
        file.write_all(&code)?;
        file.write_all(&Sha256::digest(&code))?;
        file.sync_all()?;
        fs::rename(part, path)?;
        Ok(())
    }
}

fn file_name(engine: &Engine, package: &Package) -> String {
    let mut compatibility = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    format!("{}-{:016x}.code", package.version.hex(), compatibility.finish())
}

fn private(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Loads code that is whole and can only have been written by this user.
fn load(engine: &Engine, path: &Path) -> Option<Component> {
    let bytes = is_private(path).then(|| fs::read(path).ok()).flatten()?;
    let (code, digest) = bytes.split_at_checked(bytes.len().checked_sub(DIGEST_BYTES)?)?;
    if Sha256::digest(code).as_slice() != digest {
        tracing::warn!(path = %path.display(), "compiled code is damaged; it is compiled again");
        return None;
    }
    // SAFETY: the code was written by this program (see the head of this file) and is whole; wasmtime itself refuses code of
    // another version or with other settings.
    let component = unsafe { Component::deserialize(engine, code) };
    component.inspect_err(|error| tracing::debug!(path = %path.display(), %error, "compiled code does not fit")).ok()
}

/// Whether a file or folder belongs to this user and nobody else may write to it.
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    fs::symlink_metadata(path).is_ok_and(|data| {
        data.uid() == rustix::process::geteuid().as_raw()
            && data.mode() & WRITABLE_BY_OTHERS == 0
            && !data.file_type().is_symlink()
    })
}
