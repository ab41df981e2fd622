//! A database in a folder that is removed afterwards, and its calls in short words, for tests that need no runtime.

use std::path::PathBuf;

use futures_executor::block_on;
use souk_database::contract::{Database, Effect, Error, Event, Outcome, Rows, Step, Transaction, Value};
use souk_database::migration::Migration;
use souk_database::sqlite::Sqlite;

use crate::shop::Place;
use crate::words::{committed, migration, statement, step};

pub(crate) use souk_database::sqlite::{Applied, Limits, MigrationError, OpenError, OutboxStatus, Sqlite as Engine};

pub(crate) const DIALECT: &str = "sqlite";

/// For callers who are in each other's way: some share a commit, and some have to wait for the next one.
pub(crate) fn crowded() -> Limits {
    Limits { group_transactions: 4, ..Limits::default() }
}

/// A folder with a component's database.
pub(crate) struct Home(tempfile::TempDir);

impl Place for Home {
    fn find() -> Option<Self> {
        Some(Self(tempfile::tempdir().unwrap()))
    }

    async fn open(&self, limits: Limits, migrations: &[Migration]) -> Result<Engine, OpenError> {
        Engine::open(&file(&self.0), limits, migrations)
    }

    async fn migrate(&self, db: &Engine, migrations: &[Migration]) -> Result<Vec<String>, MigrationError> {
        db.migrate(migrations.to_vec()).await
    }

    async fn status(&self, db: &Engine) -> (Vec<Applied>, OutboxStatus) {
        let status = db.status().unwrap();
        (status.migrations, status.outbox)
    }

    fn waiting(&self) -> Vec<(i64, Event)> {
        let db = rusqlite::Connection::open(file(&self.0)).unwrap();
        let sql = "SELECT sequence, id, type, subject, key, time, data FROM souk_outbox ORDER BY sequence";
        let mut select = db.prepare(sql).unwrap();
        let rows = select.query_map([], |row| {
            let (id, r#type, subject) = (row.get(1)?, row.get(2)?, row.get(3)?);
            let (key, time, data) = (row.get(4)?, row.get(5)?, row.get(6)?);
            Ok((row.get(0)?, Event { id, r#type, subject, key, time, data }))
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn deliver(&self) {
        rusqlite::Connection::open(file(&self.0)).unwrap().execute("DELETE FROM souk_outbox", []).unwrap();
    }

    fn has_table(&self, name: &str) -> bool {
        let db = rusqlite::Connection::open(file(&self.0)).unwrap();
        db.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1").unwrap().exists([name]).unwrap()
    }
}

/// A database and its folder.
pub(crate) struct Shop {
    pub(crate) db: Sqlite,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) const SCHEMA: &str = "
    CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock INTEGER NOT NULL DEFAULT 0 CHECK (stock >= 0));
    CREATE TABLE review (
        id INTEGER PRIMARY KEY,
        product INTEGER NOT NULL REFERENCES product (id),
        later INTEGER REFERENCES product (id) DEFERRABLE INITIALLY DEFERRED
    );
    CREATE TABLE trap (id INTEGER PRIMARY KEY);
    CREATE TRIGGER trap_rolls_back BEFORE INSERT ON trap BEGIN SELECT RAISE(ROLLBACK, 'trapped'); END;
";

impl Shop {
    pub(crate) fn open() -> Self {
        Self::open_with(Limits::default())
    }

    pub(crate) fn open_with(limits: Limits) -> Self {
        Self::open_schema(limits, SCHEMA)
    }

    pub(crate) fn open_schema(limits: Limits, schema: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Sqlite::open(&file(&folder), limits, &[migration("0001_shop.sql", schema)]).unwrap();
        Self { db, folder }
    }

    pub(crate) fn file(&self) -> PathBuf {
        file(&self.folder)
    }

    pub(crate) fn query(&self, sql: &str, parameters: &[Value]) -> Result<Rows, Error> {
        block_on(self.db.query(statement(sql, parameters)))
    }

    pub(crate) fn transact(&self, steps: Vec<Step>) -> Result<Outcome, Error> {
        block_on(self.db.transact(Transaction { steps, events: Vec::new() }))
    }

    pub(crate) fn publish(&self, steps: Vec<Step>, events: Vec<Event>) -> Result<Outcome, Error> {
        block_on(self.db.transact(Transaction { steps, events }))
    }

    /// Carries out one statement that must be committed.
    pub(crate) fn run(&self, sql: &str) -> Vec<Effect> {
        committed(self.transact(vec![step(sql)]))
    }

    /// The one number that a query returns.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let rows = self.query(sql, &[]).unwrap();
        let [Value::Integer(number)] = rows.cells[..] else { panic!("{sql}: {rows:?}") };
        number
    }

    /// A number out of the host's own tables, as an operator would read it.
    pub(crate) fn host_number(&self, sql: &str) -> i64 {
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        rusqlite::Connection::open_with_flags(self.file(), flags).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

pub(crate) fn file(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("data").join("product.db")
}
