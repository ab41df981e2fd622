//! Ways out of the sandbox: requests to hosts that the manifest grants, and nothing else.

use crate::application::{Application, Component};
use crate::host::Host;
use crate::http::Server;
use std::net::TcpListener;
use std::time::Instant;

fn host(grants: &[String]) -> Host {
    let escapes = grants.iter().fold(Component::guest("escapes"), |component, host| component.outbound(host));
    Host::up(&Application::of([escapes.limit("outbound_idle_ms_max", 300).limit("outbound_connect_ms_max", 300)]))
}

#[track_caller]
fn check(host: &Host, url: &str, outcome: &str) {
    let answer = host.get(&format!("/escapes?{url}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text().starts_with(outcome), "{url}: {}", answer.text());
}

#[test]
fn without_a_grant_nobody_is_reached() {
    let server = Server::start();
    let host = host(&[]);
    for url in [format!("http://{}/", server.address), format!("https://{}/", server.address)] {
        check(&host, &url, "refused: ErrorCode::HttpRequestDenied");
    }
    assert_eq!(server.requests(), 0);
    let port = format!("port={}", server.address.port());
    host.log_line(&["WARN", "denied", "component=\"escapes\"", "host=\"127.0.0.1\"", &port]);
    check(&host, "http://name.invalid/", "refused: ErrorCode::HttpRequestDenied");
}

#[test]
fn a_granted_host_is_reached_and_no_other() {
    let (granted, other) = (Server::start(), Server::start());
    let host = host(&[format!("http://{}", granted.address)]);
    check(&host, &format!("http://{}/path?query", granted.address), "got out");
    assert_eq!(granted.requests(), 1);
    let port = granted.address.port();
    for url in [
        format!("http://{}/", other.address),
        format!("https://{}/", granted.address),
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://user@{}/", granted.address),
        "http://127.0.0.1/".to_owned(),
    ] {
        let answer = host.get(&format!("/escapes?{url}"));
        assert!(answer.text().starts_with("refused: "), "{url}: {}", answer.text());
    }
    assert_eq!((granted.requests(), other.requests()), (1, 0));
}

#[test]
fn a_family_of_hosts_is_reached_within_its_bounds() {
    let server = Server::start();
    let port = server.address.port();
    let host = host(&["http://*:*".to_owned()]);
    check(&host, &format!("http://{}/", server.address), "got out");
    check(&host, &format!("http://localhost:{port}/"), "got out");
    check(&host, &format!("https://{}/", server.address), "refused: ErrorCode::HttpRequestDenied");
}

#[test]
fn a_granted_host_that_is_not_there_or_says_nothing_does_not_hold_up_the_component() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let host = host(&["http://127.0.0.1:*".to_owned()]);
    let asked = Instant::now();
    check(&host, &format!("http://{}/", silent.local_addr().unwrap()), "refused: ");
    assert!(asked.elapsed().as_secs() < 5, "outbound_idle_ms_max is 300");
    check(&host, &format!("http://{gone}/"), "refused: ");
}

#[test]
fn there_are_no_sockets() {
    let server = Server::start();
    let host = host(&["*://*:*".to_owned()]);
    check(&host, &format!("tcp://{}", server.address), "refused: ");
    check(&host, &format!("tcp://localhost:{}", server.address.port()), "refused: ");
    assert_eq!(server.requests(), 0);
}

#[test]
fn there_are_no_files() {
    let host = host(&["*://*:*".to_owned()]);
    for path in ["/etc/passwd", "/proc/self/environ", "spin.toml", ".", "/", "../data"] {
        check(&host, &format!("file://{path}"), "refused: ");
    }
}
