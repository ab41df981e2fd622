//! Migrations: each once, in order, whole or not at all.

use souk_database::migration::Migration;

use crate::harness::{DIALECT, Engine, Home, Limits, MigrationError, OpenError};
use crate::shop::{Place, Shop};
use crate::words::{migration, step};

const FIRST: &str = "CREATE TABLE product (id BIGINT NOT NULL PRIMARY KEY, name TEXT);";
const SECOND: &str = "ALTER TABLE product ADD COLUMN stock BIGINT NOT NULL DEFAULT 0 CHECK (stock >= 0);";

/// Two, of which the second has a file for each dialect. Those of the others can't be applied.
fn list() -> Vec<Migration> {
    let second = |dialect: &str| {
        let sql = if dialect == DIALECT { SECOND } else { "for another engine" };
        migration(&format!("0002_stock.{dialect}.sql"), sql)
    };
    vec![migration("0001_products.sql", FIRST), second("sqlite"), second("postgres")]
}

fn second_file() -> String {
    format!("0002_stock.{DIALECT}.sql")
}

async fn open(home: &Home, migrations: &[Migration]) -> Result<Engine, MigrationError> {
    match home.open(Limits::default(), migrations).await {
        Ok(db) => Ok(db),
        Err(OpenError::Migration(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_is_applied_once_and_new_ones_follow() {
    let Some(home) = Home::find() else { return };
    let db = open(&home, &list()[..1]).await.unwrap();
    let (before, _) = home.status(&db).await;
    drop(db);
    drop(open(&home, &list()).await.unwrap());
    let db = open(&home, &list()).await.unwrap();
    let (after, _) = home.status(&db).await;
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(before[0], after[0]);
    assert_eq!((after[1].file.clone(), after[1].checksum.len()), (second_file(), 64));
}

#[tokio::test]
async fn a_changed_file_is_refused_by_name() {
    let Some(home) = Home::find() else { return };
    drop(open(&home, &list()).await.unwrap());
    let mut changed = list();
    changed[0].sql.push(' ');
    let error = open(&home, &changed).await.map(drop).unwrap_err();
    assert!(matches!(&error, MigrationError::Changed { file, .. } if file == "0001_products.sql"), "{error}");
    drop(open(&home, &list()).await.unwrap());
}

#[tokio::test]
async fn a_missing_file_is_refused_by_name() {
    let Some(home) = Home::find() else { return };
    drop(open(&home, &list()).await.unwrap());
    let error = open(&home, &list()[..1]).await.map(drop).unwrap_err();
    assert!(matches!(&error, MigrationError::Missing { file, .. } if *file == second_file()), "{error}");
}

#[tokio::test]
async fn a_gap_is_refused() {
    let Some(home) = Home::find() else { return };
    let error = open(&home, &[migration("0001_a.sql", ""), migration("0003_c.sql", "")]).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("0002 is missing"), "{error}");
    let error = open(&home, &list()[1..]).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("0001 is missing"), "{error}");
}

#[tokio::test]
async fn a_failing_file_leaves_those_before_it_and_nothing_of_itself() {
    let Some(home) = Home::find() else { return };
    let bad = migration("0002_bad.sql", "CREATE TABLE half (a BIGINT); INSERT INTO nowhere VALUES (1);");
    let error = open(&home, &[list()[0].clone(), bad]).await.map(drop).unwrap_err();
    assert!(matches!(&error, MigrationError::Failed { file, .. } if file == "0002_bad.sql"), "{error}");
    assert!(home.has_table("product") && !home.has_table("half"));
    drop(open(&home, &list()).await.unwrap());
}

#[tokio::test]
async fn an_endless_file_is_ended() {
    let Some(home) = Home::find() else { return };
    let endless = "CREATE TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    let limits = Limits { migration_ms: 100, ..Limits::default() };
    let error = home.open(limits, &[migration("0001_endless.sql", endless)]).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("migration-ms"), "{error}");
}

#[tokio::test]
async fn a_new_version_migrates_while_the_old_one_is_served() {
    let Some(home) = Home::find() else { return };
    let db = open(&home, &list()[..1]).await.unwrap();
    let shop = Shop { db, home };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    let all = "SELECT * FROM product";
    assert_eq!(shop.query(all, &[]).await.unwrap().columns, 2);
    shop.transact(vec![step(all)]).await.unwrap();
    assert_eq!(shop.home.migrate(&shop.db, &list()).await.unwrap(), [second_file()]);
    let rows = shop.query(all, &[]).await.unwrap();
    assert_eq!((rows.columns, rows.cells.len()), (3, 3), "a statement that was compiled before notices");
    shop.transact(vec![step(all)]).await.unwrap();
    let mut changed = list();
    changed[0].sql.push(' ');
    let error = shop.home.migrate(&shop.db, &changed).await.unwrap_err();
    assert!(matches!(error, MigrationError::Changed { .. }), "{error}");
    shop.run("UPDATE product SET stock = 1").await;
}
