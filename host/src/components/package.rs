//! A component's file: its bytes, its digest, and what can be read from it without running it.

use sha2::{Digest, Sha256};
use souk_database::migration::{self, Migration};
use std::fmt;
use std::path::Path;
use wasmparser::{Parser, Payload};

/// A component's file as it was read.
pub(super) struct Package {
    /// The file's content.
    pub bytes: Vec<u8>,
    /// SHA-256 of the content.
    pub version: Version,
    /// The migrations that it carries.
    pub migrations: Vec<Migration>,
}

/// SHA-256 of a component's file: its identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Version([u8; 32]);

impl Version {
    /// As it is.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// All 64 hexadecimal digits.
    pub fn hex(&self) -> String {
        use fmt::Write;
        self.0.iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("writing to a string does not fail");
            hex
        })
    }
}

/// The first twelve digits: enough to tell versions apart by eye.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex()[..12])
    }
}

/// Bytes of a component's file. Components in languages with a runtime of their own have 10 to 40 MiB.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Reads a component's file. The error is one sentence without the path.
pub(super) fn read(path: &Path) -> Result<Package, String> {
    let length = std::fs::metadata(path).map_err(|error| format!("can't be read: {error}"))?.len();
    if length > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes"));
    }
    parse(std::fs::read(path).map_err(|error| format!("can't be read: {error}"))?)
}

/// The digest of a file.
pub(super) fn digest(path: &Path) -> std::io::Result<Version> {
    Ok(digest_of(&std::fs::read(path)?))
}

/// The digest of what is in a file.
pub(super) fn digest_of(bytes: &[u8]) -> Version {
    Version(Sha256::digest(bytes).into())
}

/// Looks into a component's file. The error is the end of a sentence about it.
pub(super) fn parse(bytes: Vec<u8>) -> Result<Package, String> {
    if !Parser::is_component(&bytes) {
        let what = if Parser::is_core_wasm(&bytes) { "a core module" } else { "no WebAssembly" };
        return Err(format!("is {what}, not a component"));
    }
    let version = digest_of(&bytes);
    let migrations = migrations(&bytes)?;
    Ok(Package { bytes, version, migrations })
}

/// Collects the migrations from the custom sections of all modules in the component.
fn migrations(bytes: &[u8]) -> Result<Vec<Migration>, String> {
    let mut migrations = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| format!("is not valid WebAssembly: {error}"))?;
        if let Payload::CustomSection(section) = payload
            && section.name() == migration::SECTION
        {
            let found = migration::from_section(section.data());
            migrations.extend(found.map_err(|error| format!("carries migrations that can't be read: {error}"))?);
        }
    }
    Ok(migrations)
}
