//! `souk keys`: the keys that sign an application's tokens. Works on the data folder; a host that runs on it follows within seconds.

use crate::clock::now_s;
use crate::identity::key_folder;
use ring::rand::SystemRandom;
use serde_json::Value;
use souk_identity::fault::KeysFault;
use souk_identity::key_file::KeyFile;
use souk_identity::keys::{Former, Keys};
use std::io::{self, Write};
use std::path::Path;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The keys.
    #[error(transparent)]
    Keys(#[from] KeysFault),
    /// Nobody reads the report.
    #[error(transparent)]
    System(#[from] io::Error),
}

/// Lists the ids of the keys that are published, the one that signs first.
pub fn list(data: &Path, out: &mut dyn Write) -> Result<(), KeysError> {
    tell(&KeyFile::find(&key_folder(data))?.read(&SystemRandom::new())?, out)
}

/// Makes a new key that signs from now on.
pub fn rotate(data: &Path, former: Former, out: &mut dyn Write) -> Result<(), KeysError> {
    tell(&KeyFile::find(&key_folder(data))?.rotate(now_s(), former, &SystemRandom::new())?, out)
}

/// Prints new keys, with their secret, for hosts that have them in their environment.
pub fn new(out: &mut dyn Write) -> Result<(), KeysError> {
    Ok(writeln!(out, "{}", Keys::generate(&SystemRandom::new())?.secret_set())?)
}

fn tell(keys: &Keys, out: &mut dyn Write) -> Result<(), KeysError> {
    let set: Value = serde_json::from_str(&keys.public_set(now_s())).unwrap_or_default();
    for key in set["keys"].as_array().into_iter().flatten() {
        let id = key["kid"].as_str().unwrap_or_default();
        let role = if id == keys.current_id() { "signs" } else { "is published until its last token has expired" };
        writeln!(out, "{id}  {role}")?;
    }
    Ok(())
}
