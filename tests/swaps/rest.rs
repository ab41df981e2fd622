//! One component stops while all others serve, and starts again; and who may change what at the same time as somebody else.

use super::{Operator, greeter, guest, number, visitor};
use crate::application::{Application, Component};
use crate::host::SOON;
use crate::http::Connection;
use serde_json::Value;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The most that a manifest can say: in a test, never again.
const DAY: u32 = 86_400;

fn application() -> Application {
    Application::of([greeter(), visitor(), Component::guest("slow"), Component::guest("echo")])
}

/// It takes some 200 ms to get ready.
fn hesitant(id: &str) -> Component {
    Component::guest_as(id, "counts").limit("instances_max", 1)
}

#[test]
fn who_is_stopped_answers_503_and_everybody_else_as_before() {
    let operator = Operator::up(&application());
    let record = operator.change("greeter", "stop");
    assert_eq!((&record["action"], &record["who"]), (&"stop".into(), &"operator".into()), "{record}");
    assert_eq!(operator.state("greeter"), "stopped");
    for method in ["GET", "POST"] {
        let refused = operator.host.send(method, "/greeter/small", &[], b"");
        refused.is_problem(503, "component-stopped");
        assert_eq!(refused.field("retry-after"), Some("1"));
    }
    // Who calls it over a link hears of it in its own contract.
    let called = operator.host.get("/visits/0");
    assert_eq!((called.status, called.text()), (502, "greeter: it is not there"));
    assert_eq!(operator.host.get("/echo").status, 200);
    assert_eq!(Connection::to(operator.host.admin).ask("GET", "/readyz", &[], b"").status, 200);
    let record = operator.change("greeter", "start");
    assert_eq!(record["action"], "start", "{record}");
    operator.host.get("/greeter/small").is_ok("one");
    operator.host.get("/visits/0").is_ok("one");
    assert_eq!((operator.state("greeter").as_str(), operator.serving("greeter")), ("serving", 1));
    let actions: Vec<Value> = operator.history("greeter").iter().map(|record| record["action"].clone()).collect();
    assert_eq!(actions, ["start", "stop"]);
}

#[test]
fn a_body_that_is_sent_to_who_is_stopped_does_not_end_the_connection() {
    let operator = Operator::up(&application());
    operator.change("echo", "stop");
    let mut connection = operator.host.connect();
    connection.ask("POST", "/echo", &[], &[b'x'; 1_000]).is_problem(503, "component-stopped");
    operator.change("echo", "start");
    assert_eq!(connection.ask("POST", "/echo", &[], b"x").status, 200);
}

