//! What `souk up` prints when it is ready, and what the command line answers by itself.

use crate::application::{Application, Component};
use crate::host::{Host, Place, SOON, souk_ends};
use rustix::process::Signal;
use std::net::TcpListener;
use std::sync::Arc;

fn echo() -> Application {
    Application::of([Component::guest("echo")])
}

#[test]
fn a_start_tells_components_routes_time_and_where_to_go() {
    let application = Application::of([
        Component::guest("echo").route("/second/:id"),
        Component::guest("counts").only_route("/count"),
    ]);
    let host = Arc::new(Place::cold(&application)).up();
    let summary = host.summary();
    let echo = summary.lines().find(|line| line.contains(" echo ")).unwrap();
    let mut words = echo.split_whitespace();
    assert_eq!(words.next(), Some("echo"));
    let version = words.next().unwrap();
    assert!(version.len() == 12 && version.bytes().all(|b| b.is_ascii_hexdigit()), "{version} is no digest");
    assert_eq!(words.collect::<Vec<_>>(), ["/echo/...", "/second/:id"]);
    assert!(summary.contains("(2 components, 2 compiled)"), "{summary}");
    assert!(summary.contains(&format!("curl http://{}/echo\n", host.address)), "{summary}");
    assert_eq!(host.get("/echo").status, 200);
    assert!(host.log().is_empty(), "a good start logs nothing: {}", host.log());
}

#[test]
fn an_address_in_use_is_told_with_the_option_that_changes_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Arc::new(Place::new(&echo()));
    for (listen, admin, option) in [(&*address, "127.0.0.1:0", "--listen"), ("127.0.0.1:0", &*address, "--admin")] {
        let ended = place.refused_at(listen, admin);
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains(&format!("can't listen on {address}")), "{}", ended.stderr);
        assert!(ended.stderr.contains(option), "{}", ended.stderr);
    }
}

#[test]
fn strangers_are_not_let_in() {
    let place = Arc::new(Place::new(&echo()));
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        for (listen, admin) in [(address, "127.0.0.1:0"), ("127.0.0.1:0", address)] {
            let ended = place.refused_at(listen, admin);
            assert_eq!(ended.code, Some(1));
            assert!(ended.stderr.contains("is not a loopback address"), "{}", ended.stderr);
            assert!(ended.stderr.contains("listen on 127.0.0.1"), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_component_that_traps_while_it_starts_is_refused() {
    let place = Arc::new(Place::new(&Application::of([Component::guest("echo"), Component::guest("stillborn")])));
    let ended = place.refused();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("component stillborn can't be started"), "{}", ended.stderr);
    assert!(ended.stderr.contains("an instance could not be started"), "{}", ended.stderr);
}

#[test]
fn a_component_that_never_gets_started_is_refused() {
    let unborn = Component::guest("unborn").limit("time_ms_max", 300);
    let ended = Arc::new(Place::new(&Application::of([Component::guest("echo"), unborn]))).refused();
    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("component unborn can't be started"), "{}", ended.stderr);
}

#[test]
fn a_signal_ends_a_host_that_is_still_starting() {
    for signal in [Signal::INT, Signal::TERM] {
        let unborn = Component::guest("unborn").limit("time_ms_max", 3_600_000);
        let place = Place::new(&Application::of([unborn]));
        let ended = place.signalled_while_starting(signal);
        assert!(ended.is_some(), "{signal:?} does not end it");
    }
}

#[test]
fn a_component_that_needs_more_memory_than_it_may_have_is_refused() {
    for limit in [("memory_bytes_max", 64 * 1024), ("table_elements_max", 1)] {
        let component = Component::guest("echo").limit(limit.0, limit.1);
        let ended = Arc::new(Place::new(&Application::of([component]))).refused();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("component echo"), "{}: {}", limit.0, ended.stderr);
    }
}

#[test]
fn help_shows_examples_that_are_commands() {
    for arguments in [&["--help"][..], &["help"]] {
        let ended = souk_ends(arguments);
        assert_eq!(ended.code, Some(0));
        for part in ["Examples:", "souk up --demo", "souk check", "--log"] {
            assert!(ended.stdout.contains(part), "no {part} in {}", ended.stdout);
        }
    }
    for command in ["up", "check"] {
        let ended = souk_ends(&[command, "--help"]);
        assert_eq!(ended.code, Some(0));
        assert!(ended.stdout.contains("--data <DIR>"), "{}", ended.stdout);
    }
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    for arguments in [&[][..], &["dance"], &["up", "--listen", "here"], &["up", "--log", "a=b=c"]] {
        let ended = souk_ends(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
        assert!(!ended.stderr.is_empty());
    }
}

#[test]
fn check_finds_nothing_wrong_with_a_good_application() {
    let place = Place::new(&echo());
    let ended = place.check();
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("no faults"), "{}", ended.stdout);
    assert!(ended.stdout.contains("/echo/..."), "{}", ended.stdout);
}

#[test]
fn a_signal_ends_a_host_that_nobody_has_used() {
    let host = Host::up(&echo());
    host.signal(Signal::INT);
    assert_eq!(host.ended_within(SOON).and_then(|status| status.code()), Some(0));
}
