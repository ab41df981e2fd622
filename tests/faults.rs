//! What is wrong with an application is told before anything is served, all of it at once, by `up` and by `check` in the same words.

use crate::application::{Application, Component, guest};
use crate::host::{Place, shows, souk_ends};
use std::path::Path;
use std::sync::Arc;

/// What both commands say.
#[track_caller]
fn faults(place: Place) -> String {
    let place = Arc::new(place);
    let (up, check) = (place.refused(), place.check());
    assert_eq!((up.code, check.code), (Some(1), Some(1)), "{}\n{}", up.stderr, check.stderr);
    let faults = |stderr: &str| stderr[stderr.find("error: ").expect(stderr)..].to_owned();
    assert_eq!(faults(&up.stderr), faults(&check.stderr));
    assert_eq!((&*up.stdout, &*check.stdout), ("", ""), "nothing was found right");
    faults(&up.stderr)
}

/// Asserts that one line tells the fault and the next the remedy.
#[track_caller]
fn tells(text: &str, fault: &str, remedy: &str) {
    let mut lines = text.lines().skip_while(|line| !line.contains(fault));
    assert!(lines.next().is_some(), "no {fault:?} in\n{text}");
    let next = lines.next().unwrap_or_default();
    assert!(next.trim_start().starts_with('→') && next.contains(remedy), "no remedy {remedy:?} in {next:?}");
}

const FAULTY: &str = r#"spin_manifest_version = 1
colour = "red"
[application]
nmae = "shop"
[application.tool.souk.limits]
requests_max = 0
request_max = 5
[[trigger.http]]
route = "no-slash"
component = "ehco"
[component.echo]
source = "echo.wasm"
files = ["index.html"]
allowed_outbound_hosts = ["ftp://example.com"]
[component.echo.variables]
greeting = "{{ nobody }}"
[component.echo.tool.souk]
grants = ["database"]
[component.Other]
sorce = "other.wasm"
"#;

#[test]
fn all_faults_of_a_manifest_are_told_each_with_its_line_and_a_remedy() {
    let text = faults(Place::with_manifest(FAULTY));
    let expected = [
        ("line 1: spin_manifest_version is not 2", "write spin_manifest_version = 2"),
        ("line 2: colour is unknown", "remove it"),
        ("line 3: application.name is missing", "name the application"),
        ("line 4: application.nmae is unknown", "did you mean name?"),
        ("line 6: limit requests_max can't be 0", "choose from 1 to 1000000"),
        ("line 7: limit request_max is unknown", "did you mean requests_max?"),
        ("line 9: route \"no-slash\" does not start with /", "http-trigger"),
        ("line 10: trigger.http names component \"ehco\", which does not exist", "did you mean echo?"),
        ("line 13: component.echo.files is not supported", "embed the files"),
        ("line 14: outbound host \"ftp://example.com\" has a scheme other than http", "write scheme://host:port"),
        ("line 16: variable \"nobody\" does not exist", "add nobody to [variables]"),
        ("line 18: grant \"database\" is not an interface", "such as souk:database/sql"),
        ("line 19: component id \"Other\" is not valid", "a-z"),
        ("line 19: component.Other.source is missing", "name the component's .wasm file"),
        ("line 20: component.Other.sorce is unknown", "did you mean source?"),
    ];
    for (fault, remedy) in expected {
        tells(&text, fault, remedy);
    }
    assert!(text.starts_with(&format!("error: {} faults in ", expected.len())), "{text}");
    assert_eq!(text.matches('→').count(), expected.len(), "{text}");
}

#[test]
fn text_that_is_no_toml_is_told_with_its_line() {
    let text = faults(Place::with_manifest("spin_manifest_version = 2\n[application\nname = \"x\"\n"));
    tells(&text, "line 2: not TOML", "toml.io");
}

#[test]
fn a_manifest_that_is_not_there_is_told_with_its_path() {
    for command in [&["up", "--manifest", "/nowhere/spin.toml"][..], &["check", "/nowhere/spin.toml"]] {
        let ended = souk_ends(command);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("/nowhere/spin.toml"), "{}", ended.stderr);
        tells(&ended.stderr, "can't be read", "name the manifest with --manifest");
    }
}

#[test]
fn a_file_that_is_no_component_is_told_for_what_it_is() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let whole = std::fs::read(guest("echo")).unwrap();
    let cases = [
        ("text", file("text.wasm", b"hello"), "is no WebAssembly, not a component"),
        ("empty", file("empty.wasm", b""), "is no WebAssembly, not a component"),
        ("core", file("core.wasm", b"\0asm\x01\0\0\0"), "is a core module, not a component"),
        ("half", file("half.wasm", &whole[..whole.len() / 2]), "is not valid WebAssembly"),
        ("absent", folder.path().join("absent.wasm"), "can't be read"),
        ("folder", folder.path().to_owned(), "can't be read"),
    ];
    let text = faults(Place::new(&Application::of(cases.iter().map(|(id, path, _)| Component::new(id, path)))));
    assert!(text.contains(&format!("{} faults", cases.len())), "{text}");
    for (id, path, what) in &cases {
        let line = text.lines().find(|line| line.contains(&format!("component {id}: "))).expect(&text);
        assert!(shows(line, path) && line.contains(what), "{line}");
    }
}

#[test]
fn an_import_that_nothing_provides_is_refused() {
    let text = faults(Place::new(&Application::of([Component::guest("stranger")])));
    tells(&text, "component stranger: imports test:guest/abyss, which nothing provides", "souk:database/sql");
}

#[test]
fn a_grant_that_nothing_provides_is_refused() {
    let granted = Component::guest("echo").grant("souk:telepathy/mind");
    let text = faults(Place::new(&Application::of([granted])));
    tells(&text, "component echo: is granted souk:telepathy/mind, which nothing provides", "remove it");
}

#[test]
fn a_route_to_a_component_that_answers_no_http_is_refused() {
    let text = faults(Place::new(&Application::of([Component::guest("mute")])));
    tells(&text, "component mute: has a route but answers no HTTP", "export wasi:http/handler");
}

#[test]
fn a_component_that_answers_no_http_may_stand_without_a_route() {
    let place = Place::new(&Application::of([Component::new("mute", &guest("mute"))]));
    assert_eq!(place.check().code, Some(0));
    Arc::new(place).up();
}

#[test]
fn routes_that_take_the_same_paths_are_told() {
    let twice = Component::guest("echo").route("/by/:id").route("/by/:name").route("/healthz").route("/echo/...");
    let text = faults(Place::new(&Application::of([twice])));
    assert!(text.contains("3 faults"), "{text}");
    tells(&text, "route /by/:name takes the same paths as another", "change one of them");
    tells(&text, "route /healthz is the host's own", "change one of them");
    tells(&text, "route /echo/... takes the same paths as another", "change one of them");
}

#[test]
fn faults_of_all_components_are_told_together() {
    let application = Application::of([
        Component::guest("stranger"),
        Component::guest("mute"),
        Component::new("absent", Path::new("absent.wasm")),
    ]);
    let text = faults(Place::new(&application));
    assert!(text.contains("3 faults"), "{text}");
    for id in ["stranger", "mute", "absent"] {
        assert!(text.contains(&format!("component {id}: ")), "{text}");
    }
}

#[test]
fn a_component_that_traps_while_it_starts_is_found_by_check_too() {
    let ended = Place::new(&Application::of([Component::guest("stillborn")])).check();
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("stillborn"), "{}", ended.stderr);
}
