//! The Rust compiler that the project is built with: its version, and where it looks for libraries.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::command;
use crate::workspace::Workspace;

/// The installed compiler, and where its library for the guests belongs.
pub(crate) struct Compiler {
    /// The toolchain's folder.
    pub(crate) sysroot: PathBuf,
    /// The version, e. g. `1.95.0`.
    pub(crate) version: String,
    /// The commit it was built from; messages of the standard library name its sources by it.
    pub(crate) commit: String,
    /// All that `rustc -vV` says. A library fits the compiler whose text is equal.
    pub(crate) identity: String,
}

impl Compiler {
    /// Asks the compiler itself.
    pub(crate) fn ask(workspace: &Workspace, sysroot: PathBuf) -> Result<Self> {
        let identity = command::output(command::rustc(&workspace.root).arg("-vV"))?;
        let field = |name: &str| {
            let value = identity.lines().find_map(|line| line.strip_prefix(name));
            value.map(str::to_owned).with_context(|| format!("`rustc -vV` does not say `{name}`"))
        };
        Ok(Self { version: field("release: ")?, commit: field("commit-hash: ")?, sysroot, identity })
    }
}
