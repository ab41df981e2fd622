//! Several processes on one key file, and processes that are killed. The processes are this test binary.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use souk_identity::key_file::KeyFile;
use souk_identity::keys::Former;
use souk_identity::limits::FORMER_KEY_S;

use crate::forge::{NOW_S, random};

const FOLDER: &str = "SOUK_TEST_KEYS";
const TIMES: &str = "SOUK_TEST_TIMES";

fn start(folder: &Path, times: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "processes::another_process_rotates", "--ignored"])
        .env(FOLDER, folder)
        .env(TIMES, times.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "is what the other tests start"]
fn another_process_rotates() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let times: u64 = std::env::var(TIMES).unwrap().parse().unwrap();
    let file = KeyFile::open(Path::new(&folder)).unwrap();
    file.read_or_generate(&random()).unwrap();
    for time in 0..times {
        // With more than a few, each is so late that the former ones have ended.
        let now_s = if times > 10 { NOW_S + time * FORMER_KEY_S } else { NOW_S };
        file.rotate(now_s, Former::Published, &random()).unwrap();
    }
}

#[test]
fn two_processes_that_rotate_at_once_lose_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let children = [start(folder.path(), 5), start(folder.path(), 5)];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let keys = KeyFile::open(folder.path()).unwrap().read(&random()).unwrap();
    let set: serde_json::Value = serde_json::from_str(&keys.public_set(NOW_S)).unwrap();
    // The first one, made by whichever came first, and one of each rotation.
    assert_eq!(set["keys"].as_array().unwrap().len(), 11);
}

#[test]
fn a_process_that_is_killed_at_any_moment_leaves_whole_keys_and_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    let file = KeyFile::open(folder.path()).unwrap();
    file.read_or_generate(&random()).unwrap();
    for round in 0..20 {
        let before = file.read(&random()).unwrap().current_id().to_owned();
        let mut child = start(folder.path(), 100_000);
        while file.read(&random()).unwrap().current_id() == before {
            assert!(child.try_wait().unwrap().is_none(), "the other process failed");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_micros(150 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        file.read(&random()).unwrap();
        file.rotate(NOW_S, Former::Revoked, &random()).unwrap();
    }
}
