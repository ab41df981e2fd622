//! Seals: where the manifest names signers, a component's file serves only if one of them vouches for it, at the start as in a swap.

use crate::application::{Application, Component, guest};
use crate::host::{Ended, Place, souk_ends};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A place whose component `greeter` is `one.wasm` of a folder of its own, and a signer's key.
struct Sealed {
    folder: tempfile::TempDir,
    place: Arc<Place>,
}

impl Sealed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["one", "two"] {
            fs::copy(guest(name), path(&format!("{name}.wasm"))).unwrap();
        }
        let key = public(&new_key(&path("acme.pem")));
        let component = Component::new("greeter", &path("one.wasm"))
            .route("/...")
            .lines(&format!("signers = {{ acme = \"{key}\" }}"));
        let place = Arc::new(Place::new(&Application::of([component])));
        Self { folder, place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sign(&self, file: &str, component: &str, version: &str, key: &str) {
        let (file, key) = (self.path(file), self.path(key));
        let (file, key) = (file.to_str().unwrap(), key.to_str().unwrap());
        let ended = souk_ends(&["sign", file, "--component", component, "--version", version, "--key", key]);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }

    fn swap(&self, file: &str) -> Ended {
        self.place.on_data(&["swap", "greeter", self.path(file).to_str().unwrap(), "--probation", "0"])
    }

    fn refuses(&self, file: &str, why: &str) {
        let ended = self.swap(file);
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }

    fn starts_not(&self, why: &str) {
        let ended = self.place.check();
        assert_eq!(ended.code, Some(1), "{}", ended.stdout);
        assert!(ended.stderr.contains(why), "{}", ended.stderr);
    }
}

fn new_key(file: &Path) -> Ended {
    souk_ends(&["sign", "--new-key", file.to_str().unwrap()])
}

/// The key in the line for the manifest.
fn public(ended: &Ended) -> String {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let from = ended.stdout.find("ed25519:").unwrap();
    ended.stdout[from..].split('"').next().unwrap().to_owned()
}

#[test]
fn nothing_starts_that_no_signer_vouches_for() {
    let sealed = Sealed::new();
    sealed.starts_not("came without a seal");
    public(&new_key(&sealed.path("stranger.pem")));
    sealed.sign("one.wasm", "greeter", "1.0.0", "stranger.pem");
    sealed.starts_not("which is no signer of `greeter`");
    sealed.sign("one.wasm", "payment", "1.0.0", "acme.pem");
    sealed.starts_not("component greeter: ");
    sealed.sign("one.wasm", "greeter", "1.0.0", "acme.pem");
    let mut file = fs::read(sealed.path("one.wasm")).unwrap();
    // Another custom section: as good a component as before, and another file.
    file.extend([0, 2, 1, b'x']);
    fs::write(sealed.path("one.wasm"), &file).unwrap();
    sealed.starts_not("it was altered or exchanged");
    sealed.sign("one.wasm", "greeter", "1.0.0", "acme.pem");
    assert_eq!(sealed.place.check().code, Some(0));
    fs::write(sealed.path("one.wasm.sig"), "{}").unwrap();
    sealed.starts_not("has a seal that can't be read");
}

#[test]
fn a_swap_wants_a_seal_that_is_no_older_and_the_next_start_wants_it_too() {
    let sealed = Sealed::new();
    sealed.sign("one.wasm", "greeter", "1.1.0", "acme.pem");
    let host = sealed.place.up();
    sealed.refuses("two.wasm", "came without a seal");
    sealed.sign("two.wasm", "greeter", "1.0.9", "acme.pem");
    sealed.refuses("two.wasm", "1.0.9 is older than 1.1.0");
    host.get("/").is_ok("one");
    sealed.sign("two.wasm", "greeter", "1.2.0", "acme.pem");
    assert_eq!(sealed.swap("two.wasm").code, Some(0));
    host.get("/").is_ok("two");
    // What was good before is a step back now.
    sealed.refuses("one.wasm", "1.1.0 is older than 1.2.0");
    host.stop();

    let host = sealed.place.up();
    host.get("/").is_ok("two");
    // The operator may go back to what served before; after a restart there is nothing any more.
    assert_eq!(sealed.place.on_data(&["rollback", "greeter"]).code, Some(1));
    sealed.sign("one.wasm", "greeter", "1.3.0", "acme.pem");
    assert_eq!(sealed.swap("one.wasm").code, Some(0));
    assert_eq!(sealed.place.on_data(&["rollback", "greeter"]).code, Some(0));
    host.get("/").is_ok("two");
    host.stop();
    sealed.place.up().get("/").is_ok("two");
}

#[test]
fn a_manifest_s_file_that_is_older_than_what_ran_does_not_start() {
    let sealed = Sealed::new();
    sealed.sign("one.wasm", "greeter", "2.0.0", "acme.pem");
    sealed.place.up().stop();
    fs::copy(sealed.path("two.wasm"), sealed.path("one.wasm")).unwrap();
    sealed.sign("one.wasm", "greeter", "1.9.9", "acme.pem");
    sealed.starts_not("1.9.9 is older than 2.0.0");
    sealed.sign("one.wasm", "greeter", "2.0.0", "acme.pem");
    sealed.place.up().get("/").is_ok("two");
}

#[test]
fn a_key_is_made_once_and_never_over_a_file() {
    let sealed = Sealed::new();
    let before = fs::read(sealed.path("acme.pem")).unwrap();
    let ended = new_key(&sealed.path("acme.pem"));
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert_eq!(fs::read(sealed.path("acme.pem")).unwrap(), before);
    let ended = souk_ends(&["sign", "one.wasm"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stdout);
}
