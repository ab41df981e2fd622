//! Where the signing keys are: a file in the data folder, or a text of the environment where a secret is mounted as one.
//!
//! A text of the environment can't change while the host runs: there a rotation is a new text and a restart.

use ring::rand::SystemRandom;
use souk_identity::fault::KeysFault;
use souk_identity::key_file::KeyFile;
use souk_identity::keys::Keys;
use std::path::{Path, PathBuf};

/// The variable of the environment, a JWK Set as `souk keys new` prints it.
const VARIABLE: &str = "SOUK_SIGNING_KEYS";

/// What stands in [`VARIABLE`].
pub type Environment = Option<String>;

/// The keys that the environment of this process names.
pub fn from_environment() -> Environment {
    std::env::var(VARIABLE).ok()
}

/// Where the keys of an application are.
pub(super) enum Source {
    /// A folder of this user.
    Folder(PathBuf),
    /// The environment's text.
    Text(String),
}

impl Source {
    /// The environment's text, if there is one; else the data folder.
    pub(super) fn new(data: &Path, environment: Environment) -> Self {
        environment.map_or_else(|| Self::Folder(key_folder(data)), Self::Text)
    }

    /// The keys as they are now.
    pub(super) fn read(&self) -> Result<Keys, KeysFault> {
        let random = SystemRandom::new();
        match self {
            Self::Folder(folder) => KeyFile::find(folder)?.read(&random),
            Self::Text(text) => Keys::parse(text, &random),
        }
    }

    /// The keys as they are now, or the first ones.
    pub(super) fn read_or_generate(&self) -> Result<Keys, KeysFault> {
        match self {
            Self::Folder(folder) => KeyFile::open(folder)?.read_or_generate(&SystemRandom::new()),
            Self::Text(_) => self.read(),
        }
    }
}

/// The folder for keys, and for what is kept about the tokens that they signed.
pub fn key_folder(data: &Path) -> PathBuf {
    data.join("identity")
}