#[test]
fn what_is_under_way_at_a_stop_is_answered() {
    let operator = Operator::up(&application());
    let mut waits = operator.host.connect_and_send("GET /slow/1000 HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut streams = operator.host.connect_and_send("GET /greeter/slow HTTP/1.1\r\nhost: a\r\n\r\n");
    for name in ["slow", "greeter"] {
        operator.within(SOON, "nothing is under way", || {
            (number(&operator.generation(name, "serving")["under_way"]) > 0).then_some(())
        });
        operator.change(name, "stop");
        operator.host.get(&format!("/{name}/0")).is_problem(503, "component-stopped");
    }
    waits.answer().is_ok("waited 1000 ms");
    assert_eq!(streams.answer().body.len(), 20 * 1024);
}

#[test]
fn what_is_stopped_or_started_already_is_a_conflict() {
    let operator = Operator::up(&application());
    operator.post("echo", "start").is_problem(409, "not-in-this-state");
    operator.change("echo", "stop");
    operator.post("echo", "stop").is_problem(409, "not-in-this-state");
    operator.change("echo", "start");
    operator.post("echo", "start").is_problem(409, "not-in-this-state");
    operator.post("echo", "rollback").is_problem(409, "nothing-to-go-back-to");
    assert_eq!(operator.history("echo").len(), 2, "what changes nothing is no change");
}

#[test]
fn a_component_can_be_swapped_and_rolled_back_while_it_is_stopped() {
    let operator = Operator::up(&application());
    operator.change("greeter", "stop");
    operator.swap("greeter", "", &guest("two"));
    assert_eq!((operator.state("greeter").as_str(), operator.serving("greeter")), ("stopped", 2));
    operator.host.get("/greeter").is_problem(503, "component-stopped");
    operator.change("greeter", "start");
    operator.host.get("/greeter").is_ok("two");
    operator.change("greeter", "stop");
    operator.change("greeter", "rollback");
    operator.host.get("/greeter").is_problem(503, "component-stopped");
    operator.change("greeter", "start");
    operator.host.get("/greeter").is_ok("one");
    // Nothing of it is cut off because its instances were let go twice.
    assert_eq!(operator.host.get("/greeter/slow").body.len(), 20 * 1024);
}

fn now_ms() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "compared with what the guest read from the same clock")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// When a job was begun, in milliseconds since 1970.
fn begun(operator: &Operator, job: &str) -> Vec<u64> {
    let answer = operator.host.get(&format!("/chores/{job}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().lines().filter_map(|line| line.strip_prefix("begun ")?.parse().ok()).collect()
}

#[test]
fn jobs_rest_while_their_component_does_and_go_on_after_it() {
    let chores = Component::guest("chores").grant("souk:database/sql").job("notes", 1);
    let operator = Operator::up(&Application::of([chores]));
    operator.within(SOON, "no job", || (!begun(&operator, "notes").is_empty()).then_some(()));
    operator.change("chores", "stop");
    let stopped = now_ms();
    thread::sleep(Duration::from_millis(2_500));
    let started = now_ms();
    operator.change("chores", "start");
    let after = operator.within(SOON, "no job after it", || {
        let all = begun(&operator, "notes");
        all.iter().any(|at| *at > started).then_some(all)
    });
    // One that was under way at the stop may end.
    let between = after.iter().filter(|at| (stopped + 300..started).contains(at)).count();
    assert_eq!(between, 0, "{stopped} to {started}: {after:?}");
    assert!(!operator.host.log().contains("a job failed"), "{}", operator.host.log());
}

#[test]
fn jobs_go_on_with_what_was_swapped_in() {
    let chores = Component::guest("chores").grant("souk:database/sql").job("notes", 1);
    let operator = Operator::up(&Application::of([chores]));
    operator.within(SOON, "no job", || (!begun(&operator, "notes").is_empty()).then_some(()));
    operator.swap("chores", "", &guest("chores"));
    let swapped = now_ms();
    operator.within(SOON, "no job after it", || begun(&operator, "notes").iter().any(|at| *at > swapped).then_some(()));
}

#[test]
fn one_component_is_swapped_by_one_at_a_time() {
    let operator = Operator::up(&Application::of([hesitant("api")]));
    operator.swap("api", "?probation_seconds=0", &guest("slow"));
    thread::scope(|scope| {
        let swap = scope.spawn(|| operator.put("api", "", &guest("hesitates")));
        operator.within(SOON, "it is not asked", || (operator.status("api")["step"] == "warming").then_some(()));
        let second = operator.put("api", "", &guest("counts"));
        second.is_problem(409, "swap-under-way");
        assert_eq!(second.field("retry-after"), Some("1"));
        assert_eq!(swap.join().unwrap().status, 200);
    });
    operator.host.get("/api").is_ok("3");
    let actions: Vec<Value> = operator.history("api").iter().map(|record| record["to"]["generation"].clone()).collect();
    assert_eq!(actions, [3, 2]);
    operator.swap("api", "", &guest("counts"));
}

/// An emergency does not wait for a swap that may take minutes; and the swap does not undo what was done in it.
#[test]
fn what_serves_is_taken_back_or_stopped_also_while_a_swap_is_under_way() {
    for what in ["rollback", "stop"] {
        let operator = Operator::up(&Application::of([hesitant("api")]));
        operator.swap("api", "?probation_seconds=0", &guest("slow"));
        thread::scope(|scope| {
            let swap = scope.spawn(|| operator.put("api", "", &guest("hesitates")));
            operator.within(SOON, "it is not asked", || (operator.status("api")["step"] == "warming").then_some(()));
            operator.change("api", what);
            let answer = swap.join().unwrap();
            answer.is_problem(422, "component-refused");
            assert!(answer.text().contains("what serves was changed meanwhile by somebody else"), "{}", answer.text());
        });
        let serving = operator.serving("api");
        assert_eq!(serving, if what == "rollback" { 1 } else { 2 });
        assert_eq!(operator.state("api"), if what == "rollback" { "serving" } else { "stopped" });
    }
}

#[test]
fn different_components_are_swapped_at_the_same_time() {
    let operator = Operator::up(&Application::of([hesitant("left"), hesitant("right")]));
    thread::scope(|scope| {
        let swaps: Vec<_> = ["left", "right"]
            .map(|name| scope.spawn(|| operator.put(name, "", &guest("hesitates"))))
            .into_iter()
            .collect();
        for swap in swaps {
            let answer = swap.join().unwrap();
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
    });
    for name in ["left", "right"] {
        operator.host.get(&format!("/{name}")).is_ok("3");
        assert_eq!(operator.serving(name), 2);
    }
}

#[test]
fn a_host_that_stops_while_a_swap_is_under_way_starts_again_with_what_was_proven() {
    let operator = Operator::up(&Application::of([hesitant("api").limit("ready_ms_max", 60_000)]));
    let place = Arc::clone(&operator.host.place);
    thread::scope(|scope| {
        scope.spawn(|| {
            let file = std::fs::read(guest("unready")).unwrap();
            let token = format!("Bearer {}", operator.token);
            let mut connection = Connection::to(operator.host.admin);
            // Whatever it hears: the host goes down.
            drop(connection.try_ask("PUT", "/components/api", &[("authorization", &token)], &file));
        });
        operator.within(SOON, "it is not asked", || (operator.status("api")["step"] == "warming").then_some(()));
        operator.host.get("/api").is_ok("1");
        operator.host.signal(rustix::process::Signal::TERM);
        let status = operator.host.ended_within(SOON).expect("a swap does not keep the host");
        assert_eq!(status.code(), Some(0));
    });
    drop(operator);
    Operator::at(&place).host.get("/api").is_ok("1");
}

/// A stop of two minutes for some work on the machine must not cost a daily job its day.
#[test]
fn a_job_that_came_due_during_a_stop_comes_soon_after_the_start() {
    let late = (0..15).fold(Component::guest("chores").grant("souk:database/sql"), |chores, number| {
        chores.job(&format!("filler-{number}"), DAY)
    });
    let operator = Operator::up(&Application::of([late.job("notes", DAY)]));
    // Its first call would be 1.6 seconds after the start: the 16th, one every 100 ms.
    operator.change("chores", "stop");
    thread::sleep(Duration::from_millis(2_500));
    operator.change("chores", "start");
    operator.within(SOON / 4, "the job waits for a day", || (!begun(&operator, "notes").is_empty()).then_some(()));
}
