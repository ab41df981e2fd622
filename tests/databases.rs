//! Databases of components: each its own, and safe when the process is killed while many write.

use crate::application::{Application, Component};
use crate::host::{Host, Place, SOON};
use crate::http::Answer;
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

fn asks(id: &str) -> Component {
    Component::guest_as(id, "asks").grant("souk:database/sql")
}

/// What a component is told when it runs this.
fn ask(host: &Host, path: &str, sql: &str) -> Answer {
    host.send("POST", path, &[("content-type", "text/plain")], sql.as_bytes())
}

#[test]
fn no_sql_leads_to_the_database_of_another_component() {
    let host = Host::up(&Application::of([asks("left"), asks("right")]));
    let theirs = host.place.database("right");
    assert_eq!(ask(&host, "/right/transact", "UPDATE secret SET word = 'theirs'").text(), "1");
    let tried = [
        format!("ATTACH '{theirs}' AS theirs"),
        format!("ATTACH DATABASE 'file:{theirs}?mode=ro' AS theirs"),
        "SELECT word FROM right.secret".to_owned(),
        "SELECT word FROM theirs.secret".to_owned(),
        format!("SELECT readfile('{theirs}')"),
        format!("VACUUM INTO '{theirs}'"),
        "PRAGMA temp_store_directory = '/'".to_owned(),
        "SELECT file FROM pragma_database_list".to_owned(),
        "SELECT load_extension('right')".to_owned(),
        format!("CREATE VIRTUAL TABLE theirs USING csv(filename = '{theirs}')"),
        format!("SELECT word FROM \"{theirs}\".public.secret"),
        format!("SELECT * FROM dblink('dbname={theirs}', 'SELECT word FROM secret') AS secret (word TEXT)"),
        format!("SELECT pg_read_file('{theirs}')"),
        format!("COPY secret FROM '{theirs}'"),
        "COPY secret TO PROGRAM 'cat'".to_owned(),
        format!("SET ROLE \"{theirs}\""),
        "SELECT lo_import('/etc/passwd')".to_owned(),
    ];
    for sql in &tried {
        for path in ["/left/query", "/left/transact"] {
            let answer = ask(&host, path, sql);
            assert_eq!(answer.status, 422, "{path} {sql}: {}", answer.text());
            assert!(
                ["denied: ", "invalid: "].iter().any(|case| answer.text().contains(case)),
                "{sql}: {}",
                answer.text()
            );
            assert!(!answer.text().contains("theirs ") || answer.text().contains("syntax"), "{}", answer.text());
        }
    }
    assert_eq!(ask(&host, "/left/query", "SELECT word FROM secret").text(), "untouched");
    assert_eq!(ask(&host, "/right/query", "SELECT word FROM secret").text(), "theirs");
}

#[test]
fn who_asks_for_too_much_is_told_which_limit_it_was_while_others_are_served() {
    let greedy = asks("greedy").database_limit("query-ms", 1_000).database_limit("transaction-ms", 500);
    let host = Host::up(&Application::of([greedy, ledger("ledger")]));
    let numbers =
        |end: u64| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {end})");
    let million = format!("{} SELECT i FROM n", numbers(1_000_000));
    let minute = format!("{} SELECT count(*) FROM n AS a, n AS b, n AS c", numbers(100_000));
    let slow_write = format!(
        "{} INSERT INTO secret (id, word) SELECT a.i + 1, 'x' FROM n AS a, n AS b, n AS c WHERE a.i + b.i + c.i < 0",
        numbers(100_000)
    );
    thread::scope(|scope| {
        let told = [
            ("/greedy/query", million, "too large: more rows than the limit rows, 10000"),
            ("/greedy/query", minute, "too slow: ran longer than the limit query-ms, 1000"),
            (
                "/greedy/padded/10485760",
                "SELECT 1".to_owned(),
                "a statement of 10485768 bytes, the limit sql-bytes is 65536",
            ),
            ("/greedy/transact", slow_write, "ran longer than the limit transaction-ms, 500"),
        ];
        let asked = told.map(|(path, sql, why)| {
            let host = &host;
            scope.spawn(move || {
                let answer = ask(host, path, &sql);
                assert_eq!(answer.status, 422, "{why}: {}", answer.text());
                assert!(answer.text().contains(why), "{why}: {}", answer.text());
            })
        });
        // Until the last of them was cut off.
        let mut served = 0;
        while !asked.iter().all(thread::ScopedJoinHandle::is_finished) {
            assert_eq!(host.send("POST", "/ledger/entries", &[], b"").status, 201);
            assert_eq!(host.get("/ledger/entries/first").text(), "1");
            served += 1;
        }
        assert!(served > 1, "the others were over before anyone was served");
    });
    assert_eq!(ask(&host, "/greedy/query", "SELECT word FROM secret").text(), "untouched", "and it may go on");
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
        assert!(host.ended_within(SOON).is_some());
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect()
    })
}
