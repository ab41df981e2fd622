//! The end of a host: what is under way is finished, nothing new is begun, and it does not take for ever.

use crate::application::{Application, Component};
use crate::host::{Host, SOON};
use crate::http::Connection;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

fn host(drain_ms_max: u64) -> Host {
    let host = Host::up(
        &Application::of([Component::guest("slow"), Component::guest("echo")]).limit("drain_ms_max", drain_ms_max),
    );
    // Whoever has answered has its signals in place.
    host.get("/slow/0").is_ok("waited 0 ms");
    host
}

fn under_way(host: &Host, target: &str) -> Connection {
    let mut connection = host.connect();
    connection.send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n")).unwrap();
    assert!(!connection.has_something_within(Duration::from_millis(200)), "it is answered already");
    connection
}

#[test]
fn a_request_under_way_is_answered_before_the_host_ends_with_0() {
    for signal in [Signal::TERM, Signal::INT] {
        let host = host(20_000);
        let mut connection = under_way(&host, "/slow/1500");
        host.signal(signal);
        host.log_line(&["INFO", "stopping"]);
        assert!(refuses(&host), "a stopping host takes new connections");
        let answer = connection.answer();
        answer.is_ok("waited 1500 ms");
        assert_eq!(connection.rest(), b"", "the connection stays open");
        let status = host.ended_within(SOON).expect("the host ends");
        assert_eq!(status.code(), Some(0));
        host.log_line(&["INFO", "stopped", "drained=true"]);
    }
}

/// Whether nobody is let in any more, now or in a moment.
fn refuses(host: &Host) -> bool {
    (0..20).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        Connection::try_to(host.address).is_err()
    })
}

#[test]
fn a_stopping_host_says_that_it_is_not_ready() {
    let host = host(20_000);
    let mut connection = under_way(&host, "/slow/1500");
    let mut operator = Connection::to(host.admin);
    assert_eq!(operator.ask("GET", "/readyz", &[], b"").status, 200);
    host.signal(Signal::TERM);
    host.log_line(&["stopping"]);
    // It is logged a moment before it is so.
    let ask = |_| Connection::to(host.admin).ask("GET", "/readyz", &[], b"");
    let ready = (0..1000).map(ask).find(|answer| answer.status != 200).expect("it is not ready any more");
    ready.is_problem(503, "stopping");
    let health = Connection::to(host.admin).ask("GET", "/healthz", &[], b"");
    assert_eq!((health.status, health.json()["status"].as_str()), (200, Some("stopping")));
    connection.answer().is_ok("waited 1500 ms");
}

#[test]
fn idle_connections_do_not_keep_the_host() {
    let host = host(20_000);
    let mut idle = host.connect();
    assert_eq!(idle.ask("GET", "/echo", &[], b"").status, 200);
    let mut silent = host.connect();
    let asked = Instant::now();
    assert_eq!(host.stop().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(10), "it waited for connections that want nothing");
    assert_eq!((idle.rest(), silent.rest()), (Vec::new(), Vec::new()));
}

#[test]
fn a_request_that_takes_too_long_does_not_keep_the_host() {
    let host = host(300);
    let mut connection = under_way(&host, "/slow/9000");
    host.signal(Signal::TERM);
    let status = host.ended_within(Duration::from_millis(300 + 2_000)).expect("it ends after drain_ms_max");
    assert_eq!(status.code(), Some(0));
    host.log_line(&["stopped", "drained=false"]);
    connection.rest();
}

#[test]
fn a_second_signal_stops_at_once() {
    let host = host(60_000);
    let mut connection = under_way(&host, "/slow/9000");
    host.signal(Signal::TERM);
    host.log_line(&["stopping"]);
    std::thread::sleep(Duration::from_millis(200));
    host.signal(Signal::TERM);
    let status = host.ended_within(Duration::from_secs(3)).expect("it ends at once");
    assert_eq!((status.code(), status.signal()), (Some(0), None));
    connection.rest();
}

#[test]
fn the_same_place_can_be_started_again_at_once() {
    let first = host(1_000);
    assert_eq!(first.stop().code(), Some(0));
    let second = first.place.up();
    assert_eq!(second.get("/echo").status, 200);
}
