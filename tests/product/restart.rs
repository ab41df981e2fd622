//! What was answered survives the end of the process, however it ends; and the demo can be played again.

use super::{JSON, PRODUCTS, make_category, make_product, product, shop};
use crate::application::Application;
use crate::host::{Host, Place, SOON};
use rustix::process::Signal;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

#[test]
fn what_was_written_is_there_after_a_restart() {
    let place = Arc::new(Place::new(&shop()));
    let host = place.up();
    let path = make_product(&host, 7);
    let before = host.get(&path);
    assert_eq!(host.stop().code(), Some(0));
    let after = place.up().get(&path);
    assert_eq!((after.json(), after.field("etag")), (before.json(), before.field("etag")));
}

#[test]
fn what_was_answered_is_there_after_the_process_was_killed() {
    let place = Arc::new(Place::new(&shop()));
    let host = place.up();
    make_category(&host);
    let stop = AtomicBool::new(false);
    let made: Vec<String> = thread::scope(|scope| {
        let writers: Vec<_> = (0..4).map(|_| scope.spawn(|| write_until(&stop, &host))).collect();
        thread::sleep(Duration::from_millis(500));
        host.signal(Signal::KILL);
        stop.store(true, Ordering::SeqCst);
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert!(!made.is_empty());
    assert!(host.ended_within(SOON).is_some());
    let host = place.up();
    for path in made {
        assert_eq!(host.get(&path).status, 200, "{path} was answered 201 and is gone");
    }
}

/// Makes products one after the other; those that were answered.
fn write_until(stop: &AtomicBool, host: &Host) -> Vec<String> {
    let mut made = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let body = product(1).to_string();
        let Ok(mut connection) = crate::http::Connection::try_to(host.address) else { break };
        let Ok(answer) = connection.try_ask("POST", PRODUCTS, &[JSON], body.as_bytes()) else { break };
        assert_eq!(answer.status, 201, "{}", answer.text());
        made.push(answer.field("location").unwrap().to_owned());
    }
    made
}

/// The shop as it is delivered, with its demo.
fn demo() -> Arc<Place> {
    Arc::new(Place::new(&Application::delivered()).argument("--demo"))
}

/// `demo data: N created, M there already`
fn played(host: &Host) -> (usize, usize) {
    let summary = host.summary();
    let line = summary.lines().find(|line| line.starts_with("demo data: ")).expect(&summary);
    let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn the_demo_played_twice_changes_nothing() {
    let place = demo();
    let host = place.up();
    let (created, present) = played(&host);
    assert!(created > 200 && present == 0, "{created} created, {present} there already");
    let told = "sign in as admin@shop.example with the password ";
    assert!(host.summary().contains(told));
    let list = format!("{PRODUCTS}?size=100&sort=name");
    let before = host.get(&list).json();
    assert!(before["total"].as_u64().unwrap() > 200, "{}", before["total"]);
    assert_eq!(host.stop().code(), Some(0));
    let host = place.up();
    assert_eq!(played(&host), (0, created));
    assert!(!host.summary().contains(told), "only when it is made");
    assert_eq!(host.get(&list).json(), before);
}

#[test]
fn a_demo_that_is_wrong_is_told_with_its_line() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for (text, told) in [
        ("{\"path\": \"/nowhere\", \"body\": {}}\n", "/nowhere"),
        ("\nnonsense\n", "line 2"),
        ("{\"path\": \"/api/v1/categories/a\", \"body\": {}, \"more\": 1}\n", "line 1"),
    ] {
        std::fs::write(file.path(), text).unwrap();
        let ended = Arc::new(Place::new(&shop().demo(file.path())).argument("--demo")).refused();
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert!(ended.stderr.contains("demo") && ended.stderr.contains(told), "{}", ended.stderr);
    }
}
