//! What a statement may be, and how its parameters are counted.

use souk_database::contract::{Error, Value};

use crate::shop::Shop;
use crate::words::{step, text};

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
        "SELECT 1;;; SELECT 2",
        "SELECT 1\0; DROP TABLE product",
    ] {
        let queried = shop.query(sql, &[]).await.unwrap_err();
        assert!(matches!(queried, Error::Invalid(_)), "query {sql}: {queried}");
        let transacted = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(transacted, Error::Invalid(_)), "transact {sql}: {transacted}");
    }
}

#[tokio::test]
async fn one_statement_may_have_comments_and_semicolons_around_it() {
    let Some(shop) = Shop::open().await else { return };
    for sql in ["SELECT 1;", " SELECT 1 ; -- done", "/* first */ SELECT 1", "SELECT 1 ;; ", "VALUES (1)"] {
        assert_eq!(shop.number(sql).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn a_text_of_many_statements_is_refused_without_a_stack_overflow() {
    let Some(shop) = Shop::open().await else { return };
    let error = shop.query(&"SELECT 1;".repeat(7_000), &[]).await.unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[tokio::test]
async fn an_error_in_a_step_names_the_step() {
    let Some(shop) = Shop::open().await else { return };
    for (bad, says) in [
        ("INSERT INTO product (id, name) VALUES (1, NULL)", "constraint: step 1: "),
        ("SELECT nonsense", "invalid: step 1: "),
        ("SELECT CAST($1 AS TEXT)", "invalid: step 1: 0 parameters given"),
        ("COMMIT", "denied: step 1: "),
    ] {
        let error = shop.transact(vec![step("SELECT 1"), step(bad)]).await.unwrap_err();
        assert!(error.to_string().starts_with(says), "{bad}: {error}");
    }
}

#[tokio::test]
async fn numbers_decide_not_the_order_of_appearance() {
    let Some(shop) = Shop::open().await else { return };
    for (sql, expected) in [
        ("SELECT $1 || '-' || $2", "one-two"),
        ("SELECT $2 || '-' || $1", "two-one"),
        ("SELECT $2 || $1 || $2", "twoonetwo"),
        ("SELECT $1 || $1 || $2", "oneonetwo"),
    ] {
        for _ in 0..2 {
            let rows = shop.query(sql, &[text("one"), text("two")]).await.unwrap();
            assert_eq!(rows.cells, [text(expected)], "{sql}");
        }
    }
}

#[tokio::test]
async fn the_count_must_be_the_highest_number_and_each_below_it_is_used() {
    let Some(shop) = Shop::open().await else { return };
    for (sql, given) in [
        ("SELECT $1", 0),
        ("SELECT $1", 2),
        ("SELECT $3, $1, $2", 2),
        ("SELECT $3", 2),
        ("SELECT $2", 2),
        ("SELECT 1", 1),
    ] {
        let error = shop.query(sql, &vec![Value::Null; given]).await.unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql} with {given}: {error}");
    }
    assert_eq!(shop.number("SELECT 1").await, 1);
}

#[tokio::test]
async fn other_ways_to_write_parameters_are_refused() {
    let Some(shop) = Shop::open().await else { return };
    for sql in ["SELECT ?", "SELECT ?1", "SELECT :a", "SELECT @a", "SELECT $a", "SELECT $0", "SELECT $1(x)"] {
        for given in 0..2 {
            let error = shop.query(sql, &vec![Value::Null; given]).await.unwrap_err();
            assert!(matches!(error, Error::Invalid(_)), "{sql} with {given}: {error}");
        }
    }
}

#[tokio::test]
async fn a_value_does_not_stay_bound_for_the_next_call() {
    let Some(shop) = Shop::open().await else { return };
    let sql = "SELECT CAST($1 AS TEXT) IS NULL, CAST($2 AS TEXT) IS NULL";
    for (value, is_null) in [(text("secret"), 0), (Value::Null, 1)] {
        let rows = shop.query(sql, &[value.clone(), value]).await.unwrap();
        assert_eq!(rows.cells, [Value::Integer(is_null), Value::Integer(is_null)]);
    }
}
