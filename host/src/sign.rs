//! `souk sign`: vouches for a component's file, so that hosts whose manifest names the key take it.

use crate::components::seal_file;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use souk_identity::fault::{SealKeyFault, SealTextFault};
use souk_identity::seal::Seal;
use souk_identity::seal::key::SealKey;
use souk_identity::seal::version::SealVersion;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's file.
    #[error(transparent)]
    Key(#[from] SealKeyFault),
    /// The component's name.
    #[error(transparent)]
    Text(#[from] SealTextFault),
    /// A file.
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    /// Nobody reads the report.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Makes a key in a file that is not there yet, for this user only, and tells the line for the manifest.
pub fn new_key(file: &Path, out: &mut dyn Write) -> Result<(), SignError> {
    let key = SealKey::create(file, &SystemRandom::new())?;
    writeln!(out, "{}: keep it secret, and out of the repository", file.display())?;
    writeln!(out, "for the manifest, in [component.<id>.tool.souk]: signers = {{ <name> = \"{}\" }}", key.public())?;
    Ok(())
}

/// Writes the seal of a file beside it.
pub fn sign(
    file: &Path,
    component: &str,
    version: SealVersion,
    key: &Path,
    out: &mut dyn Write,
) -> Result<(), SignError> {
    let key = SealKey::read(key)?;
    let bytes = std::fs::read(file).map_err(|error| SignError::File(file.to_owned(), error))?;
    let sha256: [u8; 32] = digest(&SHA256, &bytes).as_ref().try_into().expect("SHA-256 has 32 bytes");
    let seal = Seal::make(&key, component, version, &sha256)?;
    let to = seal_file(file);
    std::fs::write(&to, seal.to_json() + "\n").map_err(|error| SignError::File(to.clone(), error))?;
    writeln!(out, "{}: {component} {version}, by {}", to.display(), key.public())?;
    Ok(())
}
