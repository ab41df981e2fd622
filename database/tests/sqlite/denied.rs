//! What a component's SQL must not do with what SQLite alone has, in `query`, in `transact` and in migrations.

use souk_database::contract::Error;
use souk_database::sqlite::{Limits, MigrationError, OpenError, Sqlite};

use crate::harness::{Shop, file};
use crate::words::{event, migration, step};

/// Denied to a component, whether it asks to read or to write.
const DENIED: &[&str] = &[
    "ATTACH ':memory:' AS other",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = OFF",
    "PRAGMA user_version = 7",
    "PRAGMA temp_store_directory = '/tmp'",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA database_list",
    "PRAGMA data_version = 3",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM dbstat",
    "VACUUM INTO '/tmp/stolen.db'",
    "BEGIN IMMEDIATE",
    "SELECT load_extension('/tmp/evil.so')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT sqlite_log(1, 'into the log')",
    "SELECT * FROM souk_outbox",
    "SELECT count(*) FROM SOUK_Outbox",
    "SELECT * FROM main.souk_migration",
    "SELECT (SELECT data FROM souk_outbox)",
    "WITH stolen AS (SELECT * FROM souk_outbox) SELECT * FROM stolen",
    "INSERT INTO souk_outbox SELECT * FROM souk_outbox",
    "INSERT INTO product (name) SELECT data FROM souk_outbox",
    "DELETE FROM souk_outbox",
    "UPDATE souk_migration SET checksum = ''",
    "DROP TABLE souk_outbox",
    "SELECT sql FROM sqlite_schema",
    "SELECT sql FROM sqlite_master",
    "UPDATE sqlite_sequence SET seq = 0",
    "SELECT * FROM stolen_view",
    "INSERT INTO messenger VALUES (1)",
    "CREATE TRIGGER extra AFTER INSERT ON product BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE extra USING fts5 (a)",
    // What the host itself says all the time, and has compiled.
    "SELECT count(*) FROM souk_outbox",
    "SELECT number, file, checksum, applied_at FROM souk_migration ORDER BY number",
];

const SCHEMA: &str = "
    CREATE TABLE product (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL);
    CREATE TABLE messenger (id);
    CREATE VIEW stolen_view AS SELECT * FROM souk_outbox;
    CREATE TRIGGER messenger_steals AFTER INSERT ON messenger BEGIN DELETE FROM souk_outbox; END;
";

#[test]
fn a_component_is_denied_what_is_not_its_own() {
    let shop = Shop::open_schema(Limits::default(), SCHEMA);
    shop.publish(vec![step("INSERT INTO product (name) VALUES ('chair')")], vec![event("1", "chair")]).unwrap();
    shop.db.status().unwrap();
    for sql in DENIED {
        let queried = shop.query(sql, &[]).unwrap_err();
        assert!(matches!(queried, Error::Denied(_)), "query {sql}: {queried}");
        let transacted = shop.transact(vec![step(sql)]).unwrap_err();
        assert!(matches!(transacted, Error::Denied(_)), "transact {sql}: {transacted}");
    }
    let chained = shop.query("SELECT 1; DROP TABLE product", &[]).unwrap_err();
    assert!(matches!(chained, Error::Denied(_) | Error::Invalid(_)), "{chained}");
    assert_eq!(shop.number("SELECT count(*) FROM product"), 1, "all is as before");
    assert_eq!(shop.db.status().unwrap().outbox.waiting, 1);
}

#[test]
fn the_schema_tables_can_not_be_written() {
    let shop = Shop::open();
    for sql in [
        "DELETE FROM sqlite_schema",
        "UPDATE sqlite_master SET sql = ''",
        "INSERT INTO sqlite_schema VALUES (1, 2, 3, 4, 5)",
    ] {
        let error = shop.transact(vec![step(sql)]).unwrap_err();
        assert!(matches!(error, Error::Denied(_) | Error::Invalid(_)), "{sql}: {error}");
    }
}

#[test]
fn the_host_s_own_words_are_denied_to_a_component() {
    let shop = Shop::open();
    let insert = "INSERT INTO souk_outbox (id, type, subject, key, time, data, created_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, CAST(unixepoch('subsec') * 1000 AS INTEGER))";
    shop.publish(vec![], vec![event("1", "chair")]).unwrap();
    let error = shop.transact(vec![step(insert)]).unwrap_err();
    assert!(matches!(error, Error::Denied(_)), "compiled already, and yet not for everybody: {error}");
}

#[test]
fn a_migration_is_denied_what_outlives_or_leaves_it() {
    for sql in [
        "ATTACH '/tmp/other.db' AS other",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA writable_schema = ON",
        "CREATE TEMP TRIGGER t AFTER INSERT ON p BEGIN SELECT 1; END",
        "CREATE VIRTUAL TABLE souk_mine USING fts5 (a)",
        "CREATE VIRTUAL TABLE v USING dbstat",
        "DROP TABLE souk_outbox",
        "DROP INDEX souk_outbox_order",
        "ALTER TABLE souk_outbox ADD COLUMN mine",
        "CREATE INDEX mine ON souk_outbox (data)",
        "CREATE TRIGGER mine AFTER INSERT ON souk_outbox BEGIN SELECT 1; END",
        "CREATE TABLE mine (a REFERENCES souk_outbox (sequence))",
        "INSERT INTO souk_outbox VALUES (1, 2, 3, 4, 5, 6, 7, 8)",
        "DELETE FROM souk_migration",
        "UPDATE sqlite_schema SET sql = ''",
        "SELECT load_extension('/tmp/evil.so')",
        "INSERT OR ROLLBACK INTO p VALUES (1), (1)",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let sql = format!("CREATE TABLE p (id INTEGER PRIMARY KEY); {sql}; CREATE TABLE later (a)");
        let result = Sqlite::open(&file(&folder), Limits::default(), &[migration("0001_evil.sql", &sql)]);
        let Err(OpenError::Migration(MigrationError::Failed { file: name, .. })) = result.map(|_| ()) else {
            panic!("{sql}")
        };
        assert_eq!(name, "0001_evil.sql");
        let db = rusqlite::Connection::open(file(&folder)).unwrap();
        let left: i64 = db
            .query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('p', 'later')", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "{sql}: nothing of the file was applied");
    }
}

#[test]
fn a_search_index_over_the_host_s_table_can_not_be_read() {
    let schema = "CREATE VIRTUAL TABLE stolen USING fts5 (data, content = 'souk_outbox', content_rowid = 'sequence');";
    let shop = Shop::open_schema(Limits::default(), schema);
    shop.publish(vec![], vec![event("1", "chair")]).unwrap();
    let rebuilt = shop.transact(vec![step("INSERT INTO stolen (stolen) VALUES ('rebuild')")]);
    assert!(rebuilt.is_err(), "{rebuilt:?}");
    assert!(shop.query("SELECT data FROM stolen", &[]).is_err());
}
