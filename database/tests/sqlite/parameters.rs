//! Parameters are bound by their number, which SQLite does not do by itself.

use souk_database::contract::{Error, Value};

use crate::harness::Shop;
use crate::words::text;

#[test]
fn numbers_decide_not_the_order_of_appearance() {
    let shop = Shop::open();
    for (sql, expected) in [
        ("SELECT $1 || '-' || $2", "one-two"),
        ("SELECT $2 || '-' || $1", "two-one"),
        ("SELECT $2 || $1 || $2", "twoonetwo"),
        ("SELECT $1 || $1 || $2", "oneonetwo"),
        ("SELECT $2", "two"),
    ] {
        for _ in 0..2 {
            let rows = shop.query(sql, &[text("one"), text("two")]).unwrap();
            assert_eq!(rows.cells, [text(expected)], "{sql}");
        }
    }
}

#[test]
fn the_count_must_be_the_highest_number() {
    let shop = Shop::open();
    for (sql, given) in [("SELECT $1", 0), ("SELECT $1", 2), ("SELECT $3", 2), ("SELECT 1", 1)] {
        let error = shop.query(sql, &vec![Value::Null; given]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql} with {given}: {error}");
    }
}

#[test]
fn other_ways_to_write_them_are_refused() {
    let shop = Shop::open();
    for sql in [
        "SELECT ?",
        "SELECT ?1",
        "SELECT :a",
        "SELECT @a",
        "SELECT $a",
        "SELECT $0",
        "SELECT $01",
        "SELECT $1(x)",
        "SELECT $1::x",
    ] {
        let error = shop.query(sql, &[Value::Null]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
}

#[test]
fn nan_is_refused() {
    let error = Shop::open().query("SELECT $1", &[Value::Real(f64::NAN)]).unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[test]
fn a_value_does_not_stay_bound_for_the_next_call() {
    let shop = Shop::open();
    let sql = "SELECT $1 IS NULL, $2 IS NULL";
    shop.query(sql, &[text("secret"), text("secret")]).unwrap();
    let rows = shop.query(sql, &[Value::Null, Value::Null]).unwrap();
    assert_eq!(rows.cells, [Value::Integer(1), Value::Integer(1)]);
}
