//! `souk:database/sql`: the component's own database.
//!
//! The promises stand in `wit/database/database.wit`. Here is only the translation between the contract's types as a component
//! passes them and as the engines know them; which engine answers was decided when the component was loaded.

use super::Sandbox;
use souk_database::contract::{self, Database};
use std::sync::Arc;
use wasmtime::component::{Accessor, HasData, Linker};

mod bindings {
    wasmtime::component::bindgen!({
        path: ["../wit/events", "../wit/database"],
        world: "souk:database/imports",
        imports: {
            "souk:database/sql.query": async | store | trappable,
            "souk:database/sql.transact": async | store | trappable,
            default: trappable,
        },
    });
}

use bindings::souk::database::sql;
use bindings::souk::events::types as events;

/// The name that grants it.
pub(super) const INTERFACE: &str = "souk:database/sql";

struct Capability;

/// What a call reaches.
struct View<'a>(&'a Option<Arc<dyn Database>>);

impl HasData for Capability {
    type Data<'a> = View<'a>;
}

impl View<'_> {
    /// A trap, not an error: a component without the grant was refused before it could call.
    fn database(&self) -> wasmtime::Result<Arc<dyn Database>> {
        self.0.clone().ok_or_else(|| wasmtime::format_err!("the component was not granted {INTERFACE}"))
    }
}

/// Links the contract.
pub(super) fn link(linker: &mut Linker<Sandbox>) -> wasmtime::Result<()> {
    sql::add_to_linker::<_, Capability>(linker, |sandbox| View(&sandbox.database))?;
    events::add_to_linker::<_, Capability>(linker, |sandbox| View(&sandbox.database))
}

impl events::Host for View<'_> {}

impl sql::Host for View<'_> {
    fn dialect(&mut self) -> wasmtime::Result<String> {
        Ok(self.database()?.dialect().to_owned())
    }
}

impl<T: 'static> sql::HostWithStore<T> for Capability {
    async fn query(
        store: &Accessor<T, Self>,
        statement: sql::Statement,
    ) -> wasmtime::Result<Result<sql::Rows, sql::Error>> {
        let database = store.with(|mut access| access.get().database())?;
        let answer = database.query(statement.into()).await;
        Ok(answer.map(Into::into).map_err(Into::into))
    }

    async fn transact(
        store: &Accessor<T, Self>,
        steps: Vec<sql::Step>,
        events: Vec<events::Event>,
    ) -> wasmtime::Result<Result<sql::Outcome, sql::Error>> {
        let database = store.with(|mut access| access.get().database())?;
        let transaction = contract::Transaction {
            steps: steps.into_iter().map(Into::into).collect(),
            events: events.into_iter().map(Into::into).collect(),
        };
        let answer = database.transact(transaction).await;
        Ok(answer.map(Into::into).map_err(Into::into))
    }
}

impl From<sql::Value> for contract::Value {
    fn from(value: sql::Value) -> Self {
        match value {
            sql::Value::Null => Self::Null,
            sql::Value::Integer(number) => Self::Integer(number),
            sql::Value::Real(number) => Self::Real(number),
            sql::Value::Text(text) => Self::Text(text),
            sql::Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl From<contract::Value> for sql::Value {
    fn from(value: contract::Value) -> Self {
        match value {
            contract::Value::Null => Self::Null,
            contract::Value::Integer(number) => Self::Integer(number),
            contract::Value::Real(number) => Self::Real(number),
            contract::Value::Text(text) => Self::Text(text),
            contract::Value::Bytes(bytes) => Self::Bytes(bytes),
        }
    }
}

impl From<sql::Statement> for contract::Statement {
    fn from(statement: sql::Statement) -> Self {
        Self { sql: statement.sql, parameters: statement.parameters.into_iter().map(Into::into).collect() }
    }
}

impl From<sql::Step> for contract::Step {
    fn from(step: sql::Step) -> Self {
        let expect = match step.expect {
            sql::Expectation::Anything => contract::Expectation::Anything,
            sql::Expectation::Exactly(rows) => contract::Expectation::Exactly(rows),
            sql::Expectation::AtLeast(rows) => contract::Expectation::AtLeast(rows),
        };
        Self { statement: step.statement.into(), expect }
    }
}

impl From<events::Event> for contract::Event {
    fn from(event: events::Event) -> Self {
        let events::Event { id, type_, subject, key, time, data } = event;
        Self { id, r#type: type_, subject, key, time, data }
    }
}

impl From<contract::Rows> for sql::Rows {
    fn from(rows: contract::Rows) -> Self {
        Self { columns: rows.columns, cells: rows.cells.into_iter().map(Into::into).collect() }
    }
}

impl From<contract::Outcome> for sql::Outcome {
    fn from(outcome: contract::Outcome) -> Self {
        match outcome {
            contract::Outcome::Committed(effects) => Self::Committed(
                effects
                    .into_iter()
                    .map(|effect| sql::Effect { changed: effect.changed, rows: effect.rows.into() })
                    .collect(),
            ),
            contract::Outcome::Unmet(step) => Self::Unmet(step),
            contract::Outcome::Stale => Self::Stale,
        }
    }
}

impl From<contract::Error> for sql::Error {
    fn from(error: contract::Error) -> Self {
        match error {
            contract::Error::Invalid(text) => Self::Invalid(text),
            contract::Error::Denied(text) => Self::Denied(text),
            contract::Error::Constraint(text) => Self::Constraint(text),
            contract::Error::TooLarge(text) => Self::TooLarge(text),
            contract::Error::TooSlow(text) => Self::TooSlow(text),
            contract::Error::Unavailable(text) => Self::Unavailable(text),
            contract::Error::Undecided(text) => Self::Undecided(text),
            contract::Error::Other(text) => Self::Other(text),
        }
    }
}
