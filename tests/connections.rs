//! Connections that are slow, silent, idle or too many.

use crate::application::{Application, Component};
use crate::host::{Host, SOON, Shared};
use crate::http::Connection;
use std::thread;
use std::time::{Duration, Instant};

static HOST: Shared = Shared::new(|| {
    Application::of([Component::guest("echo"), Component::guest("slow"), Component::guest("streams")])
        .limit("head_ms_max", 1_000)
        .limit("write_idle_ms_max", 300)
});

#[test]
fn slow_heads_keep_nobody_from_being_answered() {
    let host = HOST.host();
    let started = Instant::now();
    let mut slow: Vec<Connection> = (0..500).map(|_| host.connect_and_send("G")).collect();
    for byte in b"ET /e" {
        for connection in &mut slow {
            // Those that came first may have been told to go by now.
            drop(connection.send([*byte]));
        }
        let asked = Instant::now();
        assert_eq!(host.get("/echo").status, 200);
        assert!(asked.elapsed() < Duration::from_secs(5), "others wait for slow heads");
        thread::sleep(Duration::from_millis(100));
    }
    for (number, connection) in slow.iter_mut().enumerate() {
        let answer = connection.read_answer_to("GET").unwrap_or_else(|error| panic!("number {number}: {error}"));
        answer.is_problem(408, "head-timeout");
        connection.rest();
    }
    assert!(started.elapsed() < SOON);
    assert_eq!(host.get("/echo").status, 200);
}

#[test]
fn a_slow_head_is_cut_off_however_steadily_it_comes() {
    let mut connection = HOST.host().connect();
    connection.send("GET /echo HTTP/1.1\r\nhost: a\r\nx-slow: ").unwrap();
    let started = Instant::now();
    while connection.send("x").is_ok() && started.elapsed() < SOON {
        thread::sleep(Duration::from_millis(50));
    }
    assert!(started.elapsed() < Duration::from_secs(10), "it could go on for ever");
}

#[test]
fn a_silent_connection_is_closed() {
    let mut connection = HOST.host().connect();
    assert_eq!(connection.rest(), b"", "a peer that never spoke is told nothing");
}

#[test]
fn an_idle_connection_is_closed() {
    let mut connection = HOST.host().connect();
    assert_eq!(connection.ask("GET", "/echo", &[], b"").status, 200);
    assert_eq!(connection.rest(), b"", "nobody waits for an answer");
}

#[test]
fn a_second_head_that_is_slow_is_cut_off_as_the_first_would_be() {
    let mut connection = HOST.host().connect();
    assert_eq!(connection.ask("GET", "/echo", &[], b"").status, 200);
    connection.send("GET /echo HT").unwrap();
    connection.answer().is_problem(408, "head-timeout");
    assert_eq!(connection.rest(), b"");
}

#[test]
fn a_connection_is_not_idle_while_its_answer_is_awaited() {
    let mut connection = HOST.host().connect();
    for _ in 0..2 {
        connection.ask("GET", "/slow/1500", &[], b"").is_ok("waited 1500 ms");
    }
}

#[test]
fn an_http_2_connection_that_asks_nothing_is_closed() {
    let mut connection = HOST.host().connect();
    connection.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    connection.rest();
}

#[test]
fn a_peer_that_takes_nothing_of_its_answer_is_cut_off() {
    let host = Host::up(
        &Application::of([Component::guest("streams").limit("instances_max", 1)]).limit("write_idle_ms_max", 300),
    );
    let mut connection = host.connect();
    connection.send("GET /streams/endless HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    // Its instance is the only one: it becomes free when the connection is given up.
    let started = Instant::now();
    host.send("POST", "/streams", &[], b"next").is_ok("next");
    assert!(started.elapsed() < SOON);
    connection.rest();
}

#[test]
fn a_peer_that_reads_slowly_but_steadily_gets_everything() {
    let body = vec![b'b'; 6 * 1024 * 1024];
    let host = HOST.host();
    let mut connection = host.connect();
    connection.send(format!("POST /streams HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", body.len())).unwrap();
    let received = thread::scope(|scope| {
        let mut reading = connection.try_clone();
        let received = scope.spawn(move || {
            thread::sleep(Duration::from_millis(100));
            reading.answer().body
        });
        for piece in body.chunks(1024 * 1024) {
            connection.send(piece).unwrap();
            thread::sleep(Duration::from_millis(50));
        }
        received.join().unwrap()
    });
    assert!(received == body, "{} of {} bytes", received.len(), body.len());
}

#[test]
fn one_connection_more_than_there_may_be_waits_for_its_turn() {
    let host = Host::up(&Application::of([Component::guest("echo")]).limit("connections_max", 2));
    let (mut first, mut second, mut third) = (host.connect(), host.connect(), host.connect());
    assert_eq!(first.ask("GET", "/echo", &[], b"").status, 200);
    assert_eq!(second.ask("GET", "/echo", &[], b"").status, 200);
    third.send("GET /echo HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert!(!third.has_something_within(Duration::from_millis(300)), "three connections are served");
    drop(second);
    assert_eq!(third.answer().status, 200);
}

#[test]
fn the_operator_is_answered_when_there_is_no_connection_left() {
    let host = Host::up(&Application::of([Component::guest("echo")]).limit("connections_max", 1));
    let mut only = host.connect();
    assert_eq!(only.ask("GET", "/echo", &[], b"").status, 200);
    let health = Connection::to(host.admin).ask("GET", "/healthz", &[], b"");
    assert_eq!(health.status, 200);
}
