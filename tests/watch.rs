//! `souk up --watch`: what is written serves, what is changed is built, and what fails changes nothing.

use crate::application::{Application, Component, guest};
use crate::host::{Host, Place, SOON};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// A host that watches `one.wasm` in a folder of its own, where the guests `one` and `two` lie as well.
struct Watched {
    host: Host,
    folder: tempfile::TempDir,
}

impl Watched {
    fn up(build: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::create_dir(path("src")).unwrap();
        fs::write(path("src/version.txt"), "one").unwrap();
        for name in ["one", "two"] {
            fs::copy(guest(name), path(&format!("{name}.wasm"))).unwrap();
        }
        fs::copy(path("one.wasm"), path("served.wasm")).unwrap();
        let component = Component::new("greeter", &path("served.wasm")).route("/...");
        let manifest =
            Application::of([component]).manifest() + &build.replace("FOLDER", &path("").display().to_string());
        let place = Arc::new(Place::with_manifest(&manifest).argument("--watch"));
        Self { host: place.up(), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn serves(&self, version: &str) {
        let end = Instant::now() + SOON;
        while self.host.get("/").text() != version {
            assert!(Instant::now() < end, "{version} does not serve: {}", self.host.log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// As a compiler does it: beside, and renamed.
fn exchange(from: &Path, to: &Path) {
    let part = to.with_extension("part");
    fs::copy(from, &part).unwrap();
    fs::rename(part, to).unwrap();
}

#[test]
fn a_file_that_changes_serves_and_one_that_is_no_good_does_not() {
    let watched = Watched::up("");
    watched.serves("one");
    exchange(&watched.path("two.wasm"), &watched.path("served.wasm"));
    watched.serves("two");
    fs::write(watched.path("served.wasm"), "no component").unwrap();
    watched.host.log_line(&["refused; nothing has changed", "greeter", "the file is no WebAssembly, not a component"]);
    watched.serves("two");
    // In place, a part at a time: only the whole is taken.
    let one = fs::read(watched.path("one.wasm")).unwrap();
    let (head, tail) = one.split_at(one.len() / 2);
    fs::write(watched.path("served.wasm"), head).unwrap();
    fs::write(watched.path("served.wasm"), [head, tail].concat()).unwrap();
    watched.serves("one");
}

const BUILD: &str = r#"
[component.greeter.build]
command = ["test -f src/good.txt || test -f src/version.txt", "cp $(cat src/version.txt).wasm served.part && mv served.part served.wasm"]
workdir = "FOLDER"
watch = ["src/**/*.txt"]
"#;

#[test]
fn what_is_changed_is_built_and_serves_and_what_can_not_be_built_does_not() {
    let watched = Watched::up(BUILD);
    watched.serves("one");
    fs::write(watched.path("src/version.txt"), "two").unwrap();
    watched.serves("two");
    watched.host.log_line(&["its source has changed: building", "greeter"]);
    fs::write(watched.path("src/version.txt"), "seventeen").unwrap();
    watched.host.log_line(&["building failed; what served goes on", "greeter"]);
    watched.serves("two");
    fs::write(watched.path("src/version.txt"), "one").unwrap();
    watched.serves("one");
}
