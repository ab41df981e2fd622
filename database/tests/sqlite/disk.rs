//! A disk that is full: callers are told, nothing is half-written, and it recovers by itself.

use std::process::Command;

use souk_database::contract::{Error, Outcome};
use souk_database::sqlite::{Limits, Sqlite};

use crate::harness::{SCHEMA, Shop, file};
use crate::words::{event, migration, step};

const FILL: &str = "INSERT INTO product (name) SELECT hex(randomblob(20000)) FROM json_each('[1,2,3]')";

#[test]
fn a_database_at_its_limit_refuses_and_recovers_when_rows_are_deleted() {
    let shop = Shop::open_with(Limits { database_bytes: 2 << 20, ..Limits::default() });
    let error = loop {
        match shop.publish(vec![step(FILL)], vec![]) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let Error::Unavailable(text) = &error else { panic!("{error}") };
    assert!(text.contains("database-bytes, 2097152"), "{text}");
    let count = shop.number("SELECT count(*) FROM product");
    assert_eq!(count % 3, 0, "nothing is half-written");
    assert!(shop.publish(vec![step(FILL)], vec![event("1", "a")]).is_err());
    assert_eq!(shop.db.status().unwrap().outbox.waiting, 0);
    shop.run("DELETE FROM product WHERE id > 3");
    shop.run(FILL);
    assert_eq!(shop.number("SELECT count(*) FROM product"), 6);
}

/// Says that the process is there for one test.
const ALONE: &str = "SOUK_TEST_ALONE";

/// The commit itself fails: the test runs itself again in a process whose files may not grow, which then may again.
#[cfg(target_os = "linux")]
#[test]
fn a_commit_that_fails_is_told_and_the_next_one_works() {
    let test = std::env::current_exe().unwrap();
    // The signal would end the process; ignored, the write fails, as it does on a full disk.
    let script = "trap '' XFSZ; exec \"$0\" --exact --ignored --nocapture disk::in_a_process_whose_files_may_not_grow";
    let output = Command::new("sh").args(["-c", script]).arg(test).env(ALONE, "yes").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "started by the test above in a process of its own"]
fn in_a_process_whose_files_may_not_grow() {
    if std::env::var_os(ALONE).is_none() {
        return; // `--ignored` by hand: the limit would hold for all other tests too.
    }
    let limit = |bytes: &str| {
        let process = std::process::id().to_string();
        let set =
            Command::new("prlimit").args(["--pid", &process, &format!("--fsize={bytes}:unlimited")]).status().unwrap();
        assert!(set.success());
    };
    let shop = Shop::open();
    shop.run(FILL);
    let wal_bytes = shop.db.status().unwrap().wal_bytes;
    limit(&(wal_bytes + 10_000).to_string());
    let calls: Vec<_> =
        (0..20).map(|call| shop.publish(vec![step(FILL)], vec![event(&call.to_string(), "a")])).collect();
    let failed = calls.iter().filter(|call| matches!(call, Err(Error::Unavailable(_)))).count();
    let done = calls.iter().filter(|call| matches!(call, Ok(Outcome::Committed(_)))).count();
    assert!(failed > 0 && failed + done == 20, "{calls:?}");
    assert!(shop.db.totals().commits_failed > 0, "{:?}", shop.db.totals());
    let rows = 3 + 3 * i64::try_from(done).unwrap();
    assert_eq!(shop.number("SELECT count(*) FROM product"), rows, "reading goes on");
    limit("unlimited");
    shop.run(FILL);
    assert_eq!(shop.number("SELECT count(*) FROM product"), rows + 3);
    let events = shop.db.status().unwrap().outbox.waiting;
    assert_eq!(events, done as u64);
    let Shop { db, folder } = shop;
    drop(db);
    let db = Sqlite::open(&file(&folder), Limits::default(), &[migration("0001_shop.sql", SCHEMA)]).unwrap();
    let shop = Shop { db, folder };
    assert_eq!(shop.number("SELECT count(*) FROM product"), rows + 3);
    let db = rusqlite::Connection::open(shop.file()).unwrap();
    let verdict: String = db.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
