//! Limits that the server has to keep: it must not send, make or run what would exceed them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use souk_database::contract::Error;

use crate::harness::{Home, Limits, OpenError, shop_with};
use crate::shop::{Place, Shop};
use crate::words::step;

const IN_ONE_CALL: &str = "SELECT count(*) FROM generate_series(1, 1000000000000) AS n";

async fn assert_too_large(shop: &Shop, sql: &str, limit: &str) {
    let error = shop.query(sql, &[]).await.unwrap_err();
    let Error::TooLarge(text) = &error else { panic!("{}: {error}", &sql[..sql.len().min(100)]) };
    assert!(text.contains(limit), "`{text}` must name {limit}");
    assert_eq!(shop.number("SELECT 1").await, 1);
}

#[tokio::test]
async fn sizes_are_limited() {
    let limits = Limits { temp_kib: 1_024, ..Limits::default() };
    let Some(shop) = shop_with(limits).await else { return };
    let started = Instant::now();
    assert_too_large(&shop, "SELECT generate_series(1, 100000000)", "rows").await;
    assert_too_large(&shop, "SELECT repeat('a', 100000000)", "result-bytes").await;
    assert_too_large(&shop, "SELECT repeat('a', 1000) FROM generate_series(1, 10000)", "result-bytes").await;
    // In `FROM` the server makes all rows before it gives the first, in a file when they are many.
    assert_too_large(&shop, "SELECT n FROM generate_series(1, 100000000) AS n", "temp-kib").await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let most = shop.query("SELECT n FROM generate_series(1, 10000) AS n", &[]).await.unwrap();
    assert_eq!(most.cells.len(), 10_000, "the limit itself is allowed");
    let steps = vec![step("INSERT INTO serial (note) VALUES ('a')"), step("SELECT repeat('a', 5000000)")];
    let error = shop.transact(steps).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge(text) if text.contains("result-bytes")), "{error}");
    assert_eq!(shop.number("SELECT count(*) FROM serial").await, 0);
}

#[tokio::test]
async fn a_function_that_does_not_return_is_too_slow_and_leaves_nothing() {
    let limits = Limits { query_ms: 200, transaction_ms: 200, ..Limits::default() };
    let Some(shop) = shop_with(limits).await else { return };
    let started = Instant::now();
    for sql in [IN_ONE_CALL, "SELECT pg_sleep(60)"] {
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
    let Some(shop) = shop_with(limits).await else { return };
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
    let Some(shop) = shop_with(limits).await else { return };
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
async fn limits_that_the_server_does_not_know_are_refused() {
    let Some(home) = Home::find() else { return };
    let limits = Limits { query_ms: 1 << 40, temp_kib: 0, ..Limits::default() };
    let Err(OpenError::Limits(faults)) = home.open(limits, &[]).await.map(drop) else { panic!() };
    assert_eq!(faults.len(), 2, "{faults:?}");
}
