//! Who may change what serves, and what the operator's listener says to who asks for it in a wrong way.

use super::{Operator, greeter, guest};
use crate::application::{Application, Component};
use crate::host::{Host, Place};
use crate::http::{Answer, Connection};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::time::Duration;

fn application() -> Application {
    Application::of([greeter(), Component::guest("echo")])
}

/// Everything that needs an operator.
const GUARDED: [(&str, &str); 8] = [
    ("GET", "/components"),
    ("GET", "/components/greeter"),
    ("PUT", "/components/greeter"),
    ("POST", "/components/greeter/rollback"),
    ("POST", "/components/greeter/stop"),
    ("POST", "/components/greeter/start"),
    ("GET", "/components/greeter/history"),
    ("GET", "/history"),
];

fn strange(host: &Host, method: &str, target: &str, fields: &[(&str, &str)]) -> Answer {
    Connection::to(host.admin).ask(method, target, fields, b"")
}

#[test]
fn strangers_learn_nothing_and_change_nothing() {
    let operator = Operator::up(&application());
    for (method, target) in GUARDED {
        let silent = strange(&operator.host, method, target, &[]);
        silent.is_problem(401, "not-signed-in");
        assert_eq!(silent.field("www-authenticate"), Some("Bearer realm=\"souk\""));
        let half = format!("Bearer {}", &operator.token[..32]);
        let wrong =
            [format!("Bearer {}", "0".repeat(64)), "Bearer ".to_owned(), half, format!("Basic {}", operator.token)];
        for field in &wrong {
            let wrong = strange(&operator.host, method, target, &[("authorization", field)]);
            wrong.is_problem(401, "invalid-token");
            assert_eq!(wrong.field("www-authenticate"), Some("Bearer realm=\"souk\", error=\"invalid_token\""));
        }
    }
    assert_eq!(operator.get("/history")["history"].as_array().unwrap().len(), 0);
    assert_eq!(operator.state("greeter"), "serving");
    // Health and numbers are for whoever is on this machine.
    for target in ["/readyz", "/healthz", "/metrics"] {
        assert_eq!(strange(&operator.host, "GET", target, &[]).status, 200, "{target}");
    }
    // And none of it is on the listener of the customers.
    let token = format!("Bearer {}", operator.token);
    for (method, target) in GUARDED {
        operator.host.send(method, target, &[("authorization", &token)], b"").is_problem(404, "no-route");
    }
}

