//! Values on their way into the database and back.

use souk_database::contract::{Error, Expectation, Step, Value};

use crate::shop::Shop;
use crate::words::{committed, statement, text};

/// Stores a row of one value of each type.
fn store(values: &[Value]) -> Step {
    let sql = "INSERT INTO sample (id, whole, broken, words, raw) VALUES (1, $1, $2, $3, $4)
        ON CONFLICT (id) DO UPDATE SET whole = $1, broken = $2, words = $3, raw = $4";
    Step { statement: statement(sql, values), expect: Expectation::Exactly(1) }
}

const FETCH: &str = "SELECT whole, broken, words, raw FROM sample";

#[tokio::test]
async fn each_type_comes_back_as_it_went_in() {
    let Some(shop) = Shop::open().await else { return };
    let bytes = |bytes: &[u8]| Value::Bytes(bytes.to_vec());
    for values in [
        [Value::Null, Value::Null, Value::Null, Value::Null],
        [Value::Integer(0), Value::Real(0.0), text(""), bytes(&[])],
        [Value::Integer(i64::MIN), Value::Real(-0.5), text("naïve \u{1f6d2} ' \\ \" $1"), bytes(&[0, 255, 1])],
        [Value::Integer(i64::MAX), Value::Real(f64::INFINITY), text("NULL"), bytes(b"\\x00")],
        [Value::Integer(-1), Value::Real(f64::MIN_POSITIVE), text(" 1 "), bytes(b"text")],
        [Value::Integer(1), Value::Real(f64::MAX), text("1e5"), bytes(&[0xff])],
    ] {
        committed(shop.transact(vec![store(&values)]).await);
        assert_eq!(shop.query(FETCH, &[]).await.unwrap().cells, values);
    }
}

#[tokio::test]
async fn nan_is_refused() {
    let Some(shop) = Shop::open().await else { return };
    let nan = [Value::Null, Value::Real(f64::NAN), Value::Null, Value::Null];
    for error in [
        shop.query("SELECT CAST($1 AS DOUBLE PRECISION)", &nan[1..2]).await.map(drop),
        shop.transact(vec![store(&nan)]).await.map(drop),
    ] {
        assert!(matches!(error, Err(Error::Invalid(_))), "{error:?}");
    }
}

/// Not every engine can hold one, and none may cut the text off there.
#[tokio::test]
async fn a_nul_in_a_text_is_refused() {
    let Some(shop) = Shop::open().await else { return };
    let values = [Value::Null, Value::Null, text("a NUL \0 inside"), Value::Null];
    let error = shop.transact(vec![store(&values)]).await.unwrap_err();
    assert!(matches!(&error, Error::Invalid(text) if text.contains("$3 contains the character NUL")), "{error}");
    assert_eq!(shop.number("SELECT count(*) FROM sample").await, 0);
}
