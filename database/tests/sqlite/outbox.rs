//! The outbox as SQLite keeps it.

use crate::harness::Shop;

#[test]
fn delivery_reads_a_key_in_order_through_the_index() {
    let shop = Shop::open();
    let db = rusqlite::Connection::open(shop.file()).unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT data FROM souk_outbox WHERE key = 'a' ORDER BY sequence";
    let plan: String = db.query_row(sql, [], |row| row.get(3)).unwrap();
    assert!(plan.contains("souk_outbox_order"), "{plan}");
}
