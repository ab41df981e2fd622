//! Values and events of any content, through the database and back.

use proptest::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;
use souk_database::contract::{Event, Expectation, Step, Value};

use super::random::check;
use crate::harness::Limits;
use crate::shop::{Place, SCHEMA, Shop};
use crate::words::{committed, statement};

/// A value of each type, or NULL in its place.
type Row = (Value, Value, Value, Value);

#[test]
fn a_value_comes_back_whatever_it_is() {
    let rows = prop::collection::vec((integer(), real(), any_text(), bytes()), 1..30);
    check(40, Limits::default(), SCHEMA, rows, &async |shop: &Shop, rows: Vec<Row>| {
        shop.run("DELETE FROM sample").await;
        let rows: Vec<_> = (0i64..).zip(rows).map(|(id, (a, b, c, d))| [Value::Integer(id), a, b, c, d]).collect();
        let insert = "INSERT INTO sample (id, whole, broken, words, raw) VALUES ($1, $2, $3, $4, $5)
            RETURNING id, whole, broken, words, raw";
        let steps = rows.iter().map(|row| expect_one(insert, row)).collect();
        let returned: Vec<_> =
            committed(shop.transact(steps).await).into_iter().flat_map(|effect| effect.rows.cells).collect();
        let stored = shop.query("SELECT id, whole, broken, words, raw FROM sample ORDER BY id", &[]).await.unwrap();
        // Equal but for the sign of a zero, which SQLite does not store.
        prop_assert_eq!(&returned, rows.as_flattened(), "as returned");
        prop_assert_eq!(&stored.cells, rows.as_flattened(), "as stored");
        // Each also finds itself.
        let find = "SELECT id FROM sample WHERE id = $1 AND (whole = $2 OR whole IS NULL)
            AND (broken = $3 OR broken IS NULL) AND (words = $4 OR words IS NULL) AND (raw = $5 OR raw IS NULL)";
        committed(shop.transact(rows.iter().map(|row| expect_one(find, row)).collect()).await);
        Ok(())
    });
}

#[test]
fn an_event_waits_whatever_it_says() {
    let event = (text_of(1..15), text_of(1..30), prop::option::of(text_of(0..60)), text_of(1..30), text_of(0..60));
    let events = prop::collection::vec(event, 1..20);
    check(20, Limits::default(), SCHEMA, events, &async |shop: &Shop, events| {
        shop.home.deliver();
        let event = |(number, (id, r#type, subject, key, data)): (usize, (String, _, _, _, String))| Event {
            // Unique by its number.
            id: format!("{number}{id}"),
            r#type,
            subject,
            key,
            time: format!("2026-11-20T10:00:{number:02}Z"),
            data: serde_json::to_string(&data).unwrap(),
        };
        let events: Vec<Event> = events.into_iter().enumerate().map(event).collect();
        committed(shop.publish(vec![], events.clone()).await);
        let waiting: Vec<_> = shop.home.waiting().into_iter().map(|(_, event)| event).collect();
        prop_assert_eq!(waiting, events);
        Ok(())
    });
}

fn expect_one(sql: &str, parameters: &[Value]) -> Step {
    Step { statement: statement(sql, parameters), expect: Expectation::Exactly(1) }
}

fn or_null(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop_oneof![1 => Just(Value::Null), 9 => value]
}

fn integer() -> impl Strategy<Value = Value> {
    let edges = [0, 1, i64::MIN, i64::MAX, 1 << 53, (1 << 53) + 1, i32::MIN.into(), i32::MAX.into()];
    or_null(prop_oneof![any::<i64>(), -1_000..1_000i64, prop::sample::select(edges.to_vec())].prop_map(Value::Integer))
}

fn real() -> impl Strategy<Value = Value> {
    let edges = [0.0, -0.0, 0.1, 1.0, -3.0, 5e-324, f64::MIN_POSITIVE, f64::MAX, f64::MIN, f64::EPSILON, 1e15, 1e23];
    let any = POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE;
    or_null(prop_oneof![any, prop::sample::select(edges.to_vec())].prop_map(Value::Real))
}

fn any_text() -> impl Strategy<Value = Value> {
    // What could be taken for something else: quotes, comments, numbers, the ends of statements.
    let odd = "[-'\"\\\\$;/*%_ 0-9xNULe.\t\r\n]{0,12}";
    or_null(prop_oneof![text_of(0..60).boxed(), odd.boxed()].prop_map(Value::Text))
}

fn bytes() -> impl Strategy<Value = Value> {
    or_null(prop::collection::vec(any::<u8>(), 0..100).prop_map(Value::Bytes))
}

/// So many characters of any kind, but not so many that they are more than four times as many bytes; NUL is not among them, which
/// the contract refuses.
fn text_of(chars: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), chars)
        .prop_map(|chars| chars.into_iter().map(|c| if c == '\0' { ' ' } else { c }).collect())
}
