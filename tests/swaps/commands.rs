//! `souk swap`, `rollback`, `stop`, `start`, `ps`, `history`: processes of their own that ask the host that runs on the data folder.

use super::{Operator, greeter, guest, visitor};
use crate::application::{Application, Component};
use crate::host::{Ended, Place};
use serde_json::Value;
use std::path::Path;

fn application() -> Application {
    Application::of([greeter(), visitor(), Component::guest("counts").limit("instances_max", 1)])
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs a command on the operator's data folder.
fn run(operator: &Operator, arguments: &[&str]) -> Ended {
    operator.host.place.on_data(arguments)
}

#[track_caller]
fn succeeds(operator: &Operator, arguments: &[&str]) -> String {
    let ended = run(operator, arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// Fails with 1 and one line that begins so.
#[track_caller]
fn fails(operator: &Operator, arguments: &[&str], expected: &str) {
    let ended = run(operator, arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{}", ended.stderr);
    let said = ended.stderr.lines().last().unwrap_or_default();
    assert!(said.starts_with(&format!("error: {expected}")), "{expected} | {}", ended.stderr);
}

#[test]
fn a_swap_and_a_rollback_are_told_in_a_line_each() {
    let operator = Operator::up(&application());
    let swapped = succeeds(&operator, &["swap", "greeter", text(&guest("two"))]);
    let digest = operator.generation("greeter", "serving")["digest"].as_str().unwrap()[..12].to_owned();
    assert!(swapped.starts_with("greeter: swap 1 ("), "{swapped}");
    assert!(swapped.contains(&format!(") → 2 ({digest}) in ")) && swapped.ends_with(" ms\n"), "{swapped}");
    assert_eq!(swapped.lines().count(), 1, "{swapped}");
    operator.host.get("/greeter").is_ok("two");
    let back = succeeds(&operator, &["rollback", "greeter"]);
    assert!(back.starts_with(&format!("greeter: rollback 2 ({digest}) → 1 (")), "{back}");
    operator.host.get("/greeter").is_ok("one");
    let stopped = succeeds(&operator, &["stop", "greeter"]);
    assert!(stopped.starts_with("greeter: stop 1 (") && !stopped.contains('→'), "{stopped}");
    operator.host.get("/greeter").is_problem(503, "component-stopped");
    assert!(succeeds(&operator, &["start", "greeter"]).starts_with("greeter: start 1 ("));
    operator.host.get("/greeter").is_ok("one");
}

#[test]
fn a_swap_with_wait_ends_with_the_probation() {
    let operator = Operator::up(&application());
    let told = succeeds(&operator, &["swap", "greeter", text(&guest("two")), "--probation", "1", "--wait"]);
    assert!(told.ends_with("\ngreeter: its probation is over\n"), "{told}");
    assert_eq!(operator.state("greeter"), "serving");
    let one = guest("one");
    let canary = ["swap", "greeter", text(&one), "--canary", "25%", "--probation", "1", "--wait"];
    let told = succeeds(&operator, &canary);
    assert!(told.contains(": it gets 25 of 100 calls on trial\n") && told.ends_with("is over\n"), "{told}");
    operator.host.get("/greeter").is_ok("one");
}

#[test]
fn a_swap_with_wait_fails_with_the_reason_when_it_was_taken_back() {
    let operator = Operator::up(&application());
    let file = guest("tires");
    let ended = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| run(&operator, &["swap", "counts", text(&file), "--probation", "600", "--wait"]));
        operator.waits_for_state("counts", "probation");
        while operator.state("counts") == "probation" {
            operator.count("/counts", 50, 200);
        }
        waiting.join().unwrap()
    });
    assert_eq!(ended.code, Some(1));
    assert!(ended.stdout.starts_with("counts: swap 1 ("), "{}", ended.stdout);
    let said = ended.stderr.lines().last().unwrap();
    assert!(said.starts_with("error: it was taken back: ") && said.contains("calls failed ("), "{said}");
}

#[test]
fn a_refusal_is_told_and_ends_with_1() {
    let operator = Operator::up(&application());
    let swap = |file: &str| -> [String; 3] { ["swap".to_owned(), "counts".to_owned(), file.to_owned()] };
    for (file, expected) in [
        (text(&guest("mute")).to_owned(), "Unprocessable Entity; component counts: has a route but answers no HTTP"),
        (operator.host.place.manifest().display().to_string(), "Unprocessable Entity; the file is no WebAssembly"),
        ("there/is/none.wasm".to_owned(), "there/is/none.wasm can't be read: No such file or directory"),
    ] {
        let swap = swap(&file);
        fails(&operator, &[&swap[0], &swap[1], &swap[2]], expected);
    }
    let unknown = "Not Found; no component of the application has this name";
    fails(&operator, &["swap", "nobody", text(&guest("two"))], unknown);
    fails(&operator, &["stop", "nobody"], unknown);
    fails(&operator, &["history", "nobody"], unknown);
    fails(&operator, &["rollback", "counts"], "Conflict; nothing served before what serves now");
    fails(&operator, &["start", "counts"], "Conflict; it is not stopped");
    succeeds(&operator, &["stop", "counts"]);
    fails(&operator, &["stop", "counts"], "Conflict; it is stopped already");
    assert_eq!(operator.serving("counts"), 1);
}

#[test]
fn ps_is_a_table_and_the_answer_of_the_host_as_json() {
    let operator = Operator::up(&application());
    assert_eq!(operator.count("/counts", 7, 200), 7);
    operator.host.get("/visits/0").is_ok("one");
    succeeds(&operator, &["swap", "greeter", text(&guest("two"))]);
    succeeds(&operator, &["swap", "counts", text(&guest("tires")), "--canary", "10"]);
    succeeds(&operator, &["stop", "visits"]);
    let table = succeeds(&operator, &["ps"]);
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0][..5], ["COMPONENT", "GEN", "STATE", "DIGEST", "SINCE"], "{table}");
    let shown: Vec<String> = rows[1..].iter().map(|row| row[..3].join(" ")).collect();
    let expected =
        ["greeter 2 probation", "greeter 1 kept", "visits 1 stopped", "counts 1 serving", "counts 2 candidate"];
    assert_eq!(shown, expected, "{table}");
    // The date and the time are two words.
    let head = |name: &str| rows[0].iter().position(|head| *head == name).unwrap() + 1;
    assert_eq!((rows[4][head("REQUESTS")], rows[4][head("5XX")]), ("7", "0"), "{table}");
    assert_eq!(rows[2][head("CALLS")], "1", "{table}");
    assert!(!table.lines().any(|line| line.ends_with(' ')), "{table}");
    let json: Value = serde_json::from_str(&succeeds(&operator, &["ps", "--json"])).unwrap();
    assert_eq!(json["components"][1]["state"], "stopped", "{json}");
    assert_eq!(json["components"][2]["generations"][0]["requests"], 7, "{json}");
}

