//! Migrations on a server: once, in order, by whoever comes first.

use futures_util::future::join_all;
use souk_database::contract::{Database, Transaction};

use crate::harness::{Home, Limits};
use crate::shop::{Place, Shop};
use crate::words::{committed, migration, step, text};

#[tokio::test]
async fn hosts_that_start_together_do_it_once() {
    let Some(home) = Home::find() else { return };
    let slow =
        [migration("0001_slow.sql", "SELECT pg_sleep(0.3); CREATE TABLE product (id BIGINT PRIMARY KEY, name TEXT);")];
    let mut opened = join_all((0..4).map(|_| home.open(Limits::default(), &slow))).await;
    for (id, db) in opened.iter().enumerate() {
        let steps = vec![step(&format!("INSERT INTO product (id, name) VALUES ({id}, 'chair')"))];
        committed(db.as_ref().unwrap().transact(Transaction { steps, events: vec![] }).await);
    }
    let shop = Shop { db: opened.remove(0).unwrap(), home };
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 4);
    assert_eq!(shop.db.status().await.unwrap().migrations.len(), 1);
}

#[tokio::test]
async fn the_product_service_s_own_apply_and_its_search_works() {
    let file = |name: &str, sql: &str| migration(name, sql);
    let files = [
        file("0001_products.sql", include_str!("../../../migrations/product/0001_products.sql")),
        file("0002_search.postgres.sql", include_str!("../../../migrations/product/0002_search.postgres.sql")),
        file("0002_search.sqlite.sql", include_str!("../../../migrations/product/0002_search.sqlite.sql")),
    ];
    let Some(home) = Home::find() else { return };
    let db = home.open(Limits::default(), &files).await.unwrap();
    let shop = Shop { db, home };
    let category = "INSERT INTO categories VALUES ('seats', 'Seats', '', 1, '2026', '2026')";
    let product = "INSERT INTO products (id, sku, name, sort_name, description, price_amount, price_currency, category, attributes,
        status, version, created_at, updated_at, stock, held, stock_version)
        VALUES ('p1', 'S-1', 'Oak chair', 'oak chair', 'A chair', 100, 'EUR', 'seats', '{}', 'published', 1, '2026', '2026', 5, 0, 1)";
    shop.transact(vec![step(category), step(product)]).await.unwrap();
    let found = shop.query("SELECT id FROM products WHERE search @@ to_tsquery('simple', $1)", &[text("oa:*")]).await;
    assert_eq!(found.unwrap().cells, [text("p1")]);
}
