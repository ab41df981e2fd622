//! Compiled code: kept between starts, and trusted only where nobody else can have written it.

use crate::application::{Application, Component};
use crate::host::Place;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::sync::Arc;

/// Starts and stops; how many components were compiled, and the log.
fn compiled(place: &Arc<Place>) -> (usize, String) {
    let host = place.up();
    assert_eq!(host.get("/echo").status, 200);
    let summary = host.summary();
    let count = summary.split_once(" compiled)").unwrap().0.rsplit(' ').next().unwrap().parse().unwrap();
    (count, host.log())
}

/// A place with its code compiled.
fn warm() -> (Arc<Place>, PathBuf) {
    let place = Arc::new(Place::cold(&Application::of([Component::guest("echo")])));
    assert_eq!(compiled(&place).0, 1);
    let mut files = fs::read_dir(place.code()).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None, "one component, one file");
    (place, file)
}

/// Changes what is in the cache; then the code is compiled again, and served from the cache after that.
fn check_mistrusted(change: impl FnOnce(&PathBuf)) -> String {
    let (place, file) = warm();
    change(&file);
    let (count, log) = compiled(&place);
    assert_eq!(count, 1, "what is in the cache was used");
    assert_eq!(compiled(&place).0, 0, "what was compiled again was not kept");
    log
}

#[test]
fn the_second_start_compiles_nothing() {
    let (place, _) = warm();
    assert_eq!(compiled(&place).0, 0);
}

#[test]
fn check_fills_the_cache_for_up() {
    let place = Arc::new(Place::cold(&Application::of([Component::guest("echo")])));
    assert_eq!(place.check().code, Some(0));
    assert_eq!(compiled(&place).0, 0);
}

#[test]
fn another_component_is_compiled_though_it_has_the_name_of_one_that_was() {
    let (place, _) = warm();
    place.write_manifest(&Application::of([Component::guest_as("echo", "counts")]).manifest());
    assert_eq!(compiled(&place).0, 1);
    place.write_manifest(&Application::of([Component::guest("echo")]).manifest());
    assert_eq!(compiled(&place).0, 0, "the former version is still there");
}

#[test]
fn code_that_was_damaged_is_compiled_again() {
    let log = check_mistrusted(|file| {
        let mut bytes = fs::read(file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    });
    assert!(log.contains("damaged"), "{log}");
}

#[test]
fn code_that_was_cut_short_is_compiled_again() {
    for length in [0, 10, 1000] {
        check_mistrusted(|file| fs::File::options().write(true).open(file).unwrap().set_len(length).unwrap());
    }
}

#[test]
fn code_that_others_may_write_is_not_trusted() {
    check_mistrusted(|file| fs::set_permissions(file, Permissions::from_mode(0o666)).unwrap());
}

#[test]
fn a_folder_that_others_may_write_is_not_used() {
    let (place, _) = warm();
    fs::set_permissions(place.code(), Permissions::from_mode(0o777)).unwrap();
    for _ in 0..2 {
        let (count, log) = compiled(&place);
        assert_eq!(count, 1, "what is in the folder was used");
        assert!(log.contains("others can write to the folder of compiled code"), "{log}");
    }
    fs::remove_dir_all(place.code()).unwrap();
    assert_eq!(compiled(&place).0, 1);
    assert_eq!(compiled(&place).0, 0, "a new folder is trusted");
}

#[test]
fn code_that_is_somewhere_else_is_not_trusted() {
    check_mistrusted(|file| {
        let elsewhere = file.parent().unwrap().parent().unwrap().join("elsewhere");
        fs::rename(file, &elsewhere).unwrap();
        symlink(elsewhere, file).unwrap();
    });
}

#[test]
fn only_this_user_may_enter_the_folder_and_read_what_is_in_it() {
    let (_place, file) = warm();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(file.parent().unwrap()), mode(&file)), (0o700, 0o600));
}
