//! Who vouches for a component's file, where the manifest names signers: without one of them it serves nobody, at the start as in a swap.

use super::package::Version;
use crate::manifest;
use souk_identity::seal::version::SealVersion;
use souk_identity::seal::{Seal, check};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The version that a signer of the manifest gave the file; none if no signer is named. The error is the end of a sentence about the component.
pub(super) fn vouched(
    manifest: &manifest::Component,
    version: &Version,
    seal: Option<&[u8]>,
    at_least: Option<SealVersion>,
) -> Result<Option<SealVersion>, String> {
    if manifest.signers.is_empty() {
        return Ok(None);
    }
    let seal = seal.map(Seal::parse).transpose().map_err(|why| format!("has a seal that can't be read: {why}"))?;
    let vouched = check(seal.as_ref(), &manifest.id, version.bytes(), &manifest.signers, at_least.as_ref());
    vouched.map(|vouched| Some(vouched.version)).map_err(|why| why.to_string())
}

/// Where the seal of a file lies.
pub fn seal_file(file: &Path) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(".sig");
    name.into()
}

/// The seal that lies beside a file, if one does.
pub fn seal_beside(file: &Path) -> io::Result<Option<Vec<u8>>> {
    read_seal(&seal_file(file))
}

/// A seal, if it is there.
pub(super) fn read_seal(file: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(seal) => Ok(Some(seal)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
