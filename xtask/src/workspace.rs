//! What `cargo metadata` says of this workspace: where things are, and which members are guests.
//!
//! Guests are discovered, never listed: a folder under `components/` or `tests/guests/` that builds a `cdylib` is one.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::command;

/// The target of every guest.
pub(crate) const WASM_TARGET: &str = "wasm32-wasip2";

/// The profile of every guest, defined in the root manifest.
pub(crate) const WASM_PROFILE: &str = "component";

/// The workspace that this program was built from.
pub(crate) struct Workspace {
    /// The folder of the root manifest.
    pub(crate) root: PathBuf,
    /// The target folder, wherever configuration or environment put it.
    pub(crate) target: PathBuf,
    /// The members that are built for WebAssembly, in the order of cargo.
    pub(crate) guests: Vec<Guest>,
}

/// A member that is built for WebAssembly.
pub(crate) struct Guest {
    /// The package name, for `-p`.
    pub(crate) package: String,
    /// The file name of its component.
    pub(crate) file: String,
    /// Whether it stands under `tests/guests/`: it misbehaves on purpose and has no native side.
    pub(crate) fixture: bool,
}

impl Workspace {
    /// Asks cargo, in the root as all further calls: a relative `CARGO_TARGET_DIR` then means the same folder to each.
    pub(crate) fn load() -> Result<Self> {
        let mut metadata = command::cargo();
        metadata.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]);
        let metadata: Value = serde_json::from_str(&command::output(&mut metadata)?)?;
        let root = path_field(&metadata, "workspace_root")?;
        let packages = metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        Ok(Self {
            target: path_field(&metadata, "target_directory")?,
            guests: packages.iter().filter_map(|package| guest(package, &root)).collect(),
            root,
        })
    }

    /// Where cargo puts the components.
    pub(crate) fn components(&self) -> PathBuf {
        self.target.join(WASM_TARGET).join(WASM_PROFILE)
    }

    /// `--exclude` arguments for the fixtures, which do not exist natively.
    pub(crate) fn without_fixtures(&self) -> impl Iterator<Item = &str> {
        self.guests.iter().filter(|guest| guest.fixture).flat_map(|guest| ["--exclude", &guest.package])
    }

    /// `-p` arguments for all guests.
    pub(crate) fn only_guests(&self) -> impl Iterator<Item = &str> {
        self.guests.iter().flat_map(|guest| ["-p", &guest.package])
    }
}

fn path_field(metadata: &Value, name: &str) -> Result<PathBuf> {
    metadata[name].as_str().map(PathBuf::from).with_context(|| format!("cargo metadata has no `{name}`"))
}

/// The guest that `package` is, or nothing: the kit and what several components share are libraries only, and the host stands elsewhere.
fn guest(package: &Value, root: &Path) -> Option<Guest> {
    let manifest = Path::new(package["manifest_path"].as_str()?).strip_prefix(root).ok()?;
    let fixture = manifest.starts_with("tests/guests");
    if !fixture && !manifest.starts_with("components") {
        return None;
    }
    let library = package["targets"].as_array()?.iter().find(|target| is_cdylib(target))?;
    Some(Guest {
        package: package["name"].as_str()?.to_owned(),
        file: format!("{}.wasm", library["name"].as_str()?.replace('-', "_")),
        fixture,
    })
}

fn is_cdylib(target: &Value) -> bool {
    target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(manifest: &str, crate_type: &str) -> Option<(String, bool)> {
        let package = json!({
            "name": "a-guest",
            "manifest_path": manifest,
            "targets": [{ "name": "a-guest", "crate_types": ["rlib", crate_type] }],
        });
        guest(&package, Path::new("/shop")).map(|guest| (guest.file, guest.fixture))
    }

    #[test]
    fn a_cdylib_under_components_or_tests_guests_is_a_guest() {
        assert_eq!(found("/shop/components/a/Cargo.toml", "cdylib"), Some(("a_guest.wasm".to_owned(), false)));
        assert_eq!(found("/shop/tests/guests/a/Cargo.toml", "cdylib"), Some(("a_guest.wasm".to_owned(), true)));
    }

    #[test]
    fn the_kit_and_native_members_are_no_guests() {
        assert_eq!(found("/shop/components/kit/Cargo.toml", "lib"), None);
        assert_eq!(found("/shop/host/Cargo.toml", "cdylib"), None);
    }
}
