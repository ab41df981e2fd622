//! Values on their way to the types of the server and back.

use souk_database::contract::{Error, Value};

use crate::harness::shop;
use crate::words::text;

#[tokio::test]
async fn a_parameter_comes_back_as_it_went_in_if_a_cast_says_its_type() {
    let Some(shop) = shop().await else { return };
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Real(f64::INFINITY),
        Value::Real(f64::MIN_POSITIVE),
        Value::Real(f64::MAX),
        text("naïve \u{1f6d2} ' \\ \" $1"),
        Value::Bytes(vec![0, 255, 1]),
        text(""),
        Value::Bytes(Vec::new()),
    ];
    let sql = "SELECT $1, $2::BIGINT, $3::FLOAT8, $4::FLOAT8, $5::FLOAT8, $6::FLOAT8, $7, $8::BYTEA, $9, $10::BYTEA";
    for _ in 0..2 {
        let rows = shop.query(sql, &values).await.unwrap();
        assert_eq!(rows.cells, values);
    }
}

#[tokio::test]
async fn types_that_the_contract_does_not_know_become_integers_or_text() {
    let Some(shop) = shop().await else { return };
    for (sql, expected) in [
        ("TRUE", Value::Integer(1)),
        ("FALSE", Value::Integer(0)),
        ("7::SMALLINT", Value::Integer(7)),
        ("7::INTEGER", Value::Integer(7)),
        ("0.1::REAL", Value::Real(0.1)),
        ("'NaN'::FLOAT8", Value::Null),
        ("12345678901234567890.12::NUMERIC(30, 2)", text("12345678901234567890.12")),
        ("TIMESTAMPTZ '2026-11-20T10:00:00+01:00'", text("2026-11-20 09:00:00+00")),
        ("DATE '2026-11-20'", text("2026-11-20")),
        ("'{\"a\": 1}'::JSONB", text("{\"a\": 1}")),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::UUID", text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")),
        ("ARRAY[1, 2]", text("{1,2}")),
        ("'a'::NAME", text("a")),
        ("'ab'::CHAR(3)", text("ab ")),
    ] {
        let rows = shop.query(&format!("SELECT {sql}"), &[]).await.unwrap();
        assert_eq!(rows.cells, [expected], "{sql}");
    }
}

#[tokio::test]
async fn parameters_become_what_the_statement_takes() {
    let Some(shop) = shop().await else { return };
    for (sql, value, expected) in [
        ("SELECT NOT $1::BOOLEAN", Value::Integer(1), Value::Integer(0)),
        ("SELECT $1::SMALLINT + 1", Value::Integer(1), Value::Integer(2)),
        ("SELECT substr('abc', $1)", Value::Integer(2), text("bc")),
        ("SELECT $1::FLOAT8", Value::Integer(3), Value::Real(3.0)),
        ("SELECT $1::NUMERIC", text("1.50"), text("1.50")),
        ("SELECT $1::NUMERIC", Value::Real(1.5), text("1.5")),
        ("SELECT $1::TIMESTAMPTZ", text("2026-11-20T10:00:00Z"), text("2026-11-20 10:00:00+00")),
        ("SELECT $1::JSONB ->> 'a'", text("{\"a\": \"b\"}"), text("b")),
        ("SELECT $1::BIGINT[]", text("{1,2}"), text("{1,2}")),
        ("SELECT count(*) FROM product WHERE id = $1", Value::Integer(1), Value::Integer(0)),
        ("SELECT 1 LIMIT $1", Value::Integer(5), Value::Integer(1)),
    ] {
        let rows = shop.query(sql, &[value]).await.unwrap();
        assert_eq!(rows.cells, [expected], "{sql}");
    }
}

#[tokio::test]
async fn parameters_that_do_not_fit_are_invalid() {
    let Some(shop) = shop().await else { return };
    for (sql, value) in [
        ("SELECT $1", Value::Integer(1)),
        ("SELECT $1", Value::Bytes(vec![1])),
        ("SELECT $1::BOOLEAN", Value::Integer(2)),
        ("SELECT $1::BIGINT", text("1")),
        ("SELECT $1::BIGINT", Value::Real(1.5)),
        ("SELECT $1::SMALLINT", Value::Integer(70_000)),
        ("SELECT $1::BYTEA", text("a")),
        ("SELECT $1::UUID", text("a")),
        ("SELECT $1", text("a NUL \0 inside")),
    ] {
        let error = shop.query(sql, std::slice::from_ref(&value)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql} {value:?}: {error}");
    }
}

#[tokio::test]
async fn what_the_server_can_not_do_with_values_is_invalid() {
    let Some(shop) = shop().await else { return };
    for sql in ["SELECT 1 / 0", "SELECT '{'::JSON", "SELECT 1; SET ROLE admin"] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
    assert_eq!(shop.number("(SELECT 1)").await, 1);
}
