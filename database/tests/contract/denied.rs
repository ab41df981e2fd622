//! What a component's SQL must not do on any engine. What one of them alone could do stands in its own `denied`.

use souk_database::contract::Error;

use crate::harness::{Home, Limits, MigrationError, OpenError};
use crate::shop::{Place, Shop};
use crate::words::{migration, step};

/// Denied in `query` and in `transact`.
pub(crate) const DENIED: &[&str] = &[
    // Transactions.
    "BEGIN",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT souk",
    "RELEASE souk",
    "ROLLBACK TO souk",
    "/* SELECT */ COMMIT",
    "-- SELECT\nCOMMIT",
    // Files and settings.
    "ATTACH '/etc/passwd' AS other",
    "DETACH main",
    "PRAGMA foreign_keys = OFF",
    "VACUUM",
    "ANALYZE",
    "REINDEX",
    // The schema.
    "CREATE TABLE extra (id BIGINT)",
    "CREATE TEMP TABLE extra (id BIGINT)",
    "CREATE VIEW extra AS SELECT 1",
    "CREATE INDEX extra ON product (stock)",
    "ALTER TABLE product ADD COLUMN extra BIGINT",
    "DROP TABLE product",
    "EXPLAIN DROP TABLE product",
];

#[tokio::test]
async fn a_component_is_denied_what_is_not_its_own() {
    let Some(shop) = Shop::open().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    for sql in DENIED {
        let queried = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(queried, Error::Denied(_)), "query {sql}: {queried}");
        let transacted = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(transacted, Error::Denied(_)), "transact {sql}: {transacted}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 1, "all is as before");
}

#[tokio::test]
async fn a_query_that_writes_is_denied() {
    let Some(shop) = Shop::open().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    for sql in [
        "INSERT INTO product (id, name) VALUES (2, 'table')",
        "DELETE FROM product",
        "UPDATE product SET stock = 1 RETURNING id",
    ] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product WHERE stock = 0").await, 1);
}

#[tokio::test]
async fn a_migration_is_denied_what_outlives_or_leaves_it() {
    let Some(home) = Home::find() else { return };
    for sql in [
        "COMMIT",
        "ROLLBACK",
        "BEGIN",
        "SAVEPOINT souk",
        "VACUUM",
        "CREATE TEMP TABLE t (a BIGINT)",
        "CREATE TABLE souk_mine (a BIGINT)",
        "ALTER TABLE p RENAME TO souk_mine",
    ] {
        let text = format!("CREATE TABLE p (id BIGINT NOT NULL PRIMARY KEY); {sql}; CREATE TABLE later (a BIGINT)");
        let opened = home.open(Limits::default(), &[migration("0001_evil.sql", &text)]).await;
        let Err(OpenError::Migration(MigrationError::Failed { file, .. })) = opened.map(drop) else { panic!("{sql}") };
        assert_eq!(file, "0001_evil.sql");
        for table in ["p", "later", "souk_mine"] {
            assert!(!home.has_table(table), "{sql}: nothing of the file was applied");
        }
    }
}
