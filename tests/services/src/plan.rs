//! How the embedded engine carries statements out. Another engine plans by what is in the tables, and those of tests are empty: ask
//! [`is_telling`] first.

use souk_database::contract::{Database, Expectation, Statement, Step, Transaction, Value};
use souk_kit::database::{Attempt, attempt};

/// Whether the plans of this engine say what it does with full tables.
pub fn is_telling(database: &dyn Database) -> bool {
    database.dialect() == "sqlite"
}

/// The steps of the plan for a statement, such as `SEARCH carts USING INDEX …`; one that begins with `SCAN` looks at all rows.
pub async fn plan(database: &dyn Database, statement: Statement) -> Vec<String> {
    let explained = Statement { sql: format!("EXPLAIN QUERY PLAN {}", statement.sql), ..statement };
    // As a transaction, though nothing is carried out: a query may not even explain a statement that writes.
    let step = Step { statement: explained, expect: Expectation::Anything };
    let outcome = attempt(database, Transaction { steps: vec![step], events: vec![] }).await;
    let Ok(Attempt::Committed(effects)) = outcome else { panic!("a plan can be asked for: {outcome:?}") };
    let texts = effects.into_iter().flat_map(|effect| effect.rows.cells).filter_map(|cell| match cell {
        Value::Text(text) => Some(text),
        _ => None,
    });
    texts.collect()
}
