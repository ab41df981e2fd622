//! Migrations on a server: once, in order, by whoever comes first.

use souk_database::migration::Migration;
use souk_database::postgres::{Limits, MigrationError, OpenError};

use crate::harness::{Shop, component, open};
use crate::server::shared;
use crate::words::{migration, step, text};

const FIRST: &str = "CREATE TABLE product (id BIGINT PRIMARY KEY, name TEXT);";
const SECOND: &str = "ALTER TABLE product ADD COLUMN stock BIGINT NOT NULL DEFAULT 0 CHECK (stock >= 0);";

fn list() -> Vec<Migration> {
    vec![
        migration("0001_products.sql", FIRST),
        migration("0002_stock.sqlite.sql", "-"),
        migration("0002_stock.postgres.sql", SECOND),
    ]
}

async fn shop(migrations: &[Migration]) -> Option<Shop> {
    let (server, component) = (shared()?, component());
    let db = open(&server, &component, Limits::default(), migrations).await.unwrap();
    Some(Shop { db, server, component })
}

async fn again(shop: &Shop, migrations: &[Migration]) -> Result<(), MigrationError> {
    match open(&shop.server, &shop.component, Limits::default(), migrations).await {
        Ok(_) => Ok(()),
        Err(OpenError::Migration(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn each_is_applied_once_and_new_ones_follow() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let before = shop.db.status().await.unwrap().migrations;
    again(&shop, &list()).await.unwrap();
    again(&shop, &list()).await.unwrap();
    let after = shop.db.status().await.unwrap().migrations;
    assert_eq!((before.len(), after.len()), (1, 2));
    assert_eq!(before[0], after[0]);
    assert_eq!((after[1].file.as_str(), after[1].checksum.len()), ("0002_stock.postgres.sql", 64));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hosts_that_start_together_do_it_once() {
    let Some(server) = shared() else { return };
    let name = component();
    let slow =
        [migration("0001_slow.sql", "SELECT pg_sleep(0.3); CREATE TABLE product (id BIGINT PRIMARY KEY, name TEXT);")];
    let hosts: Vec<_> = (0..4)
        .map(|_| {
            let (server, name, slow) = (server.clone(), name.clone(), slow.clone());
            tokio::spawn(async move { open(&server, &name, Limits::default(), &slow).await })
        })
        .collect();
    let mut opened = Vec::new();
    for host in hosts {
        opened.push(host.await.unwrap().unwrap());
    }
    let shops: Vec<_> =
        opened.into_iter().map(|db| Shop { db, server: server.clone(), component: name.clone() }).collect();
    for (id, shop) in shops.iter().enumerate() {
        shop.run(&format!("INSERT INTO product (id, name) VALUES ({id}, 'chair')")).await;
    }
    assert_eq!(shops[0].number("SELECT count(*) FROM product").await, 4);
    assert_eq!(shops[0].db.status().await.unwrap().migrations.len(), 1);
}

#[tokio::test]
async fn a_changed_or_missing_file_is_refused_by_name() {
    let Some(shop) = shop(&list()).await else { return };
    let mut changed = list();
    changed[0].sql.push(' ');
    let error = again(&shop, &changed).await.unwrap_err();
    assert!(matches!(&error, MigrationError::Changed { file, .. } if file == "0001_products.sql"), "{error}");
    let error = again(&shop, &list()[..1]).await.unwrap_err();
    assert!(matches!(&error, MigrationError::Missing { file, .. } if file == "0002_stock.postgres.sql"), "{error}");
    let error = again(&shop, &list()[1..]).await.unwrap_err();
    assert!(error.to_string().contains("0001 is missing"), "{error}");
    again(&shop, &list()).await.unwrap();
}

#[tokio::test]
async fn a_failing_file_leaves_those_before_it_and_nothing_of_itself() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let bad =
        [list()[0].clone(), migration("0002_bad.sql", "CREATE TABLE half (a INT); INSERT INTO nowhere VALUES (1);")];
    let error = again(&shop, &bad).await.unwrap_err();
    assert!(matches!(&error, MigrationError::Failed { file, .. } if file == "0002_bad.sql"), "{error}");
    assert_eq!(shop.as_host("SELECT count(*) FROM pg_class WHERE relname = 'half'"), "0");
    again(&shop, &list()).await.unwrap();
}

#[tokio::test]
async fn an_endless_file_is_ended() {
    let Some(shop) = shop(&[]).await else { return };
    let limits = Limits { migration_ms: 300, ..Limits::default() };
    let endless = [migration("0001_endless.sql", "SELECT pg_sleep(60)")];
    let error = open(&shop.server, &shop.component, limits, &endless).await.map(drop).unwrap_err();
    assert!(error.to_string().contains("migration-ms"), "{error}");
}

#[tokio::test]
async fn a_new_version_migrates_while_the_old_one_is_served() {
    let Some(shop) = shop(&list()[..1]).await else { return };
    let all = "SELECT * FROM product";
    assert_eq!(shop.query(all, &[]).await.unwrap().columns, 2);
    shop.transact(vec![step(all)]).await.unwrap();
    assert_eq!(shop.db.migrate(&list()).await.unwrap(), ["0002_stock.postgres.sql"]);
    assert_eq!(shop.query(all, &[]).await.unwrap().columns, 3, "a prepared statement notices");
    shop.transact(vec![step(all)]).await.unwrap();
    let mut changed = list();
    changed[2].sql.push(' ');
    let error = shop.db.migrate(&changed).await.unwrap_err();
    assert!(matches!(error, MigrationError::Changed { .. }), "{error}");
    shop.run("UPDATE product SET stock = 1").await;
}

#[tokio::test]
async fn functions_and_triggers_are_applied_whole() {
    let sql = "
        CREATE TABLE log (note TEXT); -- a comment; with a semicolon
        CREATE TABLE p (id BIGINT PRIMARY KEY, name TEXT NOT NULL DEFAULT ';''');
        CREATE FUNCTION noted() RETURNS TRIGGER LANGUAGE plpgsql AS $body$ BEGIN
            INSERT INTO log VALUES ('a;b'); RETURN NEW;
        END $body$;
        CREATE TRIGGER noted AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION noted();
        /* ; */ INSERT INTO p (id) VALUES (1);";
    let Some(shop) = shop(&[migration("0001_triggers.sql", sql)]).await else { return };
    shop.run("INSERT INTO p (id) VALUES (2)").await;
    assert_eq!(shop.query("SELECT DISTINCT note FROM log", &[]).await.unwrap().cells, [text("a;b")]);
    assert_eq!(shop.number("SELECT count(*) FROM log").await, 2);
}

#[tokio::test]
async fn the_product_service_s_own_apply_and_its_search_works() {
    let file = |name: &str, sql: &str| migration(name, sql);
    let files = [
        file("0001_products.sql", include_str!("../../../migrations/product/0001_products.sql")),
        file("0002_search.postgres.sql", include_str!("../../../migrations/product/0002_search.postgres.sql")),
        file("0002_search.sqlite.sql", include_str!("../../../migrations/product/0002_search.sqlite.sql")),
    ];
    let Some(shop) = shop(&files).await else { return };
    let category = "INSERT INTO categories VALUES ('seats', 'Seats', '', 1, '2026', '2026')";
    let product = "INSERT INTO products (id, sku, name, sort_name, description, price_amount, price_currency, category, attributes,
        status, version, created_at, updated_at, stock, held, stock_version)
        VALUES ('p1', 'S-1', 'Oak chair', 'oak chair', 'A chair', 100, 'EUR', 'seats', '{}', 'published', 1, '2026', '2026', 5, 0, 1)";
    shop.transact(vec![step(category), step(product)]).await.unwrap();
    let found = shop.query("SELECT id FROM products WHERE search @@ to_tsquery('simple', $1)", &[text("oa:*")]).await;
    assert_eq!(found.unwrap().cells, [text("p1")]);
}
