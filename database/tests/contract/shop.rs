//! A database of the engine under test, as the tests of the contract see it: opened where the engine's harness says, asked in
//! short words.

use souk_database::contract::{Database, Effect, Error, Event, Outcome, Rows, Step, Transaction, Value};
use souk_database::migration::Migration;

use crate::harness::{Applied, Engine, Home, Limits, MigrationError, OpenError, OutboxStatus};
use crate::words::{committed, migration, statement, step};

/// Where a database of the engine lives; gone when this is dropped. This is what a harness says about its engine beside the
/// contract, as its type `Home`.
pub(crate) trait Place: Sized {
    /// A place where no database is yet; none if the engine needs a server and there is none.
    fn find() -> Option<Self>;

    /// Opens the database at this place, while no other holds it.
    async fn open(&self, limits: Limits, migrations: &[Migration]) -> Result<Engine, OpenError>;

    /// Applies migrations to a database that is open.
    async fn migrate(&self, db: &Engine, migrations: &[Migration]) -> Result<Vec<String>, MigrationError>;

    /// The migrations that were applied, and how many events wait.
    async fn status(&self, db: &Engine) -> (Vec<Applied>, OutboxStatus);

    /// The events that wait with their places in the order of publication, in that order, as the host reads them.
    fn waiting(&self) -> Vec<(i64, Event)>;

    /// Removes all events that wait, as their delivery does.
    fn deliver(&self);

    /// Whether the schema has a table of this name.
    fn has_table(&self, name: &str) -> bool;
}

/// A database and its place. The fields are dropped in this order.
pub(crate) struct Shop {
    pub(crate) db: Engine,
    pub(crate) home: Home,
}

/// The same text on every engine.
pub(crate) const SCHEMA: &str = "
    CREATE TABLE product (
        id BIGINT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        stock BIGINT NOT NULL DEFAULT 0 CHECK (stock >= 0)
    );
    CREATE TABLE review (
        id BIGINT NOT NULL PRIMARY KEY,
        product BIGINT NOT NULL REFERENCES product (id),
        later BIGINT REFERENCES product (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE note (id BIGINT NOT NULL PRIMARY KEY, body TEXT NOT NULL);
    CREATE TABLE sample (id BIGINT NOT NULL PRIMARY KEY, whole BIGINT, broken DOUBLE PRECISION, words TEXT, raw BYTEA);
";

impl Shop {
    /// A new database; none if there is no server for it.
    pub(crate) async fn open() -> Option<Self> {
        Self::open_with(Limits::default()).await
    }

    pub(crate) async fn open_with(limits: Limits) -> Option<Self> {
        Self::open_schema(limits, SCHEMA).await
    }

    pub(crate) async fn open_schema(limits: Limits, schema: &str) -> Option<Self> {
        let home = Home::find()?;
        let db = home.open(limits, &[migration("0001_shop.sql", schema)]).await.unwrap();
        Some(Self { db, home })
    }

    pub(crate) async fn query(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        self.db.query(statement(sql, parameters)).await
    }

    pub(crate) async fn transact(&self, steps: Vec<Step>) -> Result<Outcome, Error> {
        self.publish(steps, Vec::new()).await
    }

    pub(crate) async fn publish(&self, steps: Vec<Step>, events: Vec<Event>) -> Result<Outcome, Error> {
        self.db.transact(Transaction { steps, events }).await
    }

    /// Carries out one statement that must be committed.
    pub(crate) async fn run(&self, sql: &str) -> Vec<Effect> {
        committed(self.transact(vec![step(sql)]).await)
    }

    /// The one number that a query returns.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql, &[]).await.unwrap();
        let [Value::Integer(number)] = rows.cells[..] else { panic!("{sql}: {rows:?}") };
        number
    }

    /// How many events wait.
    pub(crate) async fn waiting(&self) -> u64 {
        self.home.status(&self.db).await.1.waiting
    }
}
