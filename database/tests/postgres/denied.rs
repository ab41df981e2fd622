//! What a component's SQL must not do, with what a server alone has, in `query`, in `transact` and in migrations: written as
//! an attacker would.

use souk_database::contract::{Error, Value};

use crate::harness::{Home, Limits, MigrationError, OpenError, SCHEMA, shop, shop_with};
use crate::shop::{Place, Shop};
use crate::words::{event, migration, step};

/// Denied in `query` and in `transact`.
pub(crate) const DENIED: &[&str] = &[
    // Transactions.
    "ABORT",
    "START TRANSACTION",
    "PREPARE TRANSACTION 'a'",
    "/* /* */ SELECT */ COMMIT",
    "; COMMIT",
    // Settings and roles.
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET TRANSACTION READ WRITE",
    "SET ROLE admin",
    "SET SESSION AUTHORIZATION admin",
    "RESET ALL",
    "RESET ROLE",
    "DISCARD ALL",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SELECT set_config('statement_timeout', '0', false)",
    "UPDATE pg_settings SET setting = '0'",
    // What outlives the transaction or reaches other sessions.
    "SELECT pg_logical_emit_message(false, 'a', 'b')",
    "LISTEN a",
    "NOTIFY a",
    "SELECT pg_notify('a', 'b')",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_try_advisory_lock(1)",
    "SELECT pg_advisory_xact_lock(1)",
    "SELECT pg_terminate_backend(pg_backend_pid())",
    "SELECT pg_cancel_backend(pg_backend_pid())",
    "PREPARE a AS SELECT 1",
    "DECLARE a CURSOR WITH HOLD FOR SELECT 1",
    // Files, programs, code.
    "COPY product TO '/tmp/x'",
    "COPY product TO PROGRAM 'id'",
    "COPY product FROM PROGRAM 'id'",
    "COPY product TO STDOUT",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_read_binary_file('PG_VERSION')",
    "SELECT pg_ls_dir('.')",
    "SELECT pg_stat_file('PG_VERSION')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_from_bytea(0, 'a')",
    "SELECT lo_create(0)",
    "LOAD 'plpgsql'",
    "DO $$ BEGIN END $$",
    "CALL nothing()",
    "CREATE EXTENSION dblink",
    // The schema, and what is the host's.
    "ALTER ROLE CURRENT_USER PASSWORD 'a'",
    "LOCK TABLE product",
    "TRUNCATE product",
    "GRANT SELECT ON product TO PUBLIC",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT * FROM pg_authid",
];

#[tokio::test]
async fn a_component_is_denied_what_is_not_its_own() {
    let Some(shop) = shop().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    for sql in DENIED {
        let queried = shop.query(sql, &[]).await.unwrap_err();
        let transacted = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(queried, Error::Denied(_)), "query {sql}: {queried}");
        assert!(matches!(transacted, Error::Denied(_)), "transact {sql}: {transacted}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 1, "all is as before");
}

#[tokio::test]
async fn a_query_that_writes_in_a_roundabout_way_is_denied() {
    let Some(shop) = shop().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    for sql in [
        "WITH gone AS (DELETE FROM product RETURNING id) SELECT * FROM gone",
        "SELECT nextval('serial_id_seq')",
        "SELECT id FROM product FOR UPDATE",
        "SELECT 1 AS a INTO mine",
        "SELECT 1 AS a INTO TEMP mine",
    ] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 1);
    for sql in ["SELECT 1 AS a INTO mine", "SELECT 1 AS a INTO TEMP mine"] {
        let error = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
}

#[tokio::test]
async fn what_a_function_of_the_component_sets_does_not_last() {
    // One connection of each kind, so that the next call meets it again.
    let limits = Limits { readers: 1, writers: 1, ..Limits::default() };
    let Some(shop) = shop_with(limits).await else { return };
    let settings = "SELECT current_setting('default_transaction_read_only') || current_setting('statement_timeout')
                    || current_setting('search_path')";
    for _ in 0..2 {
        let before = shop.query(settings, &[]).await.unwrap();
        assert_eq!(before.cells, [Value::Text("on5spublic".into())]);
        assert_eq!(shop.number("SELECT meddle()").await, 1);
        assert_eq!(shop.query(settings, &[]).await.unwrap(), before);
        let write = shop.query("DELETE FROM product", &[]).await.unwrap_err();
        assert!(matches!(write, Error::Denied(_)), "{write}");
        shop.run("SELECT meddle()").await;
        shop.run("INSERT INTO serial (note) VALUES ('found without a schema in front')").await;
        // In a transaction that fails the server undoes it by itself.
        assert!(shop.transact(vec![step("SELECT meddle()"), step("SELECT 1 / 0")]).await.is_err());
        shop.run("INSERT INTO serial (note) VALUES ('again')").await;
    }
    assert_eq!(shop.db.totals().connected, 2);
}

#[tokio::test]
async fn a_function_that_writes_is_no_way_around_a_query() {
    let schema = format!(
        "{SCHEMA} CREATE FUNCTION sneak() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
             SET transaction_read_only = off; INSERT INTO serial (note) VALUES ('a'); RETURN 1;
         END $$;
         CREATE FUNCTION wait() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
             PERFORM pg_advisory_lock(1); RETURN 1;
         END $$;
         CREATE FUNCTION rise() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN SET ROLE admin; RETURN 1; END $$;
         CREATE FUNCTION own() RETURNS BIGINT LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
             DELETE FROM souk.souk_outbox; RETURN 1;
         END $$;"
    );
    let Some(shop) = Shop::open_schema(Limits::default(), &schema).await else { return };
    for sql in ["SELECT sneak()", "SELECT wait()", "SELECT rise()", "SELECT own()"] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(!matches!(error, Error::Unavailable(_) | Error::Other(_)), "{sql}: {error}");
        assert!(shop.transact(vec![step(sql)]).await.is_err() || sql == "SELECT sneak()", "{sql}");
    }
}

