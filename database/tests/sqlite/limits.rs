//! Every limit cuts off what exceeds it, names itself, and leaves the database to the others.

use std::time::{Duration, Instant};

use souk_database::contract::{Error, Value};
use souk_database::sqlite::{Limits, OpenError, Sqlite};

use crate::harness::{Shop, file};
use crate::words::{event, step, text};

const FOR_EVER: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
const MILLION: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000) SELECT i FROM n";

fn assert_too_large(shop: &Shop, sql: &str, parameters: &[Value], limit: &str) {
    let error = shop.query(sql, parameters).unwrap_err();
    let Error::TooLarge(text) = &error else { panic!("{}: {error}", &sql[..sql.len().min(100)]) };
    assert!(text.contains(limit), "`{text}` must name {limit}");
}

#[test]
fn sizes_are_limited() {
    let shop = Shop::open();
    let megabyte = text(&"a".repeat(1 << 20));
    assert_too_large(&shop, MILLION, &[], "rows");
    assert_too_large(&shop, "SELECT randomblob(2000000000)", &[], "value-bytes");
    assert_too_large(&shop, "SELECT zeroblob(2000000000)", &[], "value-bytes");
    assert_too_large(&shop, "SELECT replace($1, 'a', $1)", &[text(&"a".repeat(60_000))], "value-bytes");
    assert_too_large(&shop, "SELECT $1 || $1", std::slice::from_ref(&megabyte), "value-bytes");
    assert_too_large(&shop, "SELECT $1", &[text(&"a".repeat((1 << 20) + 1))], "value-bytes");
    assert_too_large(&shop, "SELECT $1, $1, $1, $1, $1", std::slice::from_ref(&megabyte), "result-bytes");
    assert_too_large(&shop, "SELECT $5", &vec![megabyte; 5], "parameter-bytes");
    assert_too_large(&shop, &format!("SELECT 1 -- {}", "a".repeat(10 << 20)), &[], "sql-bytes");
    assert_too_large(&shop, "SELECT $2000", &vec![Value::Null; 2000], "parameters");
    assert_too_large(&shop, &format!("SELECT 1{}", " + 1".repeat(1_000)), &[], "expression-depth");
    assert_too_large(&shop, &format!("SELECT 1{}", " UNION SELECT 1".repeat(200)), &[], "compound-terms");
    assert_too_large(&shop, &format!("SELECT 1{}", ", 1".repeat(300)), &[], "columns");
    assert_too_large(&shop, "SELECT 'a' LIKE $1", &[text(&"%a".repeat(200))], "like-pattern-bytes");
    let wide = format!("SELECT 1{} FROM ({MILLION})", ", NULL".repeat(200));
    assert_too_large(&shop, &wide, &[], "result-bytes");
}

#[test]
fn a_transaction_is_limited_as_a_whole() {
    let shop = Shop::open_with(Limits { steps: 3, events: 2, event_bytes: 400, ..Limits::default() });
    for (steps, events, limit) in [
        (4, vec![], "steps"),
        (1, vec![event("1", "a"), event("2", "a"), event("3", "a")], "events"),
        (
            1,
            vec![souk_database::contract::Event { data: format!("\"{}\"", "a".repeat(400)), ..event("1", "a") }],
            "event-bytes",
        ),
    ] {
        let error = shop.publish(vec![step("SELECT 1"); steps], events).unwrap_err();
        let Error::TooLarge(text) = &error else { panic!("{limit}: {error}") };
        assert!(text.contains(limit), "{text}");
    }
    let returned = shop.transact(vec![step("SELECT zeroblob(1000000)"); 3]);
    assert!(returned.is_ok(), "{returned:?}");
    let shop = Shop::open();
    let error = shop.transact(vec![step("SELECT zeroblob(1000000)"); 5]).unwrap_err();
    assert!(
        matches!(&error, Error::TooLarge(text) if text.contains("result-bytes")),
        "the steps share one room: {error}"
    );
}

#[test]
fn a_query_without_end_is_too_slow() {
    let shop = Shop::open_with(Limits { query_ms: 100, ..Limits::default() });
    let started = Instant::now();
    let error = shop.query(FOR_EVER, &[]).unwrap_err();
    assert!(matches!(&error, Error::TooSlow(text) if text.contains("query-ms, 100")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(shop.number("SELECT 1"), 1);
}

#[test]
fn a_transaction_without_end_is_too_slow_and_leaves_nothing() {
    let shop = Shop::open_with(Limits { transaction_ms: 100, ..Limits::default() });
    let fill =
        "INSERT INTO product (name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    for sql in [FOR_EVER, fill] {
        let error = shop.transact(vec![step("INSERT INTO product (name) VALUES ('chair')"), step(sql)]).unwrap_err();
        assert!(matches!(&error, Error::TooSlow(text) if text.contains("transaction-ms, 100")), "{sql}: {error}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
}

#[test]
fn functions_that_compare_each_byte_with_each_end_in_time() {
    let shop = Shop::open();
    let (long, half) = ("a".repeat(1 << 20), "a".repeat(1 << 19) + "b");
    let started = Instant::now();
    for sql in ["SELECT instr($1, $2)", "SELECT length(replace($1, $2, 'c'))", "SELECT length(trim($1, $2))"] {
        shop.query(sql, &[text(&long), text(&half)]).unwrap();
    }
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for denied in ["SELECT json_patch('{}', '{}')", "SELECT unhex('00', ' ')"] {
        let error = shop.query(denied, &[]).unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{denied}: {error}");
    }
}

#[test]
fn a_text_of_many_statements_is_refused_without_a_stack_overflow() {
    let shop = Shop::open();
    let error = shop.query(&"SELECT 1;".repeat(7_000), &[]).unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[test]
fn a_short_query_runs_on_the_calling_thread_and_a_long_one_moves() {
    let shop = Shop::open_with(Limits { inline_us: 1_000_000, ..Limits::default() });
    shop.number("SELECT 1");
    assert_eq!((shop.db.totals().queries_inline, shop.db.totals().queries_moved), (1, 0));
    let long = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 50000) SELECT count(*) FROM n";
    for _ in 0..20 {
        assert_eq!(shop.number(long), 50_000);
    }
    assert_eq!((shop.db.totals().queries_inline, shop.db.totals().queries_moved), (1, 20));
}

#[test]
fn limits_that_make_no_sense_are_refused_together() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { rows: 0, readers: 0, ..Limits::default() };
    let Err(OpenError::Limits(faults)) = Sqlite::open(&file(&folder), limits, &[]) else { panic!() };
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn limits_are_read_from_a_configuration() {
    let limits: Limits = serde_json::from_str(r#"{"rows": 5, "query-ms": 50}"#).unwrap();
    assert_eq!(limits, Limits { rows: 5, query_ms: 50, ..Limits::default() });
    assert!(serde_json::from_str::<Limits>(r#"{"rowz": 5}"#).is_err());
}
