//! What a call answers: rows, effects, whether an expectation is met, and what of it is there afterwards.

use souk_database::contract::{Database, Effect, Expectation, Outcome, Rows, Value};

use crate::harness::{DIALECT, Limits};
use crate::shop::{Place, SCHEMA, Shop};
use crate::words::{committed, event, expect, migration, step, text};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";
const ADD_TWO: &str = "INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')";

#[tokio::test]
async fn the_dialect_is_told() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.db.dialect(), DIALECT);
}

#[tokio::test]
async fn rows_are_flat_and_know_their_columns_without_any_row() {
    let Some(shop) = Shop::open().await else { return };
    shop.run(ADD_TWO).await;
    let rows = shop.query("SELECT id, name FROM product ORDER BY id DESC", &[]).await.unwrap();
    let cells = vec![Value::Integer(2), text("table"), Value::Integer(1), text("chair")];
    assert_eq!(rows, Rows { columns: 2, cells });
    let none = shop.query("SELECT id, name FROM product WHERE id = 3", &[]).await.unwrap();
    assert_eq!(none, Rows { columns: 2, cells: vec![] });
}

#[tokio::test]
async fn an_effect_tells_rows_changed_and_rows_returned() {
    let Some(shop) = Shop::open().await else { return };
    let steps = vec![
        step(&format!("{ADD_TWO} RETURNING id")),
        step("SELECT name FROM product WHERE id = 2"),
        step("UPDATE product SET stock = 5 WHERE id = 3"),
        step("DELETE FROM product"),
    ];
    let effects = committed(shop.transact(steps).await);
    let rows = |cells: &[Value]| Rows { columns: 1, cells: cells.to_vec() };
    let none = Rows::default();
    assert_eq!(
        effects,
        [
            Effect { changed: 2, rows: rows(&[Value::Integer(1), Value::Integer(2)]) },
            Effect { changed: 0, rows: rows(&[text("table")]) },
            Effect { changed: 0, rows: none.clone() },
            Effect { changed: 2, rows: none },
        ]
    );
}

#[tokio::test]
async fn an_expectation_counts_rows_changed_or_for_a_read_rows_returned() {
    let Some(shop) = Shop::open().await else { return };
    shop.run(ADD_TWO).await;
    let read = "SELECT id FROM product";
    for sql in [read, "UPDATE product SET stock = stock + 1"] {
        for (expectation, is_met) in [
            (Expectation::Anything, true),
            (Expectation::Exactly(2), true),
            (Expectation::Exactly(1), false),
            (Expectation::Exactly(0), false),
            (Expectation::AtLeast(2), true),
            (Expectation::AtLeast(0), true),
            (Expectation::AtLeast(3), false),
        ] {
            let outcome = shop.transact(vec![step(read), expect(sql, expectation)]).await.unwrap();
            assert_eq!(outcome != Outcome::Unmet(1), is_met, "{sql} {expectation:?}");
        }
    }
    let stock = shop.number("SELECT CAST(sum(stock) AS BIGINT) FROM product").await;
    assert_eq!(stock, 2 * 4, "only the met ones were written");
}

#[tokio::test]
async fn a_read_after_a_write_expects_its_own_rows_not_the_changes_before_it() {
    let Some(shop) = Shop::open().await else { return };
    let nothing = expect("SELECT 1 WHERE 1 = 0", Expectation::Exactly(0));
    assert_eq!(committed(shop.transact(vec![step(ADD), nothing]).await)[1].changed, 0);
}

#[tokio::test]
async fn an_unmet_step_leaves_nothing_behind_whatever_comes_after_it() {
    let Some(shop) = Shop::open().await else { return };
    for later in ["SELECT 1 / 0", ADD, "DELETE FROM product"] {
        let unmet = expect("UPDATE product SET stock = 1 WHERE id = 2", Expectation::Exactly(1));
        let steps = vec![step(ADD), unmet, step(later)];
        assert_eq!(shop.publish(steps, vec![event("1", "a")]).await, Ok(Outcome::Unmet(1)), "{later}");
        assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
        assert_eq!(shop.waiting().await, 0);
    }
}

#[tokio::test]
async fn a_transaction_of_nothing_is_committed() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.transact(vec![]).await, Ok(Outcome::Committed(vec![])));
}

#[tokio::test]
async fn a_transaction_sees_its_own_earlier_steps() {
    let Some(shop) = Shop::open().await else { return };
    let effects = committed(shop.transact(vec![step(ADD), step("SELECT name FROM product")]).await);
    assert_eq!(effects[1].rows.cells, [text("chair")]);
}

#[tokio::test]
async fn a_query_sees_every_transaction_that_was_answered() {
    let Some(shop) = Shop::open().await else { return };
    for count in 1..=100 {
        shop.run(&format!("INSERT INTO product (id, name) VALUES ({count}, '{count}')")).await;
        assert_eq!(shop.number("SELECT count(*) FROM product").await, count);
    }
}

#[tokio::test]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    let Some(shop) = Shop::open().await else { return };
    committed(shop.publish(vec![step(ADD)], vec![event("1", "a")]).await);
    let Shop { db, home } = shop;
    drop(db);
    let db = home.open(Limits::default(), &[migration("0001_shop.sql", SCHEMA)]).await.unwrap();
    let shop = Shop { db, home };
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 1);
    assert_eq!(shop.waiting().await, 1);
}
