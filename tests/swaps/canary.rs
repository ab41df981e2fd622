//! Canaries: a share of the calls first, exactly; all of them, watched, when it did well; none any more when it did not.

use super::{Operator, greeter, guest, number, visitor};
use crate::application::{Application, Component};
use crate::host::SOON;
use serde_json::Value;

/// Longer than a test takes.
const TENTH: &str = "?canary=10&probation_seconds=600";

fn application() -> Application {
    Application::of([greeter(), visitor()])
}

/// Which version answers each of so many requests, one after the other.
fn versions(operator: &Operator, target: &str, times: usize) -> Vec<String> {
    let mut connection = operator.host.connect();
    let ask = |_| {
        let answer = connection.ask("GET", target, &[], b"");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text().to_owned()
    };
    (0..times).map(ask).collect()
}

fn count(versions: &[String], version: &str) -> usize {
    versions.iter().filter(|found| *found == version).count()
}

#[test]
fn a_candidate_gets_exactly_its_share_of_requests_and_of_calls() {
    let operator = Operator::up(&application());
    let record = operator.swap("greeter", TENTH, &guest("two"));
    assert_eq!(record["reason"], "it gets 10 of 100 calls on trial", "{record}");
    assert_eq!(operator.state("greeter"), "canary");
    let answered = versions(&operator, "/greeter", 300);
    assert_eq!((count(&answered, "two"), count(&answered, "one")), (30, 270));
    let (candidate, serving) = (operator.generation("greeter", "candidate"), operator.generation("greeter", "serving"));
    assert_eq!((&candidate["number"], &candidate["requests"]), (&2.into(), &30.into()), "{candidate}");
    assert_eq!((&serving["number"], &serving["requests"]), (&1.into(), &270.into()), "{serving}");
    // Spread: nobody waits for more than ten.
    assert!(answered.chunks(10).all(|ten| count(ten, "two") == 1), "{answered:?}");
    let called = versions(&operator, "/visits/0", 100);
    assert_eq!(count(&called, "two"), 10);
    assert_eq!(operator.generation("greeter", "candidate")["calls"], 10);
}

#[test]
fn a_candidate_that_does_well_gets_all_calls_and_is_watched_on_and_stays_then() {
    let operator = Operator::up(&application());
    operator.swap("greeter", "?canary=50&probation_seconds=1", &guest("two"));
    let answered = versions(&operator, "/greeter", 20);
    assert!(count(&answered, "two") <= 20 && count(&answered, "one") >= 1, "{answered:?}");
    operator.waits_for_state("greeter", "probation");
    assert_eq!(count(&versions(&operator, "/greeter", 10), "two"), 10);
    operator.waits_for_state("greeter", "serving");
    assert_eq!(count(&versions(&operator, "/greeter", 10), "two"), 10);
    // The last record is written a moment after the change that it tells of.
    operator.within(SOON, "it is not told", || (operator.history("greeter").len() == 3).then_some(()));
    let reasons: Vec<Value> = operator.history("greeter").iter().map(|record| record["reason"].clone()).collect();
    let all = "its share was answered well: it gets all calls, and is watched on";
    assert_eq!(reasons, ["its probation is over", all, "it gets 50 of 100 calls on trial"]);
    let history = operator.history("greeter");
    let whos: Vec<&str> = history.iter().map(|record| record["who"].as_str().unwrap()).collect();
    assert_eq!(whos, ["probation", "probation", "operator"]);
    assert_eq!(history[1]["from"]["generation"], 1, "{}", history[1]);
    let record = operator.change("greeter", "rollback");
    assert_eq!(record["to"]["generation"], 1, "{record}");
}

#[test]
fn a_bad_candidate_is_taken_back_and_nobody_saw_more_of_it_than_its_share() {
    let api = Component::guest_as("api", "counts").limit("memory_bytes_max", 6 << 20);
    let operator = Operator::up(&Application::of([api.limit("probation_requests_min", 5)]));
    operator.swap("api", "?canary=20&probation_seconds=600", &guest("leaks"));
    let (mut asked, mut failed) = (0, 0);
    let mut connection = operator.host.connect();
    while operator.state("api") == "canary" {
        for _ in 0..100 {
            asked += 1;
            failed += usize::from(connection.ask("GET", "/api", &[], b"").status != 200);
        }
        assert!(asked < 20_000, "it is not taken back");
    }
    let record = operator.record("api", "rollback", "probation");
    assert!(record["reason"].as_str().unwrap().contains("requests and calls failed"), "{record}");
    assert_eq!((&record["from"]["generation"], &record["to"]["generation"]), (&2.into(), &1.into()), "{record}");
    assert!(failed > 0 && failed <= asked / 5, "{failed} of {asked}");
    assert_eq!((operator.serving("api"), operator.count("/api", 200, 200)), (1, 200));
    operator.post("api", "rollback").is_problem(409, "nothing-to-go-back-to");
}

