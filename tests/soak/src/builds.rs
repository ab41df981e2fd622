//! Two builds of one component that do the same: the one of the manifest, and the same file with a custom section more, which changes its digest and
//! nothing else. So a swap can go back and forth for ever, without a toolchain.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ring::digest::{SHA256, digest};

/// The name of the section that makes the difference.
const SECTION: &str = "souk:build";

/// A component that is swapped, and its two builds.
pub(crate) struct Builds {
    pub(crate) component: String,
    first: Build,
    second: Build,
}

/// A file of a component.
pub(crate) struct Build {
    pub(crate) bytes: Bytes,
    /// SHA-256, in small hexadecimal digits.
    pub(crate) digest: String,
}

impl Builds {
    /// Those of a component of the manifest; `other` is another file for the second one.
    pub(crate) fn of(component: &str, manifest: &Path, other: Option<&Path>) -> Result<Self> {
        let first = read(&source(component, &std::fs::read_to_string(manifest)?)?)?;
        let second = match other {
            Some(file) => read(file)?,
            None => Build::new(with_section(&first.bytes, "the other one")),
        };
        ensure!(first.digest != second.digest, "both builds of {component} are the same file");
        Ok(Self { component: component.to_owned(), first, second })
    }

    /// The one that has not this digest.
    pub(crate) fn other_than(&self, digest: &str) -> &Build {
        if self.second.digest == digest { &self.first } else { &self.second }
    }
}

impl Build {
    fn new(bytes: Vec<u8>) -> Self {
        let digest = digest(&SHA256, &bytes);
        let digest = digest.as_ref().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes all text");
            text
        });
        Self { bytes: bytes.into(), digest }
    }
}

fn read(file: impl AsRef<Path>) -> Result<Build> {
    let file = file.as_ref();
    Ok(Build::new(std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?))
}

/// The file of a component in a manifest as `spin.toml` is written.
fn source(component: &str, manifest: &str) -> Result<String> {
    let table = format!("\n[component.{component}]\n");
    let (_, behind) =
        manifest.split_once(&table).with_context(|| format!("the manifest has no component {component}"))?;
    let of_table = behind.split("\n[").next().unwrap_or_default();
    let source = of_table.lines().find_map(|line| line.strip_prefix("source = \"")?.strip_suffix('"'));
    Ok(source.with_context(|| format!("the component {component} has no source"))?.to_owned())
}

/// A component with a custom section at its end, where every reader passes over what it does not know.
fn with_section(component: &[u8], text: &str) -> Vec<u8> {
    // Lengths are LEB128, which is one byte for what is shorter than 128.
    let length =
        |bytes: usize| u8::try_from(bytes).ok().filter(|byte| *byte < 128).expect("a name and a few words are short");
    let mut bytes = component.to_vec();
    bytes.extend([0, length(1 + SECTION.len() + text.len()), length(SECTION.len())]);
    bytes.extend(SECTION.as_bytes());
    bytes.extend(text.as_bytes());
    bytes
}
