//! Requests that come while files are swapped: none is lost, none is cut off, none is answered in two versions.

use super::{Operator, greeter, guest, meanwhile, unhurried};
use crate::application::{Application, Component};
use crate::http::{Answer, Connection};
use crate::http2;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Swaps of the test under load.
const SWAPS: usize = 16;

/// The guest's own: so many pieces of 1 KiB, one every 100 ms.
const SLOW_BYTES: usize = 20 * 1024;

/// Not longer than needed: the next file has usually been compiled before.
const WATCHED: &str = "?probation_seconds=60";

/// The version that a small answer tells.
fn version(answer: &Answer) -> &'static str {
    assert_eq!(answer.status, 200, "{}", answer.text());
    match answer.text() {
        "one" => "one",
        "two" => "two",
        other => panic!("no version: {other:?}"),
    }
}

/// The version that a slow answer is full of, all of it.
fn slow_version(answer: &Answer) -> &'static str {
    assert_eq!((answer.status, answer.body.len()), (200, SLOW_BYTES), "it was cut off");
    let version = if answer.text().starts_with("one") { "one" } else { "two" };
    let piece: Vec<u8> = version.bytes().cycle().take(1024).collect();
    assert!(answer.body.chunks(1024).all(|found| found == piece), "two versions in one body");
    version
}

