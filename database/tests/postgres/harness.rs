//! Where a database on the server for tests lives, and the schema with which the tests of this engine alone open it.

use std::sync::atomic::{AtomicU32, Ordering};

use souk_database::contract::Event;
use souk_database::migration::Migration;
use souk_database::postgres::Options;

use crate::server::{psql, shared};
use crate::shop::{Place, Shop};

pub(crate) use souk_database::postgres::{
    Applied, Limits, MigrationError, OpenError, OutboxStatus, Postgres as Engine,
};

pub(crate) const DIALECT: &str = "postgres";

/// A component's database on a server.
pub(crate) struct Home {
    pub(crate) server: String,
    pub(crate) component: String,
}

pub(crate) const SCHEMA: &str = "
    CREATE TABLE product (id BIGINT PRIMARY KEY, name TEXT NOT NULL UNIQUE, stock BIGINT NOT NULL DEFAULT 0 CHECK (stock >= 0));
    CREATE TABLE serial (id BIGSERIAL PRIMARY KEY, note TEXT);
    CREATE FUNCTION meddle() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
        SET default_transaction_read_only = off; SET statement_timeout = 0; SET search_path = nowhere; RETURN 1;
    END $$;
";

/// A new database with this engine's own schema; none if there is no server for tests.
pub(crate) async fn shop() -> Option<Shop> {
    shop_with(Limits::default()).await
}

pub(crate) async fn shop_with(limits: Limits) -> Option<Shop> {
    Shop::open_schema(limits, SCHEMA).await
}

/// A name that no other test has.
pub(crate) fn component() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Opens a database of this name on a server of this URL.
pub(crate) async fn open(
    server: &str,
    component: &str,
    limits: Limits,
    migrations: &[Migration],
) -> Result<Engine, OpenError> {
    Engine::open(server, component, Options { limits }, migrations).await
}

/// For callers who are in each other's way: those who wait for one another in a circle find it out soon.
pub(crate) fn crowded() -> Limits {
    Limits { lock_ms: 50, ..Limits::default() }
}

/// A row of the outbox.
type Row = (i64, String, String, Option<String>, String, String, String);

impl Place for Home {
    fn find() -> Option<Self> {
        Some(Self { server: shared()?, component: component() })
    }

    async fn open(&self, limits: Limits, migrations: &[Migration]) -> Result<Engine, OpenError> {
        open(&self.server, &self.component, limits, migrations).await
    }

    async fn migrate(&self, db: &Engine, migrations: &[Migration]) -> Result<Vec<String>, MigrationError> {
        db.migrate(migrations).await
    }

    async fn status(&self, db: &Engine) -> (Vec<Applied>, OutboxStatus) {
        let status = db.status().await.unwrap();
        (status.migrations, status.outbox)
    }

    fn waiting(&self) -> Vec<(i64, Event)> {
        // In hexadecimal digits: psql leaves out characters that it thinks nobody wants to see.
        let digits = self.as_host(
            "SELECT encode(convert_to(coalesce(
                json_agg(json_build_array(sequence, id, type, subject, key, time, data) ORDER BY sequence), '[]'
             )::TEXT, 'UTF8'), 'hex') FROM souk.souk_outbox",
        );
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let json: Vec<u8> = (0..digits.len()).step_by(2).map(byte).collect();
        let rows: Vec<Row> = serde_json::from_slice(&json).unwrap();
        let event = |(sequence, id, r#type, subject, key, time, data): Row| {
            (sequence, Event { id, r#type, subject, key, time, data })
        };
        rows.into_iter().map(event).collect()
    }

    fn deliver(&self) {
        self.as_host("DELETE FROM souk.souk_outbox");
    }

    fn has_table(&self, name: &str) -> bool {
        self.as_host(&format!("SELECT count(*) FROM pg_class WHERE relname = '{name}'")) != "0"
    }
}

impl Home {
    /// The URL with which the administrator logs in to this database.
    pub(crate) fn url(&self) -> String {
        in_database(&self.server, &format!("souk_{}", self.component))
    }

    /// What the administrator sees in this database.
    pub(crate) fn as_host(&self, sql: &str) -> String {
        psql(&self.url(), sql).unwrap()
    }

    /// The URL with which the component's role logs in to a database.
    pub(crate) fn login(&self, role: &str, database: &str) -> String {
        let password = self.as_host("SELECT value FROM souk.souk_secret WHERE name = 'password'");
        let (_, place) = self.server.rsplit_once('@').unwrap();
        in_database(&format!("postgres://{role}:{password}@{place}"), database)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let name = format!("souk_{}", self.component);
        let _ = psql(&self.server, &format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        let _ = psql(&self.server, &format!("DROP ROLE IF EXISTS \"{name}\", \"{name}.owner\""));
    }
}

/// The same server and login, another database.
pub(crate) fn in_database(url: &str, database: &str) -> String {
    let (place, _) = url.rsplit_once('/').unwrap();
    format!("{place}/{database}")
}
