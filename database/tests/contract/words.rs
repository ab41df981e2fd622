//! Short words for what tests of every engine say often.

use souk_database::contract::{Effect, Error, Event, Expectation, Outcome, Statement, Step, Value};
use souk_database::migration::Migration;

pub(crate) fn migration(file: &str, sql: &str) -> Migration {
    Migration { file: file.into(), sql: sql.into() }
}

pub(crate) fn statement(sql: &str, parameters: &[Value]) -> Statement {
    Statement { sql: sql.into(), parameters: parameters.to_vec() }
}

pub(crate) fn step(sql: &str) -> Step {
    expect(sql, Expectation::Anything)
}

pub(crate) fn expect(sql: &str, expect: Expectation) -> Step {
    Step { statement: statement(sql, &[]), expect }
}

pub(crate) fn event(id: &str, key: &str) -> Event {
    Event {
        id: id.into(),
        r#type: "product.created".into(),
        subject: Some("17".into()),
        key: key.into(),
        time: "2026-11-20T10:00:00Z".into(),
        data: r#"{"price_cents":1299}"#.into(),
    }
}

pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.into())
}

pub(crate) fn committed(result: Result<Outcome, Error>) -> Vec<Effect> {
    match result {
        Ok(Outcome::Committed(effects)) => effects,
        other => panic!("not committed: {other:?}"),
    }
}
