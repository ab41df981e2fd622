//! Compiled code that the hosts of this test run lend each other: compiling takes most of a start.
//!
//! A host believes files in its own folder that this user wrote; so they are put there before it starts. Tests of the
//! cache itself start cold and keep what they damage to themselves.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// More than one build of all guests brings. Nobody else tidies up here.
const FILES_MAX: usize = 100;

fn lent() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("code")
}

/// Puts into this folder what other hosts have compiled.
pub(crate) fn lend(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).unwrap();
    copy(&lent(), folder);
}

/// Takes from this folder what was compiled there.
pub(crate) fn take_back(folder: &Path) {
    let lent = lent();
    if fs::read_dir(&lent).is_ok_and(|files| files.count() > FILES_MAX) {
        drop(fs::remove_dir_all(&lent));
    }
    fs::create_dir_all(&lent).unwrap();
    copy(folder, &lent);
}

/// Copies what is complete and not there yet. A link, and no second copy, where the file system allows it.
fn copy(from: &Path, to: &Path) {
    let files = fs::read_dir(from).into_iter().flatten().filter_map(|file| Some(file.ok()?.path()));
    for file in files.filter(|file| file.extension().is_some_and(|extension| extension == "code")) {
        let copy = to.join(file.file_name().unwrap());
        if !copy.exists() && fs::hard_link(&file, &copy).is_err() {
            // Written beside and renamed: another test may be reading.
            let part = to.join(format!("{}.part", unique()));
            fs::copy(&file, &part).and_then(|_| fs::rename(&part, &copy)).unwrap();
        }
    }
}

/// A name that no other thread takes.
fn unique() -> String {
    format!("{}-{:?}", std::process::id(), std::thread::current().id())
}
