//! Every fixture guest is used by a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_fixture_guest_is_used_by_a_test() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guests: BTreeSet<String> = entries(&folder.join("guests"))
        .filter(|path| path.join("Cargo.toml").is_file())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(guests.len() > 10, "{guests:?}");
    let tests = sources(folder);
    let unused: Vec<_> = guests.iter().filter(|guest| !tests.contains(&format!("\"{guest}\")"))).collect();
    assert!(unused.is_empty(), "no test uses {unused:?}");
}

/// The text of all tests; the guests themselves do not count.
fn sources(folder: &Path) -> String {
    let text = |path: PathBuf| match path.extension() {
        Some(extension) if extension == "rs" => fs::read_to_string(&path).unwrap(),
        _ if path.is_dir() && !path.ends_with("guests") => sources(&path),
        _ => String::new(),
    };
    entries(folder).map(text).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())
}
