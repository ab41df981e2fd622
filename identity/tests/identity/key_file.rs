//! The keys on disk: rights, crashes, and what others may have left there.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use souk_identity::fault::KeysFault;
use souk_identity::key_file::{FILE, KeyFile};
use souk_identity::keys::{Former, Keys};
use souk_identity::limits::{KEY_SET_BYTES_MAX, LOCK_WAIT_MS};
use tempfile::TempDir;

use crate::forge::{NOW_S, random};

struct Place {
    _folder: TempDir,
    keys: PathBuf,
    file: KeyFile,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("data").join("keys");
        let file = KeyFile::open(&keys).unwrap();
        Self { _folder: folder, keys, file }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.keys.join(name)
    }

    fn generate(&self) -> Keys {
        self.file.read_or_generate(&random()).unwrap()
    }

    fn rotate(&self) -> Result<Keys, KeysFault> {
        self.file.rotate(NOW_S, Former::Published, &random())
    }

    fn current_id(&self) -> String {
        self.file.read(&random()).unwrap().current_id().to_owned()
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn keys_are_made_once_and_are_this_users_alone() {
    let place = Place::new();
    assert!(matches!(place.file.read(&random()), Err(KeysFault::Missing(_))));
    let made = place.generate();
    assert_eq!(place.generate().current_id(), made.current_id());
    assert_eq!(mode(&place.keys), 0o700);
    assert_eq!(mode(&place.path(FILE)), 0o600);
    place.rotate().unwrap();
    assert_eq!(mode(&place.path(FILE)), 0o600);
    let mut names = fs::read_dir(&place.keys).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.contains("part")));
}

#[test]
fn keys_that_others_can_read_are_refused_and_not_rotated_either() {
    let place = Place::new();
    place.generate();
    for exposed in [0o640, 0o604, 0o620, 0o602, 0o601, 0o660, 0o666] {
        set_mode(&place.path(FILE), exposed);
        let fault = place.file.read(&random()).unwrap_err();
        assert!(matches!(fault, KeysFault::Exposed { mode, .. } if mode == exposed), "{fault}");
        assert!(matches!(place.rotate(), Err(KeysFault::Exposed { .. })));
        assert!(matches!(place.file.read_or_generate(&random()), Err(KeysFault::Exposed { .. })));
    }
    for private in [0o600, 0o400] {
        set_mode(&place.path(FILE), private);
        assert!(place.file.read(&random()).is_ok());
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let place = Place::new();
    for exposed in [0o770, 0o707, 0o777] {
        set_mode(&place.keys, exposed);
        assert!(matches!(KeyFile::open(&place.keys), Err(KeysFault::Exposed { .. })));
    }
    set_mode(&place.keys, 0o755);
    assert!(KeyFile::open(&place.keys).is_ok());
}

#[test]
fn keys_are_not_read_through_a_link() {
    let (place, other) = (Place::new(), Place::new());
    other.generate();
    symlink(other.path(FILE), place.path(FILE)).unwrap();
    assert!(matches!(place.file.read(&random()), Err(KeysFault::Unavailable { .. })));
    assert!(matches!(place.rotate(), Err(KeysFault::Unavailable { .. })));
}

#[test]
fn a_crash_between_write_and_rename_leaves_the_old_keys_and_the_next_rotation_works() {
    let place = Place::new();
    let old = place.generate();
    let new = old.rotate(NOW_S, Former::Published, &random()).unwrap().secret_set();
    // Whole, torn, empty, and with rights that a crash can't have left.
    for left in [new.as_str(), &new[..new.len() / 2], ""] {
        let before = place.current_id();
        fs::write(place.path("signing-keys.json.part"), left).unwrap();
        set_mode(&place.path("signing-keys.json.part"), 0o666);
        assert_eq!(place.current_id(), before);
        let rotated = place.rotate().unwrap();
        assert_eq!(place.current_id(), rotated.current_id());
        assert!(rotated.public_set(NOW_S).contains(&before));
        assert_eq!(mode(&place.path(FILE)), 0o600);
    }
}

#[test]
fn a_link_in_place_of_the_part_is_not_written_through() {
    let place = Place::new();
    place.generate();
    let bystander = place.path("bystander");
    fs::write(&bystander, "untouched").unwrap();
    symlink(&bystander, place.path("signing-keys.json.part")).unwrap();
    place.rotate().unwrap();
    assert_eq!(fs::read_to_string(bystander).unwrap(), "untouched");
}

#[test]
fn a_rotation_whose_write_fails_changes_nothing() {
    let place = Place::new();
    let old = place.generate();
    fs::create_dir(place.path("signing-keys.json.part")).unwrap();
    assert!(matches!(place.rotate(), Err(KeysFault::Unavailable { .. })));
    assert_eq!(place.current_id(), old.current_id());
}

#[test]
fn a_file_that_is_torn_or_too_large_is_refused_and_not_replaced() {
    let place = Place::new();
    let whole = place.generate().secret_set();
    for text in [whole[..whole.len() - 1].to_owned(), String::new(), " ".repeat(KEY_SET_BYTES_MAX + 1)] {
        fs::write(place.path(FILE), &text).unwrap();
        assert!(matches!(place.file.read(&random()), Err(KeysFault::Faulty(_))));
        assert!(matches!(place.file.read_or_generate(&random()), Err(KeysFault::Faulty(_))));
        assert!(matches!(place.rotate(), Err(KeysFault::Faulty(_))));
        assert_eq!(fs::read_to_string(place.path(FILE)).unwrap(), text);
    }
}

#[test]
fn whoever_holds_the_lock_for_too_long_is_named_and_reading_never_waits() {
    let place = Place::new();
    place.generate();
    let held = File::open(place.path("signing-keys.lock")).unwrap();
    held.lock().unwrap();
    let begun = std::time::Instant::now();
    assert!(place.file.read(&random()).is_ok());
    assert!(begun.elapsed().as_millis() < u128::from(LOCK_WAIT_MS));
    assert!(matches!(place.rotate(), Err(KeysFault::Busy(_))));
    drop(held);
    assert!(place.rotate().is_ok());
}
