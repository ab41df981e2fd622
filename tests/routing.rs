//! Which component answers which path, and what the host answers itself.

use crate::application::{Application, Component};
use crate::host::{Host, Shared};
use crate::http::Connection;

/// Guests that are told apart by what they answer.
static HOST: Shared = Shared::new(|| {
    Application::of([
        Component::guest("traps").only_route("/shop/:id"),
        Component::guest("misanswers").only_route("/shop/special"),
        Component::guest("slow").only_route("/shop/:id/parts/:part"),
        Component::guest("babbles").only_route("/below/...").route("/"),
        Component::guest("echo"),
    ])
});

#[track_caller]
fn check(target: &str, text: &str) {
    HOST.host().get(target).is_ok(text);
}

#[test]
fn an_exact_path_wins_over_a_parameter() {
    check("/shop/special", "answered");
    check("/shop/other", "alive");
    check("/shop/other/parts/0", "waited 0 ms");
    check("/shop/special/parts/0", "waited 0 ms");
    HOST.host().get("/shop").is_problem(404, "no-route");
    HOST.host().get("/shop/").is_problem(404, "no-route");
    HOST.host().get("/shop/other/parts").is_problem(404, "no-route");
}

#[test]
fn everything_below_includes_the_path_itself() {
    for target in ["/below", "/below/", "/below/a", "/below/a/b", "/below//", "/below/a/", "/"] {
        check(target, "said");
    }
    HOST.host().get("/belows").is_problem(404, "no-route");
}

#[test]
fn a_parameter_wins_over_everything_below_whatever_their_order() {
    let mut components = [
        Component::guest("babbles").only_route("/shop/..."),
        Component::guest("traps").only_route("/shop/:id"),
        Component::guest("misanswers").only_route("/shop/special"),
        Component::guest("slow").only_route("/shop/:id/parts/:part"),
        Component::guest("counts").only_route("/..."),
    ];
    for _ in 0..2 {
        let host = Host::up(&Application::of(components.clone()));
        for (target, text) in [
            ("/shop/special", "answered"),
            ("/shop/other", "alive"),
            ("/shop/other/parts/0", "waited 0 ms"),
            ("/shop/special/parts/0", "waited 0 ms"),
            ("/shop/other/parts", "said"),
            ("/shop/special/deeper", "said"),
            ("/shop", "said"),
            ("/shop/", "said"),
            ("/elsewhere", "1"),
            ("/", "2"),
        ] {
            host.get(target).is_ok(text);
        }
        components.reverse();
    }
}

#[test]
fn a_path_is_compared_as_it_was_sent() {
    // Another path than /shop/special, though it would decode to it.
    check("/shop/speci%61l", "alive");
    check("/shop/special?query=/shop/other", "answered");
    check("/shop/..", "alive");
    for target in ["/Shop/special", "//shop/special", "/shop/special/", "/shop//special"] {
        HOST.host().get(target).is_problem(404, "no-route");
    }
}

#[test]
fn a_component_gets_the_target_as_it_was_sent() {
    for target in ["/echo", "/echo/", "/echo/a/b?c=d&e=%20f", "/echo?", "/echo/%2e%2e/%00", "/echo/../echo"] {
        let answer = HOST.host().get(target);
        assert_eq!(answer.text().lines().next().unwrap(), format!("GET {target}"));
    }
}

#[test]
fn a_target_with_scheme_and_host_is_routed_by_its_path() {
    let mut connection = HOST.host().connect();
    connection.send("GET http://other.test:81/echo/x HTTP/1.1\r\nhost: shop.test\r\n\r\n").unwrap();
    let answer = connection.answer();
    assert!(answer.text().starts_with("GET /echo/x\n"), "{}", answer.text());
    assert!(answer.text().contains("\nhost: other.test:81\n"), "RFC 9112 §3.2.2: {}", answer.text());
}

#[test]
fn a_path_that_nobody_serves_is_404() {
    for target in ["/nothing", "/ech", "/echoes", "/echo%2f"] {
        HOST.host().get(target).is_problem(404, "no-route");
    }
    HOST.host().send("POST", "/nothing", &[], b"body").is_problem(404, "no-route");
    HOST.host().send("DELETE", "/nothing/at/all", &[], b"").is_problem(404, "no-route");
}

#[test]
fn health_is_told_on_both_listeners() {
    let host = HOST.host();
    for address in [host.address, host.admin] {
        for path in ["/healthz", "/readyz"] {
            let answer = Connection::to(address).ask("GET", path, &[], b"");
            assert_eq!((answer.status, answer.json()["status"].as_str()), (200, Some("ready")));
            assert_eq!(answer.field("cache-control"), Some("no-store"));
            let head = Connection::to(address).ask("HEAD", path, &[], b"");
            assert_eq!((head.status, head.body.len()), (200, 0));
            let post = Connection::to(address).ask("POST", path, &[], b"");
            post.is_problem(405, "method-not-allowed");
            assert_eq!(post.field("allow"), Some("GET, HEAD"));
        }
    }
}

#[test]
fn components_are_not_reached_through_the_operators_listener() {
    Connection::to(HOST.host().admin).ask("GET", "/echo", &[], b"").is_problem(404, "no-route");
}

#[test]
fn a_component_without_a_route_is_not_reached() {
    let hidden = Component::new("hidden", &crate::application::guest("echo"));
    let host = Host::up(&Application::of([hidden, Component::guest("counts")]));
    host.get("/hidden").is_problem(404, "no-route");
    host.get("/counts").is_ok("1");
}
