//! Components that fail, loop or hoard: each costs itself its instance and nobody else anything.

use crate::application::{Application, Component};
use crate::host::{Host, SOON, Shared};
use rustix::process::Signal;
use std::thread;
use std::time::{Duration, Instant};

const MIB: u64 = 1024 * 1024;

static HOST: Shared = Shared::new(|| {
    Application::of([
        Component::guest("echo").limit("response_bytes_max", 10_000),
        Component::guest("traps"),
        Component::guest("spins").limit("time_ms_max", 300),
        Component::guest("hoards").limit("memory_bytes_max", 16 * MIB),
        Component::guest("misanswers"),
    ])
});

/// The component and its neighbour still answer.
#[track_caller]
fn check_alive(host: &Host, component: &str) {
    host.get(&format!("/{component}")).is_ok("alive");
    assert_eq!(host.get("/echo").status, 200);
}

#[test]
fn a_trap_is_500_and_the_log_says_why() {
    let host = HOST.host();
    for _ in 0..3 {
        let answer = host.get("/traps/trap");
        answer.is_problem(500, "component-failed");
        assert!(!answer.text().contains("secret") && !answer.text().contains("trap\""), "{}", answer.text());
        check_alive(&host, "traps");
    }
    host.log_line(&["ERROR", "a call failed", "component=\"traps\"", "UnreachableCodeReached"]);
    host.log_line(&["WARN", "with a secret in the message", "component=\"traps\"", "stream=\"stderr\""]);
}

#[test]
fn a_trap_does_not_end_the_clients_connection() {
    let host = HOST.host();
    let mut connection = host.connect();
    connection.ask("GET", "/traps/trap", &[], b"").is_problem(500, "component-failed");
    connection.ask("GET", "/traps", &[], b"").is_ok("alive");
}

#[test]
fn a_loop_without_end_is_504_and_the_log_says_why() {
    let host = HOST.host();
    let started = Instant::now();
    for _ in 0..3 {
        host.get("/spins/spin").is_problem(504, "component-timeout");
        check_alive(&host, "spins");
    }
    assert!(started.elapsed() < SOON);
    host.log_line(&["WARN", "ran out of time", "component=\"spins\"", "time_ms_max=300"]);
}

#[test]
fn memory_without_end_is_500_and_the_log_says_why() {
    let host = HOST.host();
    for _ in 0..3 {
        host.get("/hoards/hoard").is_problem(500, "component-failed");
        check_alive(&host, "hoards");
    }
    host.log_line(&["ERROR", "a call failed", "component=\"hoards\""]);
    host.log_line(&["memory", "component=\"hoards\""]);
}

#[test]
fn the_log_names_the_limit_of_memory_that_was_hit() {
    let host = HOST.host();
    host.get("/hoards/hoard").is_problem(500, "component-failed");
    host.log_line(&["component=\"hoards\"", "memory_bytes_max"]);
}

#[test]
fn hoarded_memory_is_given_back() {
    let hoards = Component::guest("hoards").limit("memory_bytes_max", 64 * MIB).limit("instances_max", 4);
    let host = Host::up(&Application::of([hoards, Component::guest("echo")]));
    host.get("/hoards").is_ok("alive");
    let before = host.resident_bytes();
    for _ in 0..4 {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| host.get("/hoards/hoard").is_problem(500, "component-failed"));
            }
        });
        let more = host.resident_bytes().saturating_sub(before);
        assert!(more < 5 * 64 * MIB, "{} MiB more than before", more / MIB);
    }
    thread::sleep(Duration::from_millis(200));
    let more = host.resident_bytes().saturating_sub(before);
    assert!(more < 64 * MIB, "{} MiB stay behind", more / MIB);
    check_alive(&host, "hoards");
}

#[test]
fn an_answer_that_is_too_large_is_502_and_the_log_says_why() {
    let host = HOST.host();
    host.send("POST", "/echo", &[], &vec![b'b'; 20_000]).is_problem(502, "component-misanswered");
    assert_eq!(host.send("POST", "/echo", &[], &[b'b'; 5_000]).status, 200);
    host.log_line(&["more than response_bytes_max", "component=\"echo\""]);
}

#[test]
fn an_answer_that_is_no_http_is_logged() {
    let host = HOST.host();
    host.get("/misanswers/field-name").is_problem(502, "component-misanswered");
    host.log_line(&["component=\"misanswers\""]);
    host.get("/misanswers").is_ok("answered");
}

/// On two cores, three guests that never pause want more than there is.
#[test]
fn loops_without_end_keep_nobody_from_being_answered() {
    let spins = Component::guest("spins").limit("time_ms_max", 4_000);
    let host = Host::up(&Application::of([spins, Component::guest("echo"), Component::guest("slow")]));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| host.get("/spins/spin").is_problem(504, "component-timeout"));
        }
        thread::sleep(Duration::from_millis(300));
        for _ in 0..5 {
            for target in ["/healthz", "/echo", "/spins", "/slow/10"] {
                let asked = Instant::now();
                assert_eq!(host.get(target).status, 200, "{target}");
                assert!(asked.elapsed() < Duration::from_secs(1), "{target} took {:?}", asked.elapsed());
            }
        }
    });
    check_alive(&host, "spins");
}

#[test]
fn loops_without_end_do_not_keep_the_host_from_stopping() {
    for signal in [Signal::INT, Signal::TERM] {
        let spins = Component::guest("spins").limit("time_ms_max", 60_000);
        let host = Host::up(&Application::of([spins]).limit("drain_ms_max", 500));
        let mut asked: Vec<_> = (0..3).map(|_| host.connect()).collect();
        for connection in &mut asked {
            connection.send("GET /spins/spin HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        }
        thread::sleep(Duration::from_millis(300));
        host.signal(signal);
        let status = host.ended_within(Duration::from_millis(500 + 2_000));
        assert!(status.is_some(), "{signal:?} does not end it");
    }
}

#[test]
fn many_failures_at_once_leave_the_others_alone() {
    let host = HOST.host();
    thread::scope(|scope| {
        for number in 0..20 {
            let host = &host;
            scope.spawn(move || match number % 4 {
                0 => host.get("/traps/trap").is_problem(500, "component-failed"),
                1 => host.get("/hoards/hoard").is_problem(500, "component-failed"),
                2 => host.get("/spins/spin").is_problem(504, "component-timeout"),
                _ => assert_eq!(host.get("/echo").status, 200),
            });
        }
    });
    for component in ["traps", "hoards", "spins"] {
        check_alive(&host, component);
    }
}

#[test]
fn a_client_that_leaves_ends_the_loop_that_it_started() {
    let spins = Component::guest("spins").limit("instances_max", 1).limit("time_ms_max", 20_000);
    let host = Host::up(&Application::of([spins]));
    let mut connection = host.connect();
    connection.send("GET /spins/spin HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    thread::sleep(Duration::from_millis(200));
    drop(connection);
    let asked = Instant::now();
    host.get("/spins").is_ok("alive");
    assert!(asked.elapsed() < Duration::from_secs(10), "the only instance was taken until its time was over");
}