#[test]
fn nothing_is_lost_and_nothing_cut_off_while_files_are_swapped_under_load() {
    let operator = Operator::up(&Application::of([unhurried()]));
    let (small, slow) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let kept_alive = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            version(&connection.ask("GET", "/greeter/small", &[], b""));
            small.fetch_add(1, Ordering::SeqCst);
        }
    };
    let reconnects = |stop: &AtomicBool| {
        while !stop.load(Ordering::SeqCst) {
            version(&operator.host.get("/greeter/small"));
            small.fetch_add(1, Ordering::SeqCst);
        }
    };
    let streams = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            slow_version(&connection.ask("GET", "/greeter/slow", &[], b""));
            slow.fetch_add(1, Ordering::SeqCst);
        }
    };
    let over_http_2 = |stop: &AtomicBool| {
        while !stop.load(Ordering::SeqCst) {
            let targets = ["/greeter/small", "/greeter/slow", "/greeter/small", "/greeter/slow"];
            let requests = targets.iter().map(|target| http2::request("GET", target, &[], b"")).collect();
            for (answer, target) in http2::ask(operator.host.address, requests).iter().zip(targets) {
                if target.ends_with("slow") {
                    slow_version(answer)
                } else {
                    version(answer)
                };
            }
        }
    };
    meanwhile(&[&kept_alive, &kept_alive, &reconnects, &streams, &streams, &streams, &over_http_2], || {
        let mut open = operator.host.connect();
        for swap in 0..SWAPS {
            let next = if swap % 2 == 0 { "two" } else { "one" };
            let record = operator.swap("greeter", WATCHED, &guest(next));
            assert_eq!(record["to"]["generation"], swap + 2, "{record}");
            // Whoever comes after the answer is served by the new one, on an old connection and on a new one.
            for _ in 0..3 {
                assert_eq!(version(&open.ask("GET", "/greeter/small", &[], b"")), next);
                assert_eq!(version(&operator.host.get("/greeter/small")), next);
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    assert!(small.load(Ordering::SeqCst) > 100 && slow.load(Ordering::SeqCst) >= 3, "{small:?} {slow:?}");
    let served = operator.generation("greeter", "serving");
    assert_eq!((&served["number"], &served["failures"], &served["traps"]), (&(SWAPS + 1).into(), &0.into(), &0.into()));
}

#[test]
fn an_answer_that_began_before_a_swap_ends_after_it_in_its_old_version() {
    let operator = Operator::up(&Application::of([greeter()]));
    let mut old = operator.host.connect_and_send("GET /greeter/slow HTTP/1.1\r\nhost: a\r\n\r\n");
    let mut older = operator.host.connect_and_send("GET /greeter/slow HTTP/1.1\r\nhost: a\r\n\r\n");
    let (status, _) = old.read_head().unwrap();
    assert_eq!(status, 200);
    operator.within(super::SOON, "both are under way", || {
        (operator.generation("greeter", "serving")["under_way"].as_u64()? >= 2).then_some(())
    });
    operator.swap("greeter", WATCHED, &guest("two"));
    let draining = operator.generation("greeter", "draining");
    assert_eq!(draining["number"], 1, "what serves no more ends what it has begun: {draining}");
    assert_eq!(version(&operator.host.get("/greeter/small")), "two", "before the old answers have ended");
    // Another swap over it: what is under way is two generations old.
    operator.swap("greeter", WATCHED, &guest("one"));
    operator.swap("greeter", WATCHED, &guest("two"));
    let mut body = Vec::new();
    while old.read_chunk(&mut body).unwrap() {}
    assert_eq!(slow_version(&Answer { status: 200, fields: Vec::new(), body }), "one");
    assert_eq!(slow_version(&older.answer()), "one");
    // The connection lives on, and is served by the new one.
    assert_eq!(version(&old.ask("GET", "/greeter/small", &[], b"")), "two");
    operator.within(super::SOON, "nobody drains", || {
        let generations = operator.status("greeter")["generations"].as_array().unwrap().clone();
        generations.iter().all(|generation| generation["under_way"] == 0).then_some(())
    });
}

#[test]
fn a_body_that_is_sent_over_a_swap_arrives_whole_where_it_began() {
    let operator = Operator::up(&Application::of([Component::guest("streams")]));
    let mut connection =
        operator.host.connect_and_send("POST /streams HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n");
    assert_eq!(connection.read_head().unwrap().0, 200);
    let mut body = Vec::new();
    for (piece, next) in ["first", "second", "third"].into_iter().zip([Some("one"), Some("two"), None]) {
        connection.send(format!("{:x}\r\n{piece}\r\n", piece.len())).unwrap();
        while !body.ends_with(piece.as_bytes()) {
            assert!(connection.read_chunk(&mut body).unwrap(), "it ended at {piece}");
        }
        if let Some(next) = next {
            operator.swap("streams", WATCHED, &guest(next));
            operator.host.get("/streams").is_ok(next);
        }
    }
    connection.send("0\r\n\r\n").unwrap();
    while connection.read_chunk(&mut body).unwrap() {}
    assert_eq!(body, b"firstsecondthird");
    assert_eq!(version(&connection.ask("GET", "/streams", &[], b"")), "two");
}

#[test]
fn what_has_not_ended_within_drain_ms_max_is_cut_off_and_the_log_says_so() {
    let operator = Operator::up(&Application::of([greeter()]).limit("drain_ms_max", 300));
    let mut old = operator.host.connect_and_send("GET /greeter/slow HTTP/1.1\r\nhost: a\r\n\r\n");
    old.read_head().unwrap();
    operator.swap("greeter", WATCHED, &guest("two"));
    let line =
        operator.host.log_line(&["WARN", "not all that was under way has ended in time", "component=\"greeter\""]);
    assert!(line.contains("generation=1"), "{line}");
    let mut body = Vec::new();
    let ended = loop {
        match old.read_chunk(&mut body) {
            Ok(true) => {}
            ended => break ended,
        }
    };
    // A client must be able to tell it from an answer that is whole.
    assert!(ended.is_err() && body.len() < SLOW_BYTES, "{ended:?} after {} bytes", body.len());
    assert_eq!(version(&operator.host.get("/greeter/small")), "two");
}

#[test]
fn a_swap_is_done_although_the_client_that_asked_for_it_went_away() {
    // It takes 200 ms to get ready: long enough to leave in the middle.
    let operator = Operator::up(&Application::of([greeter().limit("instances_max", 1)]));
    let mut client = Connection::to(operator.host.admin);
    let file = std::fs::read(guest("hesitates")).unwrap();
    client.send(head(&operator, &file)).unwrap();
    client.send(&file).unwrap();
    operator.within(super::SOON, "the swap is under way", || operator.status("greeter")["step"].as_str().map(drop));
    drop(client);
    let record = operator.record("greeter", "swap", "operator");
    assert_eq!((&record["outcome"], &record["to"]["generation"]), (&"done".into(), &2.into()), "{record}");
    operator.host.get("/greeter").is_ok("3");
    // And it is in nobody's way: its record is written a moment before the next one may begin.
    operator.within(super::SOON, "it never ends", || {
        (operator.put("greeter", "", &guest("one")).status == 200).then_some(())
    });
}

fn head(operator: &Operator, file: &[u8]) -> String {
    let (token, length) = (&operator.token, file.len());
    format!(
        "PUT /components/greeter HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
    )
}

#[test]
fn a_file_of_which_only_a_part_came_changes_nothing() {
    let operator = Operator::up(&Application::of([greeter()]));
    let file = std::fs::read(guest("two")).unwrap();
    let mut client = Connection::to(operator.host.admin);
    client.send(head(&operator, &file)).unwrap();
    client.send(&file[..file.len() / 2]).unwrap();
    drop(client);
    // The next one is not kept waiting by the one that never came.
    assert_eq!(operator.swap("greeter", "", &guest("two"))["from"]["generation"], 1);
    assert_eq!(operator.history("greeter").len(), 1);
}

#[test]
fn many_swaps_leave_no_memory_behind() {
    let operator = Operator::up(&Application::of([greeter()]));
    let swap_ten = || {
        for swap in 0..10 {
            operator.swap("greeter", WATCHED, &guest(if swap % 2 == 0 { "two" } else { "one" }));
            version(&operator.host.get("/greeter/small"));
        }
    };
    swap_ten();
    let before = operator.host.resident_bytes();
    (0..4).for_each(|_| swap_ten());
    let after = operator.host.resident_bytes();
    // The code of one generation and its instance have more than 1 MiB together.
    assert!(after < before + (24 << 20), "{before} bytes before 40 swaps, {after} after");
}

/// Instances that were let go by one change and are wanted again by the next: who serves must keep its own.
#[test]
fn going_back_and_forth_without_a_pause_leaves_the_one_that_serves_whole() {
    let operator = Operator::up(&Application::of([greeter()]).limit("drain_ms_max", 300));
    operator.swap("greeter", "?probation_seconds=0", &guest("two"));
    let keeps_busy = |stop: &AtomicBool| {
        let mut connection = operator.host.connect();
        while !stop.load(Ordering::SeqCst) {
            version(&connection.ask("GET", "/greeter/small", &[], b""));
        }
    };
    let fields = [("authorization", &*format!("Bearer {}", operator.token))];
    meanwhile(&[&keeps_busy, &keeps_busy], || {
        let mut asking = Connection::to(operator.host.admin);
        for _ in 0..60 {
            let answer = asking.ask("POST", "/components/greeter/rollback", &fields, b"");
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        // Longer than drain_ms_max: whoever is taken for one that serves no more would be cut off.
        slow_version(&operator.host.get("/greeter/slow"));
    });
    let mut asking = Connection::to(operator.host.admin);
    for _ in 0..20 {
        for what in ["stop", "start"] {
            let answer = asking.ask("POST", &format!("/components/greeter/{what}"), &fields, b"");
            assert_eq!(answer.status, 200, "{}", answer.text());
        }
        version(&operator.host.get("/greeter/small"));
    }
    slow_version(&operator.host.get("/greeter/slow"));
    operator.within(super::SOON, "it keeps no instance", || {
        version(&operator.host.get("/greeter/small"));
        (super::number(&operator.generation("greeter", "serving")["instances"]) > 0).then_some(())
    });
}

/// Two generations that drain have every instance that there may be: one more swap may be refused, and no request may suffer from it.
#[test]
fn a_swap_while_older_ones_drain_costs_nobody_an_answer() {
    let operator = Operator::up(&Application::of([greeter().limit("instances_max", 2)]));
    let mut open = Vec::new();
    let mut fill = |what: &str| {
        for _ in 0..2 {
            let mut connection = operator.host.connect_and_send("GET /greeter/slow HTTP/1.1\r\nhost: a\r\n\r\n");
            let (status, _) = connection.read_head().unwrap();
            assert_eq!(status, 200, "{what}");
            open.push(connection);
        }
    };
    fill("the first");
    operator.swap("greeter", WATCHED, &guest("two"));
    fill("the second");
    let third = operator.put("greeter", WATCHED, &guest("one"));
    assert!([200, 422].contains(&third.status), "{}", third.text());
    // They wait for an instance: none is refused.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| version(&operator.host.get("/greeter/small")));
        }
    });
    for mut connection in open {
        let mut body = Vec::new();
        while connection.read_chunk(&mut body).unwrap() {}
        slow_version(&Answer { status: 200, fields: Vec::new(), body });
    }
    let record = operator.swap("greeter", WATCHED, &guest("one"));
    assert!(super::number(&record["to"]["generation"]) >= 3, "afterwards there is room: {record}");
}

/// Who reads the log after a deployment has to know whether somebody was cut off.
#[test]
fn the_log_tells_of_nobody_who_was_cut_off_where_nobody_was() {
    let operator = Operator::up(&Application::of([Component::guest("slow")]).limit("drain_ms_max", 300));
    let mut old = operator.host.connect_and_send("GET /slow/2000 HTTP/1.1\r\nhost: a\r\n\r\n");
    operator.within(super::SOON, "it is under way", || {
        (operator.generation("slow", "serving")["under_way"] == 1).then_some(())
    });
    operator.swap("slow", WATCHED, &guest("one"));
    let answer = old.answer();
    let says_cut_off = operator.host.log().contains("a call was cut off");
    assert_eq!(says_cut_off, answer.status != 200, "{answer:?}: {}", operator.host.log());
}