#[test]
fn the_history_is_told_in_lines_and_as_json() {
    let operator = Operator::up(&application());
    succeeds(&operator, &["swap", "greeter", text(&guest("two"))]);
    run(&operator, &["swap", "greeter", text(&guest("mute"))]);
    succeeds(&operator, &["stop", "counts"]);
    let told = succeeds(&operator, &["history"]);
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines.len() == 3 && lines[0].contains("  operator   counts: stop 1 ("), "{told}");
    assert!(lines[1].contains("greeter: swap refused 2 (") && lines[1].contains("answers no HTTP"), "{told}");
    assert!(lines[2].contains("greeter: swap 1 ("), "{told}");
    let one = succeeds(&operator, &["history", "greeter", "--limit", "1"]);
    assert!(one.lines().count() == 1 && one.contains("swap refused"), "{one}");
    let json: Value = serde_json::from_str(&succeeds(&operator, &["history", "counts", "--json"])).unwrap();
    assert_eq!((&json["history"][0]["action"], json["history"].as_array().unwrap().len()), (&"stop".into(), 1));
}

/// As many as a command may ask for, each with a reason as long as a trap at the start brings it.
#[test]
fn a_long_history_can_be_told() {
    let operator = Operator::up(&application());
    let trapped = run(&operator, &["swap", "counts", text(&guest("stillborn"))]);
    assert_eq!(trapped.code, Some(1));
    let path = operator.host.place.data().join("audit.log");
    let record = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, record.repeat(1_000)).unwrap();
    let told = succeeds(&operator, &["history", "--limit", "1000"]);
    assert_eq!(told.matches("counts: swap refused").count(), 1_000);
}

#[test]
fn a_host_is_found_by_its_address_and_a_token() {
    let operator = Operator::up(&application());
    let address = operator.host.admin.to_string();
    let elsewhere = Place::new(&application()).environment("SOUK_ADMIN_TOKEN", &operator.token);
    let stopped = elsewhere.on_data(&["stop", "counts", "--admin", &address]);
    assert_eq!(stopped.code, Some(0), "{}", stopped.stderr);
    assert_eq!(operator.state("counts"), "stopped");
    let stranger = Place::new(&application()).environment("SOUK_ADMIN_TOKEN", &"x".repeat(64));
    let refused = stranger.on_data(&["start", "counts", "--admin", &address]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("the token is not valid") && !refused.stderr.contains("xxx"), "{}", refused.stderr);
}

#[test]
fn without_a_host_each_command_says_so() {
    let operator = Operator::up(&application());
    let place = std::sync::Arc::clone(&operator.host.place);
    drop(operator);
    let (cold, file) = (Place::new(&application()), guest("two"));
    for place in [&cold, &*place] {
        for arguments in [
            &["ps"][..],
            &["history"],
            &["swap", "greeter", text(&file)],
            &["rollback", "greeter"],
            &["stop", "greeter"],
            &["start", "greeter"],
        ] {
            let ended = place.on_data(arguments);
            assert_eq!(ended.code, Some(1), "{arguments:?}");
            let expected = "error: no host runs on this data folder: start one with `souk up`";
            assert!(ended.stderr.starts_with(expected), "{arguments:?}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_command_line_that_is_wrong_ends_with_2() {
    let place = Place::new(&application());
    for arguments in [
        &["swap"][..],
        &["swap", "greeter"],
        &["swap", "greeter", "x.wasm", "--canary", "0"],
        &["swap", "greeter", "x.wasm", "--canary", "100%"],
        &["swap", "greeter", "x.wasm", "--probation", "604801"],
        &["rollback"],
        &["history", "--limit", "0"],
    ] {
        let ended = place.on_data(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.stderr);
    }
}
