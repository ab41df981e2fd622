//! Probation: the host watches what was swapped in, and takes it back by itself if it does worse than the one before. The audit log says what it saw.

use super::{Operator, greeter, guest, number, visitor};
use crate::application::{Application, Component};
use crate::host::SOON;
use serde_json::Value;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Longer than a test takes: what ends such a probation is its fault.
const WATCHED: &str = "?probation_seconds=600";

/// Short, for what is to pass.
const SHORT: &str = "?probation_seconds=1";

/// A slot under `/api` whose limits are lowered so that little has to be asked.
fn api(source: &str) -> Component {
    Component::guest_as("api", source).limit("instances_max", 1).limit("probation_requests_min", 5)
}

fn up(component: Component) -> Operator {
    Operator::up(&Application::of([component, Component::guest("echo")]))
}

/// Asks until the host itself goes back from the second generation to the first; its reason.
#[track_caller]
fn taken_back(operator: &Operator, target: &str) -> String {
    let record = operator.within(SOON, "it is not taken back", || {
        operator.count(target, 10, 200);
        operator.history("api").into_iter().find(|record| record["action"] == "rollback")
    });
    assert_eq!((&record["who"], &record["outcome"]), (&"probation".into(), &"done".into()), "{record}");
    let (from, to) = (number(&record["from"]["generation"]), number(&record["to"]["generation"]));
    assert_eq!((from, to), (2, 1), "{record}");
    assert_eq!((operator.serving("api"), operator.state("api").as_str()), (1, "serving"));
    assert_eq!(operator.audit().pop().unwrap(), record);
    let reason = record["reason"].as_str().unwrap().to_owned();
    operator.host.log_line(&["who=\"probation\"", "component=\"api\"", "Rollback"]);
    reason
}

#[test]
fn what_answers_500_is_taken_back_and_stays_back_after_a_restart() {
    let operator = up(api("counts"));
    operator.swap("api", WATCHED, &guest("tires"));
    assert_eq!(operator.state("api"), "probation");
    assert_eq!(operator.count("/api", 100, 200), 100, "it begins well");
    assert_eq!(operator.serving("api"), 2);
    let reason = taken_back(&operator, "/api");
    assert!(reason.contains("requests and calls failed (") && reason.contains("%, 0 % before)"), "{reason}");
    assert_eq!(operator.count("/api", 20, 200), 20);
    let place = Arc::clone(&operator.host.place);
    drop(operator);
    let later = Operator::at(&place);
    later.host.get("/api").is_ok("1");
    assert_eq!(later.history("api").len(), 2);
}

#[test]
fn what_traps_is_taken_back() {
    let operator = up(api("counts").limit("memory_bytes_max", 12 << 20));
    operator.swap("api", WATCHED, &guest("leaks"));
    let reason = taken_back(&operator, "/api");
    assert!(reason.contains("requests and calls failed"), "{reason}");
    operator.host.log_line(&["a call failed; its instance is gone", "reached_limit=\"memory_bytes_max\""]);
}

#[test]
fn what_does_not_answer_in_time_is_taken_back() {
    let operator = up(api("echo").limit("time_ms_max", 100));
    operator.swap("api", WATCHED, &guest("slow"));
    let reason = taken_back(&operator, "/api/60000");
    assert!(reason.contains("requests and calls failed"), "{reason}");
    operator.host.log_line(&["a call ran out of time", "component=\"api\"", "time_ms_max=100"]);
}

#[test]
fn what_becomes_much_slower_is_taken_back_where_the_manifest_does_not_allow_it() {
    let operator = up(api("echo"));
    assert_eq!(operator.count("/api/100", 100, 200), 100);
    operator.swap("api", WATCHED, &guest("slow"));
    let reason = taken_back(&operator, "/api/100");
    assert!(reason.starts_with("half of its requests take ") && reason.contains("of the one before"), "{reason}");

    let allowed = up(api("echo").limit("probation_slowdown_percent_max", 0));
    assert_eq!(allowed.count("/api/100", 100, 200), 100);
    allowed.swap("api", "?probation_seconds=2", &guest("slow"));
    assert_eq!(allowed.count("/api/100", 8, 200), 8);
    allowed.record("api", "promote", "probation");
    assert_eq!(allowed.serving("api"), 2);
}

#[test]
fn calls_over_a_link_are_looked_at_as_well() {
    let slow = greeter().limit("time_ms_max", 100).limit("probation_requests_min", 5);
    let operator = Operator::up(&Application::of([slow, visitor()]));
    assert_eq!(operator.count("/visits/0", 10, 200), 10);
    operator.swap("greeter", WATCHED, &guest("two"));
    let begun = operator.within(SOON, "it is not taken back", || {
        operator.host.get("/visits/60000");
        operator.history("greeter").into_iter().find(|record| record["action"] == "rollback")
    });
    assert_eq!(begun["who"], "probation", "{begun}");
    operator.host.get("/visits/0").is_ok("one");
}

