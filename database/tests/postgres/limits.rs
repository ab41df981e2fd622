//! Every limit cuts off what exceeds it, names itself, and leaves the database to the others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_database::contract::{Error, Value};
use souk_database::postgres::{Limits, OpenError};

use crate::harness::{Shop, open};
use crate::server::shared;
use crate::words::{event, step, text};

const FOR_EVER: &str = "SELECT count(*) FROM generate_series(1, 1000000000000) AS n";

async fn assert_too_large(shop: &Shop, sql: &str, parameters: &[Value], limit: &str) {
    let error = shop.query(sql, parameters).await.unwrap_err();
    let Error::TooLarge(text) = &error else { panic!("{}: {error}", &sql[..sql.len().min(100)]) };
    assert!(text.contains(limit), "`{text}` must name {limit}");
    assert_eq!(shop.number("SELECT 1").await, 1);
}

#[tokio::test]
async fn sizes_are_limited() {
    let limits = Limits { temp_kib: 1_024, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let megabyte = text(&"a".repeat(1 << 20));
    let started = Instant::now();
    assert_too_large(&shop, "SELECT generate_series(1, 100000000)", &[], "rows").await;
    assert_too_large(&shop, "SELECT repeat('a', 100000000)", &[], "result-bytes").await;
    assert_too_large(&shop, "SELECT repeat('a', 1000) FROM generate_series(1, 10000)", &[], "result-bytes").await;
    assert_too_large(&shop, "SELECT $1", &[text(&"a".repeat((1 << 20) + 1))], "value-bytes").await;
    assert_too_large(&shop, "SELECT $1, $1, $1, $1, $1", std::slice::from_ref(&megabyte), "result-bytes").await;
    assert_too_large(&shop, "SELECT 1", &vec![megabyte; 5], "parameter-bytes").await;
    assert_too_large(&shop, &format!("SELECT 1 -- {}", "a".repeat(10 << 20)), &[], "sql-bytes").await;
    assert_too_large(&shop, "SELECT 1", &vec![Value::Null; 2000], "parameters").await;
    // In `FROM` the server makes all rows before it gives the first, in a file when they are many.
    assert_too_large(&shop, "SELECT n FROM generate_series(1, 100000000) AS n", &[], "temp-kib").await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let most = shop.query("SELECT n FROM generate_series(1, 10000) AS n", &[]).await.unwrap();
    assert_eq!(most.cells.len(), 10_000, "the limit itself is allowed");
    let steps = vec![step("INSERT INTO serial (note) VALUES ('a')"), step("SELECT repeat('a', 5000000)")];
    let error = shop.transact(steps).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge(text) if text.contains("result-bytes")), "{error}");
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 0);
}

#[tokio::test]
async fn a_transaction_is_limited_as_a_whole() {
    let limits = Limits { steps: 3, events: 2, event_bytes: 400, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let long = souk_database::contract::Event { data: format!("\"{}\"", "a".repeat(400)), ..event("1", "a") };
    for (steps, events, limit) in [
        (4, vec![], "steps"),
        (1, vec![event("1", "a"), event("2", "a"), event("3", "a")], "events"),
        (1, vec![long], "event-bytes"),
    ] {
        let error = shop.publish(vec![step("SELECT 1"); steps], events).await.unwrap_err();
        assert!(matches!(&error, Error::TooLarge(text) if text.contains(limit)), "{limit}: {error}");
    }
}

#[tokio::test]
async fn what_has_no_end_is_too_slow_and_leaves_nothing() {
    let limits = Limits { query_ms: 200, transaction_ms: 200, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let started = Instant::now();
    for sql in [FOR_EVER, "SELECT pg_sleep(60)"] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(&error, Error::TooSlow(text) if text.contains("query-ms, 200")), "{error}");
        let steps = vec![step("INSERT INTO serial (note) VALUES ('a')"), step(sql)];
        let error = shop.transact(steps).await.unwrap_err();
        assert!(matches!(&error, Error::TooSlow(text) if text.contains("transaction-ms, 200")), "{error}");
    }
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 0);
}

#[tokio::test]
async fn steps_that_are_each_short_end_together() {
    let limits = Limits { transaction_ms: 300, network_ms: 300, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let mut steps = vec![step("INSERT INTO serial (note) VALUES ('a')")];
    steps.extend((0..50).map(|_| step("SELECT pg_sleep(0.2)")));
    let started = Instant::now();
    let error = shop.transact(steps).await.unwrap_err();
    assert!(matches!(&error, Error::TooSlow(text) if text.contains("transaction-ms, 300")), "{error}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 0);
}

#[tokio::test]
async fn those_who_wait_too_long_or_are_too_many_are_told() {
    let limits = Limits { readers: 1, read_queue: 1, wait_ms: 200, query_ms: 2_000, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let shop = Arc::new(shop);
    let ask = || {
        let shop = Arc::clone(&shop);
        tokio::spawn(async move { shop.query("SELECT pg_sleep(1)", &[]).await })
    };
    let (first, second, third) = (ask(), ask(), ask());
    first.await.unwrap().unwrap();
    for (task, limit) in [(second, "wait-ms"), (third, "read-queue")] {
        let error = task.await.unwrap().unwrap_err();
        assert!(matches!(&error, Error::Unavailable(text) if text.contains(limit)), "{limit}: {error}");
    }
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_together() {
    let Some(server) = shared() else { return };
    let limits = Limits { rows: 0, readers: 0, query_ms: 1 << 40, ..Limits::default() };
    let Err(OpenError::Limits(faults)) = open(&server, "a", limits, &[]).await.map(drop) else { panic!() };
    assert_eq!(faults.len(), 3, "{faults:?}");
}