#[tokio::test]
async fn a_function_can_not_put_itself_in_the_place_of_the_host_s_statements() {
    let schema = format!(
        "{SCHEMA} CREATE FUNCTION steal() RETURNS BIGINT LANGUAGE plpgsql AS $$ BEGIN
             EXECUTE 'DEALLOCATE ALL';
             FOR n IN 0..40 LOOP
                 EXECUTE format('PREPARE s%s (TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT) AS
                     INSERT INTO serial (note) VALUES ($1)', n);
             END LOOP;
             SET default_transaction_read_only = off; SET statement_timeout = 0; RETURN 1;
         END $$;"
    );
    let limits = Limits { readers: 1, writers: 1, ..Limits::default() };
    let Some(shop) = Shop::open_schema(limits, &schema).await else { return };
    let steal = || vec![step("SELECT steal()")];
    for round in 0..3 {
        // What becomes of its own statements is its own affair; what the host says still means what it meant.
        let _ = shop.publish(steal(), vec![event(&format!("{round}-1"), "a")]).await;
        let _ = shop.publish(vec![step("SELECT 1")], vec![event(&format!("{round}-2"), "a")]).await;
        let _ = shop.query("SELECT steal()", &[]).await;
        let write = shop.query("INSERT INTO serial (note) VALUES ('a')", &[]).await;
        assert!(matches!(write, Err(Error::Denied(_))), "{write:?}");
    }
    assert_eq!(shop.home.as_host("SELECT count(*) FROM serial"), "0", "the token was not given away");
}

#[tokio::test]
async fn a_migration_is_denied_what_outlives_or_leaves_it() {
    let Some(home) = Home::find() else { return };
    for sql in [
        "SET ROLE admin",
        "DO $$ BEGIN COMMIT; END $$",
        "COPY p TO PROGRAM 'id'",
        "CREATE TABLE souk.mine (a INT)",
        "DROP TABLE souk.souk_outbox",
        "DROP SCHEMA souk CASCADE",
        "DROP SCHEMA public CASCADE",
        "ALTER TABLE souk.souk_outbox ADD COLUMN mine INT",
        "CREATE INDEX mine ON souk.souk_outbox (data)",
        "CREATE TABLE mine (a BIGINT REFERENCES souk.souk_outbox (sequence))",
        "CREATE OR REPLACE FUNCTION souk.souk_publish(TEXT, TEXT, TEXT, TEXT, TEXT, TEXT, TEXT) RETURNS VOID LANGUAGE sql AS ''",
        "INSERT INTO souk.souk_migration VALUES (9, 'a', 'b', 'c')",
        "SELECT souk.souk_record('', 9, 'a', 'b')",
        "SELECT value FROM souk.souk_secret",
        "CREATE EXTENSION dblink",
        "CREATE EXTENSION pgcrypto",
        "CREATE DATABASE mine",
        "CREATE ROLE mine",
        "ALTER ROLE CURRENT_USER SUPERUSER",
        "ALTER SYSTEM SET fsync = off",
        "CREATE FUNCTION c() RETURNS INT LANGUAGE c AS '/tmp/x.so', 'x'",
        "SELECT pg_read_file('/etc/passwd')",
        "GRANT ALL ON p TO PUBLIC",
    ] {
        let text = format!("CREATE TABLE p (id BIGINT PRIMARY KEY); {sql}; CREATE TABLE later (a INT)");
        let opened = home.open(Limits::default(), &[migration("0001_evil.sql", &text)]).await;
        let Err(OpenError::Migration(MigrationError::Failed { file, .. })) = opened.map(drop) else { panic!("{sql}") };
        assert_eq!(file, "0001_evil.sql");
        for table in ["p", "later", "mine"] {
            assert!(!home.has_table(table), "{sql}: nothing of the file was applied");
        }
    }
}
