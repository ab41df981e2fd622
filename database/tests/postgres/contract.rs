//! What `souk:database/sql` promises, case by case.

use souk_database::contract::{Database, Effect, Error, Expectation, Outcome, Rows, Value};

use crate::harness::Shop;
use crate::words::{committed, expect, step, text};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";

#[tokio::test]
async fn rows_are_flat_and_know_their_columns_without_any_row() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.db.dialect(), "postgres");
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')").await;
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
        step("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table') RETURNING id"),
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
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')").await;
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
    assert_eq!(shop.number("SELECT sum(stock)::BIGINT FROM product").await, 2 * 4, "only the met ones were written");
}

#[tokio::test]
async fn an_unmet_step_leaves_nothing_behind_whatever_comes_after_it() {
    let Some(shop) = Shop::open().await else { return };
    for later in ["SELECT 1 / 0", "INSERT INTO product (id, name) VALUES (1, 'again')", "DELETE FROM product"] {
        let unmet = expect("UPDATE product SET stock = 1 WHERE id = 2", Expectation::Exactly(1));
        let steps = vec![step(ADD), unmet, step(later)];
        assert_eq!(shop.transact(steps).await, Ok(Outcome::Unmet(1)), "{later}");
        assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
    }
}

#[tokio::test]
async fn a_transaction_of_nothing_is_committed_without_a_round_trip() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.transact(vec![]).await, Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.db.totals().round_trips, 0);
}

#[tokio::test]
async fn a_query_sees_every_transaction_that_was_answered() {
    let Some(shop) = Shop::open().await else { return };
    for count in 1..=50 {
        shop.run(&format!("INSERT INTO product (id, name) VALUES ({count}, '{count}')")).await;
        assert_eq!(shop.number("SELECT count(*) FROM product").await, count);
    }
}

#[tokio::test]
async fn constraints_are_told_apart_from_mistakes() {
    let Some(shop) = Shop::open().await else { return };
    shop.run(ADD).await;
    for sql in [
        "INSERT INTO product (id, name) VALUES (2, 'chair')",
        "INSERT INTO product (id, name) VALUES (2, NULL)",
        "UPDATE product SET stock = -1",
        "INSERT INTO review (product) VALUES (99)",
        "INSERT INTO review (product, later) VALUES (1, 99)",
    ] {
        let error = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Constraint(_)), "{sql}: {error}");
    }
    let deferred = vec![
        step("INSERT INTO review (product, later) VALUES (1, 2)"),
        step("INSERT INTO product (id, name) VALUES (2, 'table')"),
    ];
    committed(shop.transact(deferred).await);
}

#[tokio::test]
async fn mistakes_are_invalid() {
    let Some(shop) = Shop::open().await else { return };
    for sql in [
        "",
        "  \n",
        ";",
        "-- nothing but a comment",
        "SELEC 1",
        "SELECT x FROM product",
        "SELECT * FROM nowhere",
        "SELECT no_function(1)",
        "SELECT \"chair\"",
        "SELECT 1; SELECT 2",
        "SELECT 1; SET ROLE admin",
        "SELECT 1\0; DROP TABLE product",
        "SELECT 1 / 0",
        "SELECT '{'::JSON",
        "SELECT $2",
        "SELECT $a",
        "SELECT ?",
    ] {
        let error = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
    for sql in ["SELECT 1;", " SELECT 1 ; -- done", "/* first */ SELECT 1", "SELECT 1 ;; ", "(SELECT 1)", "VALUES (1)"]
    {
        assert_eq!(shop.number(sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn an_error_in_a_step_names_the_step() {
    let Some(shop) = Shop::open().await else { return };
    for (bad, says) in [
        ("INSERT INTO product (id, name) VALUES (1, NULL)", "constraint: step 1: null value"),
        ("SELECT nonsense", "invalid: step 1: column"),
        ("SELECT $1", "invalid: step 1: 0 parameters given"),
        ("COMMIT", "denied: step 1: `COMMIT`"),
    ] {
        let error = shop.transact(vec![step("SELECT 1"), step(bad)]).await.unwrap_err();
        assert!(error.to_string().starts_with(says), "{bad}: {error}");
    }
}