#[test]
fn the_pass_is_for_this_user_and_this_run_only() {
    let operator = Operator::up(&application());
    let place = Arc::clone(&operator.host.place);
    operator.change("echo", "stop");
    for file in ["operator.json", "audit.log"] {
        let mode = fs::metadata(place.data().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let old = operator.token.clone();
    drop(operator);
    let later = Operator::at(&place);
    later.ask_with(&old, "GET", "/components", b"").is_problem(401, "invalid-token");
    let audit = fs::read_to_string(place.data().join("audit.log")).unwrap();
    assert!(!audit.contains(&old) && !later.host.log().contains(&later.token));
}

#[test]
fn the_audit_log_has_the_name_of_each_operator() {
    let (anna, ci) = ("a".repeat(32), "0123456789abcdef".repeat(4));
    let place = Place::new(&application()).environment("SOUK_ADMIN_TOKENS", &format!("anna={anna},ci.1={ci}"));
    let operator = Operator::at(&Arc::new(place));
    let stopped = operator.ask_with(&anna, "POST", "/components/echo/stop", b"");
    assert_eq!((stopped.status, &stopped.json()["who"]), (200, &"anna".into()), "{}", stopped.text());
    let file = fs::read(guest("two")).unwrap();
    assert_eq!(operator.ask_with(&ci, "PUT", "/components/greeter", &file).status, 200);
    operator.ask_with(&ci, "PUT", "/components/greeter", b"no file").is_problem(422, "component-refused");
    operator.change("greeter", "rollback");
    let whos: Vec<Value> = operator.audit().iter().map(|record| record["who"].clone()).collect();
    assert_eq!(whos, ["anna", "ci.1", "ci.1", "operator"]);
    let audit = fs::read_to_string(operator.host.place.data().join("audit.log")).unwrap();
    assert!(!audit.contains(&anna) && !audit.contains(&ci), "a token is in the audit log");
    operator.ask_with(&"b".repeat(32), "GET", "/components", b"").is_problem(401, "invalid-token");
}

#[test]
fn tokens_that_are_no_good_keep_the_host_from_starting_and_are_not_told() {
    let good = "g00d".repeat(8);
    for (bad, why) in [
        (good.clone(), "an entry is not written name=token"),
        (format!("ci={}", &good[..31]), "the token of ci is not 32 or more printable characters"),
        (format!("ci={good},ci={good}x"), "the name ci is taken"),
        (format!("operator={good}"), "the name operator is taken"),
        (format!("probation={good}"), "the name probation is taken"),
        (format!("watch={good}"), "the name watch is taken"),
        (format!("Anna={good}"), "a name is not 1 to 64 of a-z"),
        (format!("a b={good}"), "a name is not 1 to 64 of a-z"),
        (format!("ci={good} {good}"), "the token of ci is not 32 or more printable characters"),
    ] {
        let place = Place::new(&application()).environment("SOUK_ADMIN_TOKENS", &bad);
        let ended = Arc::new(place).refused();
        assert_eq!(ended.code, Some(1));
        assert!(ended.stderr.contains("SOUK_ADMIN_TOKENS: ") && ended.stderr.contains(why), "{why}: {}", ended.stderr);
        assert!(!ended.stderr.contains("g00d") && !ended.stdout.contains("g00d"), "a token is told: {}", ended.stderr);
    }
}

#[test]
fn what_is_not_there_is_404_and_a_wrong_method_says_which_are_right() {
    let operator = Operator::up(&application());
    for (method, target) in [
        ("GET", "/components/nobody"),
        ("PUT", "/components/nobody"),
        ("POST", "/components/nobody/rollback"),
        ("POST", "/components/nobody/stop"),
        ("POST", "/components/nobody/start"),
        ("GET", "/components/nobody/history"),
        ("GET", "/components/"),
    ] {
        operator.ask(method, target, b"").is_problem(404, "unknown-component");
    }
    for target in ["/componentsx", "/components/greeter/", "/components/greeter/kill", "/history/greeter", "/"] {
        operator.ask("GET", target, b"").is_problem(404, "no-route");
    }
    for (method, target, allow) in [
        ("POST", "/components", "GET"),
        ("DELETE", "/components/greeter", "GET, PUT"),
        ("POST", "/components/greeter", "GET, PUT"),
        ("GET", "/components/greeter/rollback", "POST"),
        ("PUT", "/components/greeter/stop", "POST"),
        ("DELETE", "/components/greeter/start", "POST"),
        ("POST", "/components/greeter/history", "GET"),
        ("DELETE", "/history", "GET"),
    ] {
        let answer = operator.ask(method, target, b"");
        answer.is_problem(405, "method-not-allowed");
        assert_eq!(answer.field("allow"), Some(allow), "{method} {target}");
    }
    assert_eq!(operator.get("/history")["history"], Value::Array(Vec::new()));
}

#[test]
fn a_query_that_nobody_would_obey_is_refused_before_the_file_is_looked_at() {
    let operator = Operator::up(&application());
    let file = fs::read(guest("two")).unwrap();
    for (query, why) in [
        ("canary=0", "canary is a number from 1 to 99"),
        ("canary=100", "canary is a number from 1 to 99"),
        ("canary=five", "canary is a number from 1 to 99"),
        ("canary=5%25", "canary is a number from 1 to 99"),
        ("canary", "canary is a number from 1 to 99"),
        ("canary=5&canary=6", "canary is there twice"),
        ("probation_seconds=-1", "probation_seconds is a number from 0 to 604800"),
        ("probation_seconds=604801", "probation_seconds is a number from 0 to 604800"),
        ("probation=60", "probation is unknown; known here: canary, probation_seconds"),
    ] {
        let answer = operator.ask("PUT", &format!("/components/greeter?{query}"), &file);
        answer.is_problem(400, "invalid-query");
        assert_eq!(answer.json()["detail"], why);
    }
    for query in ["limit=0", "limit=1001", "limit=", "since=1"] {
        operator.ask("GET", &format!("/history?{query}"), b"").is_problem(400, "invalid-query");
    }
    assert_eq!((operator.serving("greeter"), operator.history("greeter").len()), (1, 0));
    operator.swap("greeter", "?&", &guest("two"));
}

#[test]
fn the_history_is_told_newest_first_and_no_more_than_was_asked_for() {
    let operator = Operator::up(&application());
    for _ in 0..3 {
        operator.change("echo", "stop");
        operator.change("echo", "start");
    }
    operator.change("greeter", "stop");
    let actions = |target: &str| -> Vec<(Value, Value)> {
        let history = operator.get(target)["history"].as_array().unwrap().clone();
        history.iter().map(|record| (record["component"].clone(), record["action"].clone())).collect()
    };
    assert_eq!(actions("/history?limit=2"), [("greeter".into(), "stop".into()), ("echo".into(), "start".into())]);
    assert_eq!(actions("/components/echo/history?limit=1"), [("echo".into(), "start".into())]);
    assert_eq!((actions("/history").len(), actions("/components/greeter/history").len()), (7, 1));
    let times: Vec<Value> = operator.audit().iter().map(|record| record["time"].clone()).collect();
    assert!(times.is_sorted_by_key(|time| time.as_str().unwrap().to_owned()), "{times:?}");
}

/// 256 MiB and a byte, by its own word: nobody has to send them to hear that they are too many.
#[test]
fn a_file_that_says_that_it_is_too_large_is_refused_before_it_is_sent() {
    let operator = Operator::up(&application());
    let token = &operator.token;
    let head = format!(
        "PUT /components/greeter HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 268435457\r\n\r\n"
    );
    let mut connection = Connection::to(operator.host.admin);
    connection.send(head).unwrap();
    assert!(connection.has_something_within(Duration::from_secs(5)), "the host waits for 256 MiB");
    connection.answer().is_problem(413, "body-too-large");
}

/// The same for who may not send anything: nobody reads what a stranger sends.
#[test]
fn a_stranger_is_refused_before_the_file_is_sent() {
    let operator = Operator::up(&application());
    let mut connection = Connection::to(operator.host.admin);
    connection.send("PUT /components/greeter HTTP/1.1\r\nhost: a\r\ncontent-length: 200000000\r\n\r\n").unwrap();
    assert!(connection.has_something_within(Duration::from_secs(5)), "the host waits for a stranger's body");
    connection.answer().is_problem(401, "not-signed-in");
}

/// A crash leaves half a line, and a reason may hold any character: half of one as well.
#[test]
fn the_history_goes_on_after_a_line_that_a_crash_cut_off() {
    let operator = Operator::up(&application());
    operator.change("echo", "stop");
    operator.change("echo", "start");
    let mut log = OpenOptions::new().append(true).open(operator.host.place.data().join("audit.log")).unwrap();
    log.write_all(b"{\"time\":\"2026-11-21T10:00:00.000Z\",\"who\":\"operator\",\"reason\":\"first \xe2\x86").unwrap();
    operator.change("greeter", "stop");
    operator.change("greeter", "start");
    let answer = operator.ask("GET", "/history", b"");
    assert_eq!(answer.status, 200, "one line that can't be read hides all others: {}", answer.text());
    let history = answer.json()["history"].as_array().unwrap().len();
    assert_eq!(history, 4, "what was written after it is lost: {}", answer.text());
}
