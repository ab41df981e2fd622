//! The limits that only SQLite has, and what its functions could do about those that every engine has.

use std::time::{Duration, Instant};

use souk_database::contract::{Error, Value};
use souk_database::sqlite::Limits;

use crate::harness::Shop;
use crate::words::text;

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
    assert_too_large(&shop, "SELECT randomblob(2000000000)", &[], "value-bytes");
    assert_too_large(&shop, "SELECT zeroblob(2000000000)", &[], "value-bytes");
    assert_too_large(&shop, "SELECT replace($1, 'a', $1)", &[text(&"a".repeat(60_000))], "value-bytes");
    assert_too_large(&shop, "SELECT $1 || $1", std::slice::from_ref(&megabyte), "value-bytes");
    assert_too_large(&shop, &format!("SELECT 1{}", " + 1".repeat(1_000)), &[], "expression-depth");
    assert_too_large(&shop, &format!("SELECT 1{}", " UNION SELECT 1".repeat(200)), &[], "compound-terms");
    assert_too_large(&shop, &format!("SELECT 1{}", ", 1".repeat(300)), &[], "columns");
    assert_too_large(&shop, "SELECT 'a' LIKE $1", &[text(&"%a".repeat(200))], "like-pattern-bytes");
    let wide = format!("SELECT 1{} FROM ({MILLION})", ", NULL".repeat(200));
    assert_too_large(&shop, &wide, &[], "result-bytes");
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