#[test]
fn a_rollback_during_a_canary_takes_the_share_back() {
    let operator = Operator::up(&application());
    operator.swap("greeter", TENTH, &guest("two"));
    let record = operator.change("greeter", "rollback");
    assert_eq!((&record["from"]["generation"], &record["to"]["generation"]), (&2.into(), &1.into()), "{record}");
    assert_eq!(operator.state("greeter"), "serving");
    assert_eq!(count(&versions(&operator, "/greeter", 100), "one"), 100);
    // It never served all: there is nothing before the one that serves.
    operator.post("greeter", "rollback").is_problem(409, "nothing-to-go-back-to");
    operator.swap("greeter", TENTH, &guest("two"));
    assert_eq!(number(&operator.generation("greeter", "candidate")["number"]), 3);
}

#[test]
fn a_swap_during_a_canary_is_refused_and_the_canary_goes_on() {
    let operator = Operator::up(&application());
    operator.swap("greeter", TENTH, &guest("two"));
    let why = operator.refused("greeter", &std::fs::read(guest("one")).unwrap());
    assert_eq!(why, "another candidate is on trial: wait for its end, or roll it back");
    assert_eq!(count(&versions(&operator, "/greeter", 100), "two"), 10);
    // Another component is none of its business.
    operator.swap("visits", "", &guest("visits"));
    assert_eq!(operator.state("greeter"), "canary");
}

#[test]
fn a_restart_during_a_canary_serves_what_was_proven_to_all() {
    let operator = Operator::up(&application());
    operator.swap("greeter", "?canary=99&probation_seconds=600", &guest("two"));
    let place = std::sync::Arc::clone(&operator.host.place);
    drop(operator);
    let later = Operator::at(&place);
    assert_eq!(count(&versions(&later, "/greeter", 100), "one"), 100);
    assert_eq!(later.state("greeter"), "serving");
}

#[test]
fn a_stop_during_a_canary_stops_both_and_a_start_serves_both() {
    let operator = Operator::up(&application());
    operator.swap("greeter", TENTH, &guest("two"));
    operator.change("greeter", "stop");
    assert_eq!(operator.count("/greeter", 20, 503), 20);
    operator.change("greeter", "start");
    assert_eq!(count(&versions(&operator, "/greeter", 100), "two"), 10);
}

/// As above: who starts it again expects a tenth for the candidate, or to have been told.
#[test]
fn a_canary_of_who_is_stopped_is_refused_or_gets_its_share() {
    let operator = Operator::up(&application());
    operator.change("greeter", "stop");
    let answer = operator.put("greeter", TENTH, &guest("two"));
    operator.change("greeter", "start");
    let share = count(&versions(&operator, "/greeter", 100), "two");
    let expected = if answer.status == 200 { 10 } else { 0 };
    assert_eq!(share, expected, "{}", answer.text());
}

/// A share is a trial, and without a probation there is none: all calls would go to it at once, which nobody has asked for.
#[test]
fn a_canary_without_a_probation_is_refused() {
    let operator = Operator::up(&application());
    let answer = operator.put("greeter", "?canary=10&probation_seconds=0", &guest("two"));
    assert_eq!(operator.serving("greeter"), 1, "all calls go to what was to get a tenth: {}", answer.text());
    assert!([400, 409, 422].contains(&answer.status), "{}", answer.text());
}

/// As above, where the one that serves is the bad one.
#[test]
fn a_bad_one_on_probation_is_taken_back_and_not_the_canary_beside_it() {
    let api = Component::guest_as("api", "counts").limit("memory_bytes_max", 6 << 20);
    let operator = Operator::up(&Application::of([api.limit("probation_requests_min", 5)]));
    operator.swap("api", "?probation_seconds=600", &guest("leaks"));
    if operator.put("api", "?canary=1&probation_seconds=600", &guest("slow")).status != 200 {
        return;
    }
    operator.within(SOON, "nothing is taken back", || {
        operator.count("/api", 10, 200);
        operator.history("api").into_iter().find(|record| record["action"] == "rollback")
    });
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_ne!(operator.serving("api"), 2, "what fails serves on: {}", operator.get("/history"));
}

/// The one that serves is on probation itself. Whatever the host makes of that (it may refuse), it must not lose one of them.
#[test]
fn the_end_of_a_probation_leaves_a_canary_beside_it_alone() {
    let operator = Operator::up(&application());
    operator.swap("greeter", "?probation_seconds=2", &guest("two"));
    if operator.put("greeter", TENTH, &guest("one")).status != 200 {
        return;
    }
    operator.record("greeter", "promote", "probation");
    assert_eq!(operator.serving("greeter"), 2);
    assert_eq!(operator.state("greeter"), "canary", "{}", operator.status("greeter"));
    assert_eq!(count(&versions(&operator, "/greeter", 100), "one"), 10);
}
