//! How often a peer and a caller may ask, and who they are.

mod shared;

use crate::application::{Application, Component};
use crate::auth::{IDENTITY, tokens};
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
fn another_way_to_write_a_path_is_none_around_its_rate() {
    let limited = Component::guest_as("limited", "echo").rate("scarce", "path = \"/limited/login\"").rate("three", "");
    let host = Host::up(&Application::of([limited]).tool(SCARCE));
    assert_eq!(host.get("/limited/login").field("ratelimit"), Some("\"scarce\";r=0"));
    for way in ["/limited/%6cogin", "/limited//login", "/limited/x/../login", "/limited/login/", "/limited/./login"] {
        host.get(way).is_problem(429, "too-many-requests");
    }
    assert_eq!(host.get("/limited/logins").field("ratelimit"), Some("\"three\";r=2"));
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

/// Six for an address, of which three for an account; in each of two components.
fn with_callers() -> Application {
    let limited = |id| Component::guest_as(id, "echo").rate("six", "").rate("three", "per = \"caller\"");
    let rates = "rates.six = { requests = 144, seconds = 86400, burst = 6 }\nproxies = [\"127.0.0.0/8\"]";
    Application::of([limited("limited"), limited("other")]).tool(&format!("{SCARCE}\n{rates}\n{}", tokens()))
}

static WITH_CALLERS: Shared = Shared::new(with_callers);

/// Who asks, and from where.
fn ask(host: &Host, path: &str, subject: Option<&str>, address: &str) -> Answer {
    let bearer = subject.map(|subject| IDENTITY.bearer(subject));
    let mut fields = vec![("x-forwarded-for", address)];
    fields.extend(bearer.iter().map(|value| ("authorization", value.as_str())));
    host.send("GET", path, &fields, b"")
}

#[test]
fn accounts_behind_one_address_have_a_budget_each_and_the_address_one() {
    let host = WITH_CALLERS.host();
    let statuses = |subject| [(); 4].map(|()| ask(&host, "/limited/x", subject, "192.0.2.1").status);
    let first = ask(&host, "/limited/x", Some("alice"), "192.0.2.1");
    assert_eq!(first.field("ratelimit-policy"), Some("\"six\";q=144;w=86400, \"three\";q=72;w=86400"));
    assert_eq!(first.field("ratelimit"), Some("\"six\";r=5, \"three\";r=2"));
    assert_eq!(statuses(Some("alice")), [200, 200, 429, 429]);
    let other = ask(&host, "/limited/x", Some("bob"), "192.0.2.1");
    assert_eq!((other.status, other.field("ratelimit")), (200, Some("\"six\";r=0, \"three\";r=2")));
    let refused = ask(&host, "/limited/x", Some("bob"), "192.0.2.1");
    refused.is_problem(429, "too-many-requests");
    assert_eq!(refused.field("ratelimit-policy"), Some("\"six\";q=144;w=86400"), "the caller was not asked for");
}

#[test]
fn an_account_that_is_over_its_rate_is_told_so_and_how_long() {
    let host = WITH_CALLERS.host();
    let answers = [(); 4].map(|()| ask(&host, "/limited/x", Some("dave"), "192.0.2.2"));
    let [.., refused] = answers;
    refused.is_problem(429, "too-many-requests");
    let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
    assert!((1_190..=1_200).contains(&wait), "{wait}");
    assert_eq!(refused.field("ratelimit"), Some(&*format!("\"six\";r=2, \"three\";r=0;t={wait}")));
}

#[test]
fn an_account_has_one_budget_wherever_it_asks_from() {
    let host = WITH_CALLERS.host();
    let from = |addresses: [&str; 4]| addresses.map(|at| ask(&host, "/limited/x", Some("carol"), at).status);
    assert_eq!(from(["192.0.2.3", "192.0.2.4", "2001:db8::3", "192.0.2.5"]), [200, 200, 200, 429]);
}

#[test]
fn who_is_not_signed_in_counts_as_its_address() {
    let host = WITH_CALLERS.host();
    let statuses = |address| [(); 4].map(|()| ask(&host, "/limited/x", None, address).status);
    assert_eq!(statuses("192.0.2.6"), [200, 200, 200, 429]);
    assert_eq!(statuses("192.0.2.7"), [200, 200, 200, 429]);
    assert_eq!(ask(&host, "/limited/x", Some("erin"), "192.0.2.6").status, 200, "signed in, it is somebody else");
}

#[test]
fn each_component_has_budgets_of_its_own() {
    let host = WITH_CALLERS.host();
    let lefts =
        |path| [(); 2].map(|()| ask(&host, path, Some("frank"), "192.0.2.8").field("ratelimit").map(str::to_owned));
    let expected = ["\"six\";r=5, \"three\";r=2", "\"six\";r=4, \"three\";r=1"].map(|text| Some(text.to_owned()));
    assert_eq!(lefts("/limited/x"), expected);
    assert_eq!(lefts("/other/x"), expected);
}

#[test]
fn a_token_that_is_no_good_counts_against_its_sender_and_nobody_else() {
    let host = WITH_CALLERS.host();
    for left in (0..6).rev() {
        let fields = [("x-forwarded-for", "192.0.2.9"), ("authorization", "Bearer made.up.token")];
        let answer = host.send("GET", "/limited/x", &fields, b"");
        assert_eq!((answer.status, answer.field("ratelimit")), (401, Some(&*format!("\"six\";r={left}"))));
    }
    assert_eq!(ask(&host, "/limited/x", Some("grace"), "192.0.2.9").status, 429);
    assert_eq!(ask(&host, "/limited/x", None, "192.0.2.10").status, 200);
}
