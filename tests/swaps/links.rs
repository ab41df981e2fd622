//! Links follow: who calls over a link calls whatever serves under the name at that moment, and is answered by the one it began with.

use super::{Operator, greeter, guest, meanwhile, unhurried, visitor};
use crate::application::{Application, Component};
use crate::http::Connection;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

fn application() -> Application {
    Application::of([unhurried(), visitor()])
}

#[test]
fn calls_over_a_link_go_to_whoever_serves_and_none_fails_meanwhile() {
    let operator = Operator::up(&application());
    let calls = AtomicUsize::new(0);
    let calling = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            let answer = connection.ask("GET", "/visits/3", &[], b"");
            assert!(answer.status == 200 && ["one", "two"].contains(&answer.text()), "{answer:?}");
            calls.fetch_add(1, Ordering::SeqCst);
        }
    };
    meanwhile(&[&calling, &calling, &calling], || {
        for swap in 0..20 {
            let next = if swap % 2 == 0 { "two" } else { "one" };
            operator.swap("greeter", "", &guest(next));
            operator.host.get("/visits/0").is_ok(next);
        }
    });
    assert!(calls.load(Ordering::SeqCst) > 50, "{calls:?}");
    let metrics = Connection::to(operator.host.admin).ask("GET", "/metrics", &[], b"");
    let failures = "souk_link_failures_total{from=\"visits\",to=\"greeter\",interface=\"test:greeter/greet\"} 0\n";
    assert!(metrics.text().contains(failures), "{}", metrics.text());
    assert!(operator.generation("greeter", "serving")["calls"].as_u64().unwrap() >= 1);
}

#[test]
fn a_call_that_waits_over_a_swap_is_answered_by_the_one_it_began_with() {
    let operator = Operator::up(&application());
    let mut waiting = operator.host.connect_and_send("GET /visits/1500 HTTP/1.1\r\nhost: a\r\n\r\n");
    operator.within(super::SOON, "the call is under way", || {
        (operator.generation("greeter", "serving")["under_way"] == 1).then_some(())
    });
    operator.swap("greeter", "", &guest("two"));
    operator.host.get("/visits/0").is_ok("two");
    assert!(!waiting.has_something_within(std::time::Duration::from_millis(1)), "it ended before the swap did");
    waiting.answer().is_ok("one");
}

#[test]
fn the_caller_can_be_swapped_as_well_and_calls_whoever_serves_then() {
    let operator = Operator::up(&application());
    operator.swap("greeter", "", &guest("two"));
    operator.swap("visits", "", &guest("visits"));
    operator.host.get("/visits/0").is_ok("two");
    operator.swap("greeter", "", &guest("one"));
    operator.host.get("/visits/0").is_ok("one");
    operator.change("visits", "rollback");
    operator.host.get("/visits/0").is_ok("one");
}

#[test]
fn who_is_swapped_in_may_call_nobody_that_the_manifest_does_not_grant() {
    let operator = Operator::up(&Application::of([greeter(), Component::guest_as("shop", "tires")]));
    let why = operator.refused("shop", &std::fs::read(guest("visits")).unwrap());
    assert_eq!(why, "component shop: imports test:greeter/greet, which it was not granted");
}
