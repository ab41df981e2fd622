//! How often a peer may ask, and who a peer is.

use crate::application::{Application, Component};
use crate::host::{Host, Shared};
use crate::http::Answer;

/// Three at once, then one an hour: no test waits for a budget to come back.
const SCARCE: &str = "rates.scarce = { requests = 1, seconds = 3600, burst = 1 }
rates.three = { requests = 72, seconds = 86400, burst = 3 }";

fn application() -> Application {
    let limited = Component::guest_as("limited", "echo").rate("scarce", "methods = [\"POST\"]").rate("three", "");
    Application::of([limited, Component::guest_as("free", "echo")]).tool(SCARCE)
}

static BEHIND_A_PROXY: Shared = Shared::new(|| {
    let limited = Component::guest_as("limited", "echo").rate("three", "");
    Application::of([limited]).tool(&format!("{SCARCE}\nproxies = [\"127.0.0.0/8\"]"))
});

fn get(host: &Host, fields: &[(&str, &str)]) -> Answer {
    host.send("GET", "/limited/x", fields, b"")
}

#[test]
fn a_burst_is_answered_and_then_refused_with_what_a_client_needs_to_know() {
    let host = Host::up(&application());
    for left in [2, 1, 0] {
        let answer = get(&host, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.field("ratelimit-policy"), Some("\"three\";q=72;w=86400"));
        assert_eq!(answer.field("ratelimit"), Some(&*format!("\"three\";r={left}")));
    }
    let refused = get(&host, &[]);
    refused.is_problem(429, "too-many-requests");
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1_190..=1_200).contains(&wait), "{wait}");
    assert_eq!(refused.field("ratelimit"), Some(&*format!("\"three\";r=0;t={wait}")));
    assert!(refused.field("x-request-id").is_some());

    let posts = [201, 202].map(|_| host.send("POST", "/limited/x", &[], b"small").status);
    assert_eq!(posts, [200, 429], "another rule, another budget");
    for _ in 0..10 {
        let answer = host.get("/free/x");
        assert_eq!((answer.status, answer.field("ratelimit")), (200, None), "no rule is about it");
    }
}

#[test]
fn a_connection_goes_on_after_a_refusal() {
    let host = Host::up(&application());
    let mut connection = host.connect();
    let statuses: Vec<_> =
        (0..6).map(|_| connection.ask("POST", "/limited/x", &[], b"a body that is not wanted").status).collect();
    assert_eq!(statuses, [200, 429, 429, 429, 429, 429]);
    assert_eq!(connection.ask("GET", "/free/x", &[], b"").status, 200);
}

#[test]
fn what_a_stranger_says_about_its_address_changes_nothing_and_reaches_nobody() {
    let host = Host::up(&application());
    let mut statuses = Vec::new();
    for number in 0..5 {
        let forged = format!("192.0.2.{number}");
        let standard = format!("for={forged}");
        let answer = get(&host, &[("X-Forwarded-For", &forged), ("forwarded", &standard), ("X-REAL-ip", &forged)]);
        assert!(!answer.text().contains("192.0.2."), "{}", answer.text());
        statuses.push(answer.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn behind_a_named_proxy_each_client_has_its_own_budget() {
    let host = BEHIND_A_PROXY.host();
    let statuses = |fields: &[(&str, &str)]| (0..4).map(|_| get(&host, fields).status).collect::<Vec<_>>();
    assert_eq!(statuses(&[("x-forwarded-for", "192.0.2.1")]), [200, 200, 200, 429]);
    assert_eq!(statuses(&[("x-forwarded-for", "192.0.2.2, 127.0.0.9")]), [200, 200, 200, 429]);
    let forged: &[(&str, &str)] = &[("x-forwarded-for", "198.51.100.7, 192.0.2.1")];
    assert_eq!(statuses(forged), [429; 4], "left of the client stands what the client wrote");
    assert_eq!(statuses(&[("forwarded", "for=\"[2001:db8::1]:99\"")]), [200, 200, 200, 429]);
    assert_eq!(get(&host, &[("forwarded", "for=\"[2001:db8::2]\"")]).status, 429, "one network, one subscriber");
}