#[test]
fn what_does_well_is_promoted_and_so_is_what_nobody_asked() {
    let operator = up(api("counts"));
    operator.swap("api", SHORT, &guest("slow"));
    operator.swap("echo", SHORT, &guest("echo"));
    assert_eq!((operator.state("api").as_str(), operator.state("echo").as_str()), ("probation", "probation"));
    assert_eq!(operator.count("/api/1", 20, 200), 20);
    for name in ["api", "echo"] {
        let record = operator.record(name, "promote", "probation");
        assert_eq!(record["reason"], "its probation is over", "{record}");
        assert_eq!((&record["to"]["generation"], &record["outcome"]), (&2.into(), &"done".into()), "{record}");
        assert_eq!((operator.state(name).as_str(), operator.serving(name)), ("serving", 2));
    }
    // It is not watched any more: it may fail as it likes.
    operator.swap("api", "?probation_seconds=0", &guest("tires"));
    assert!(operator.count("/api", 200, 500) >= 90);
    thread::sleep(Duration::from_millis(300));
    assert_eq!((operator.state("api").as_str(), operator.serving("api")), ("serving", 3));
}

#[test]
fn what_fails_no_more_than_the_one_before_is_promoted() {
    let operator = up(api("tires"));
    assert_eq!(operator.count("/api", 200, 500), 100);
    operator.swap("api", SHORT, &guest("tires"));
    assert_eq!(operator.count("/api", 150, 500), 50);
    let record = operator.record("api", "promote", "probation");
    assert_eq!(record["to"]["generation"], 2, "{record}");
}

#[test]
fn the_manifest_says_how_long_is_watched_and_after_how_many_it_is_enough() {
    let operator = up(api("counts").limit("probation_requests_max", 30));
    operator.swap("api", WATCHED, &guest("counts"));
    assert_eq!(operator.count("/api", 29, 200), 29);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(operator.state("api"), "probation");
    assert_eq!(operator.count("/api", 1, 200), 1);
    operator.record("api", "promote", "probation");
    let by_manifest = up(api("counts").limit("probation_ms", 200));
    by_manifest.swap("api", "", &guest("slow"));
    by_manifest.record("api", "promote", "probation");
    let not_at_all = up(api("counts").limit("probation_ms", 0));
    not_at_all.swap("api", "", &guest("slow"));
    assert_eq!(not_at_all.state("api"), "serving");
}

#[test]
fn what_was_not_proven_is_nothing_to_go_back_to() {
    let operator = up(api("counts"));
    operator.swap("api", WATCHED, &guest("slow"));
    operator.swap("api", WATCHED, &guest("echo"));
    let record = operator.change("api", "rollback");
    assert_eq!((&record["from"]["generation"], &record["to"]["generation"]), (&3.into(), &1.into()), "{record}");
    assert_eq!(operator.host.get("/api").text(), "1");
    assert_eq!(operator.state("api"), "serving");
}

#[test]
fn a_rollback_by_hand_ends_the_probation() {
    let operator = up(api("counts"));
    operator.swap("api", SHORT, &guest("slow"));
    let record = operator.change("api", "rollback");
    assert_eq!((&record["who"], &record["action"]), (&"operator".into(), &"rollback".into()), "{record}");
    thread::sleep(Duration::from_millis(1_500));
    let actions: Vec<Value> = operator.history("api").iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["rollback", "swap"], "nobody promotes what does not serve");
    assert_eq!(operator.serving("api"), 1);
}

/// An operator who sees errors, and types `souk rollback` a moment after the host has done it.
#[test]
fn a_rollback_after_the_hosts_own_does_not_serve_the_bad_one_again() {
    let operator = up(api("counts"));
    operator.swap("api", WATCHED, &guest("tires"));
    operator.count("/api", 100, 200);
    taken_back(&operator, "/api");
    operator.post("api", "rollback").is_problem(409, "nothing-to-go-back-to");
    assert_eq!(operator.serving("api"), 1);
}

/// What fails at once is taken back at once, whatever somebody else's component takes its time for.
#[test]
fn a_bad_one_is_taken_back_while_another_component_gets_ready() {
    let patient = Component::guest_as("patient", "counts").limit("ready_ms_max", 4_000);
    let operator = Operator::up(&Application::of([api("counts").limit("memory_bytes_max", 12 << 20), patient]));
    operator.swap("api", WATCHED, &guest("leaks"));
    thread::scope(|scope| {
        let getting_ready = scope.spawn(|| operator.put("patient", "", &guest("unready")));
        operator.within(SOON, "it is not asked", || (operator.status("patient")["step"] == "warming").then_some(()));
        operator.count("/api", 30, 200);
        getting_ready.join().unwrap().is_problem(422, "component-refused");
    });
    operator.record("api", "rollback", "probation");
    let order: Vec<Value> = operator.audit().iter().map(|record| record["component"].clone()).collect();
    assert_eq!(order, ["api", "api", "patient"], "the rollback waited four seconds for somebody else's swap");
}

/// An answer whose head was 200 and whose body a trap cut off is a failed one.
#[test]
fn what_traps_in_the_middle_of_its_answers_is_taken_back() {
    let streams = Component::guest_as("api", "one").limit("probation_requests_min", 5);
    let operator = up(streams);
    operator.swap("api", "?probation_seconds=2", &guest("streams"));
    for _ in 0..10 {
        let mut connection = operator.host.connect_and_send("GET /api/trap HTTP/1.1\r\nhost: a\r\n\r\n");
        assert!(connection.read_answer_to("GET").is_err(), "the body is whole");
    }
    assert_eq!(operator.generation("api", "serving")["traps"], 10);
    let ended = operator.within(SOON, "nothing comes of it", || {
        operator.history("api").into_iter().find(|record| record["who"] == "probation")
    });
    assert_eq!(ended["action"], "rollback", "ten of ten answers were cut off by a trap: {ended}");
}
