//! Databases of components: each its own, and safe when the process is killed while many write.

use crate::application::{Application, Component};
use crate::host::{Host, Place};
use rustix::process::Signal;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Times that the host is killed in the ordinary run, and with `SOUK_LONG=1`.
const KILLS: u64 = 5;
const KILLS_LONG: u64 = 50;

/// Callers that write while it is killed.
const CALLERS: usize = 16;

fn ledger(id: &str) -> Component {
    Component::guest_as(id, "ledger").grant("souk:database/sql")
}

fn count(host: &Host, ledger: &str) -> u64 {
    let answer = host.get(&format!("/{ledger}/entries"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().parse().unwrap()
}

#[test]
fn two_components_of_the_same_code_have_two_databases() {
    let host = Host::up(&Application::of([ledger("left"), ledger("right")]));
    for _ in 0..3 {
        assert_eq!(host.send("POST", "/left/entries", &[], b"").status, 201);
    }
    assert_eq!([count(&host, "left"), count(&host, "right")], [4, 1], "each begins with one");
    assert_eq!(host.get("/right/entries/first").text(), "1");
}

#[test]
fn what_a_guest_was_told_is_committed_survives_every_kill() {
    let place = Arc::new(Place::new(&Application::of([ledger("ledger")])));
    let kills = if std::env::var_os("SOUK_LONG").is_some() { KILLS_LONG } else { KILLS };
    let mut told = BTreeSet::new();
    for round in 0..kills {
        let host = place.up();
        told.extend(write_until_killed(&host, Duration::from_millis(50 + 37 * (round % 7))));
    }
    let host = place.up();
    for id in &told {
        assert_eq!(host.get(&format!("/ledger/entries/{id}")).text(), "1", "{id} was answered 201 and is gone");
    }
    let (there, told) = (count(&host, "ledger") - 1, told.len() as u64);
    let unanswered = kills * CALLERS as u64;
    assert!(told > kills, "hardly anything was written: {told}");
    assert!((told..=told + unanswered).contains(&there), "{there} rows for {told} answers");
}

/// Writes from many callers until the host is killed; the ids that were answered.
fn write_until_killed(host: &Host, after: Duration) -> Vec<String> {
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let mut connection = host.connect();
                    let mut ids = Vec::new();
                    while let Ok(answer) = connection.try_ask("POST", "/ledger/entries", &[], b"") {
                        assert_eq!(answer.status, 201, "{}", answer.text());
                        ids.push(answer.text().to_owned());
                    }
                    assert!(killed.load(Ordering::SeqCst), "a connection broke while the host was alive");
                    ids
                })
            })
            .collect();
        thread::sleep(after);
        killed.store(true, Ordering::SeqCst);
        host.signal(Signal::KILL);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}
