//! More requests than may be answered at the same time, by the host or by one component.

use crate::application::{Application, Component};
use crate::host::Host;
use crate::http::{Answer, Connection};
use crate::http2;
use std::time::Duration;

/// A connection on which a request for this path is under way: sent, and not answered yet.
fn under_way(host: &Host, target: &str) -> Connection {
    let mut connection = host.connect_and_send(format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n"));
    assert!(!connection.has_something_within(Duration::from_millis(200)), "it is answered already");
    connection
}

#[track_caller]
fn is_overload(answer: &Answer) {
    answer.is_problem(503, "overloaded");
    assert_eq!(answer.field("retry-after"), Some("1"));
}

#[test]
fn more_requests_than_the_host_may_answer_are_503_at_once() {
    let host =
        Host::up(&Application::of([Component::guest("slow"), Component::guest("echo")]).limit("requests_max", 2));
    let mut slow = [under_way(&host, "/slow/1500"), under_way(&host, "/slow/1500")];
    is_overload(&host.get("/echo"));
    assert_eq!(host.get("/healthz").status, 200, "health is told whatever is under way");
    for connection in &mut slow {
        connection.answer().is_ok("waited 1500 ms");
    }
    assert_eq!(host.get("/echo").status, 200);
}

#[test]
fn more_requests_than_a_component_may_answer_wait_and_more_than_may_wait_are_503() {
    let slow = Component::guest("slow").limit("instances_max", 1).limit("waiting_max", 1);
    let host = Host::up(&Application::of([slow, Component::guest("echo")]));
    let mut both = [under_way(&host, "/slow/1000"), under_way(&host, "/slow/1000")];
    is_overload(&host.get("/slow/0"));
    assert_eq!(host.get("/echo").status, 200, "another component is not concerned");
    for connection in &mut both {
        connection.answer().is_ok("waited 1000 ms");
    }
    host.get("/slow/0").is_ok("waited 0 ms");
}

#[test]
fn waiting_counts_towards_the_time_of_a_request() {
    let slow = Component::guest("slow").limit("instances_max", 1).limit("time_ms_max", 600);
    let host = Host::up(&Application::of([slow]));
    let mut first = under_way(&host, "/slow/500");
    host.get("/slow/500").is_problem(504, "component-timeout");
    first.answer().is_ok("waited 500 ms");
    host.get("/slow/0").is_ok("waited 0 ms");
}

#[test]
fn a_client_that_leaves_while_it_waits_leaves_no_gap() {
    let slow = Component::guest("slow").limit("instances_max", 1).limit("waiting_max", 2);
    let host = Host::up(&Application::of([slow]));
    for _ in 0..10 {
        let first = host.connect_and_send("GET /slow/200 HTTP/1.1\r\nhost: a\r\n\r\n");
        drop(host.connect_and_send("GET /slow/200 HTTP/1.1\r\nhost: a\r\n\r\n"));
        drop(first);
    }
    let mut answer = host.get("/slow/0");
    for _ in 0..100 {
        if answer.status == 200 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
        answer = host.get("/slow/0");
    }
    answer.is_ok("waited 0 ms");
}

#[test]
fn more_streams_of_an_http_2_connection_than_there_may_be_wait_for_their_turn() {
    let host = Host::up(&Application::of([Component::guest("slow")]).limit("streams_max", 4));
    let requests = (0..40).map(|_| http2::request("GET", "/slow/20", &[], b"")).collect();
    for answer in http2::ask(host.address, requests) {
        answer.is_ok("waited 20 ms");
    }
}

#[test]
fn the_whole_time_of_a_request_is_bounded() {
    let host = Host::up(&Application::of([Component::guest("slow")]).limit("request_ms_max", 300));
    host.get("/slow/5000").is_problem(504, "component-timeout");
    host.get("/slow/0").is_ok("waited 0 ms");
}

#[test]
fn an_instance_is_replaced_after_so_many_requests() {
    let counts = |id, max| Component::guest_as(id, "counts").limit("requests_per_instance_max", max);
    let host = Host::up(&Application::of([counts("three", 3), counts("one", 1), counts("many", 1000)]));
    let mut connection = host.connect();
    let mut told =
        |target| (0..7).map(|_| connection.ask("GET", target, &[], b"").text().to_owned()).collect::<Vec<_>>();
    assert_eq!(told("/three"), ["1", "2", "3", "1", "2", "3", "1"]);
    assert_eq!(told("/one"), ["1"; 7]);
    assert_eq!(told("/many"), ["1", "2", "3", "4", "5", "6", "7"]);
}
