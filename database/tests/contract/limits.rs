//! The limits that every engine has: each cuts off what exceeds it, names itself, and leaves the database to the others.

use std::time::{Duration, Instant};

use souk_database::contract::{Error, Event, Expectation, Step, Value};

use crate::harness::{Home, Limits, OpenError};
use crate::shop::{Place, Shop};
use crate::words::{committed, event, statement, step, text};

const FOR_EVER: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";

async fn assert_too_large(shop: &Shop, sql: &str, parameters: &[Value], limit: &str) {
    let error = shop.query(sql, parameters).await.unwrap_err();
    let Error::TooLarge(text) = &error else { panic!("{}: {error}", &sql[..sql.len().min(100)]) };
    assert!(text.contains(limit), "`{text}` must name {limit}");
    assert_eq!(shop.number("SELECT 1").await, 1);
}

#[tokio::test]
async fn sizes_are_limited() {
    let Some(shop) = Shop::open().await else { return };
    let numbers = |most: u32| {
        format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT i FROM n")
    };
    let megabyte = text(&"a".repeat(1 << 20));
    assert_too_large(&shop, &numbers(10_001), &[], "rows").await;
    assert_too_large(&shop, "SELECT $1", &[text(&"a".repeat((1 << 20) + 1))], "value-bytes").await;
    assert_too_large(&shop, "SELECT $1, $1, $1, $1, $1", std::slice::from_ref(&megabyte), "result-bytes").await;
    assert_too_large(&shop, "SELECT $1, $2, $3, $4, $5", &vec![megabyte; 5], "parameter-bytes").await;
    assert_too_large(&shop, &format!("SELECT 1 -- {}", "a".repeat(64 << 10)), &[], "sql-bytes").await;
    assert_too_large(&shop, "SELECT 1", &vec![Value::Null; 1_001], "parameters").await;
    let most = shop.query(&numbers(10_000), &[]).await.unwrap();
    assert_eq!(most.cells.len(), 10_000, "the limit itself is allowed");
}

#[tokio::test]
async fn a_transaction_is_limited_as_a_whole() {
    let limits = Limits { steps: 3, events: 2, event_bytes: 400, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    let long = Event { data: format!("\"{}\"", "a".repeat(400)), ..event("1", "a") };
    for (steps, events, limit) in [
        (4, vec![], "steps"),
        (1, vec![event("1", "a"), event("2", "a"), event("3", "a")], "events"),
        (1, vec![long], "event-bytes"),
    ] {
        let error = shop.publish(vec![step("SELECT 1"); steps], events).await.unwrap_err();
        assert!(matches!(&error, Error::TooLarge(text) if text.contains(limit)), "{limit}: {error}");
    }
    committed(shop.publish(vec![step("SELECT 1"); 3], vec![event("1", "a"), event("2", "a")]).await);
}

#[tokio::test]
async fn the_steps_of_a_transaction_share_one_room_for_what_they_return() {
    let Some(shop) = Shop::open().await else { return };
    let large = text(&"a".repeat(1_000_000));
    let echo = Step { statement: statement("SELECT $1, $1", &[large]), expect: Expectation::Anything };
    committed(shop.transact(vec![echo.clone(); 2]).await);
    let add = step("INSERT INTO product (id, name) VALUES (1, 'chair')");
    let error = shop.transact([vec![add], vec![echo; 3]].concat()).await.unwrap_err();
    assert!(matches!(&error, Error::TooLarge(text) if text.contains("result-bytes")), "{error}");
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
}

#[tokio::test]
async fn what_has_no_end_is_too_slow_and_leaves_nothing() {
    let Some(shop) = Shop::open_with(Limits { query_ms: 300, transaction_ms: 300, ..Limits::default() }).await else {
        return;
    };
    let started = Instant::now();
    let error = shop.query(FOR_EVER, &[]).await.unwrap_err();
    assert!(matches!(&error, Error::TooSlow(text) if text.contains("query-ms, 300")), "{error}");
    let fill = "INSERT INTO note (id, body)
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i, 'a' FROM n";
    for sql in [FOR_EVER, fill] {
        let steps = vec![step("INSERT INTO product (id, name) VALUES (1, 'chair')"), step(sql)];
        let error = shop.transact(steps).await.unwrap_err();
        assert!(matches!(&error, Error::TooSlow(text) if text.contains("transaction-ms, 300")), "{sql}: {error}");
    }
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
    assert_eq!(shop.number("SELECT count(*) FROM note").await, 0);
}

#[tokio::test]
async fn limits_that_make_no_sense_are_refused_together() {
    let Some(home) = Home::find() else { return };
    let limits = Limits { rows: 0, readers: 0, ..Limits::default() };
    let Err(OpenError::Limits(faults)) = home.open(limits, &[]).await.map(drop) else { panic!() };
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn limits_are_read_from_a_configuration() {
    let limits: Limits = serde_json::from_str(r#"{"rows": 5, "query-ms": 50}"#).unwrap();
    assert_eq!(limits, Limits { rows: 5, query_ms: 50, ..Limits::default() });
    assert!(serde_json::from_str::<Limits>(r#"{"rowz": 5}"#).is_err());
}
