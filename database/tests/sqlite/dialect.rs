//! What SQLite has of its own behind the contract.

use souk_database::contract::{Database, Error, Expectation, Outcome, Rows, Step, Transaction, Value};

use crate::harness::Shop;
use crate::words::{expect, statement, step, text};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";

#[test]
fn a_parameter_comes_back_as_it_went_in() {
    let shop = Shop::open();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Real(f64::INFINITY),
        text("naïve \u{1f6d2} with an é inside"),
        Value::Bytes(vec![0, 255, 1]),
        text(""),
        Value::Bytes(Vec::new()),
    ];
    let rows = shop.query("SELECT $1, $2, $3, $4, $5, $6, $7, $8", &values).unwrap();
    assert_eq!(rows, Rows { columns: 8, cells: values.to_vec() });
}

#[test]
fn steps_behind_one_that_is_unmet_are_not_looked_at() {
    let shop = Shop::open();
    let steps = vec![expect("SELECT 1", Expectation::Exactly(0)), step("SELECT nonsense")];
    assert_eq!(shop.transact(steps), Ok(Outcome::Unmet(0)));
}

#[test]
fn a_transaction_of_nothing_does_not_go_to_the_disk() {
    let shop = Shop::open();
    assert_eq!(shop.transact(vec![]), Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.db.totals().groups, 0);
}

#[test]
fn what_the_engine_s_functions_refuse_is_invalid() {
    let shop = Shop::open();
    for sql in ["SELECT json_extract('{', '$')", "SELECT abs(-9223372036854775808)", "SELECT CAST(x'ff' AS TEXT)"] {
        let error = shop.query(sql, &[]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
}

#[test]
fn search_works_through_the_guards() {
    let shop = Shop::open_schema(
        souk_database::sqlite::Limits::default(),
        "CREATE TABLE product (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
         CREATE VIRTUAL TABLE product_text USING fts5 (name, content = 'product', content_rowid = 'id');
         CREATE TRIGGER product_added AFTER INSERT ON product BEGIN
             INSERT INTO product_text (rowid, name) VALUES (new.id, new.name);
         END;
         CREATE TRIGGER product_removed AFTER DELETE ON product BEGIN
             INSERT INTO product_text (product_text, rowid, name) VALUES ('delete', old.id, old.name);
         END;
         CREATE VIRTUAL TABLE range USING rtree (id, low, high);",
    );
    shop.run("INSERT INTO product (id, name) VALUES (1, 'oak chair'), (2, 'oak table'), (3, 'steel table')");
    shop.run("DELETE FROM product WHERE id = 3");
    shop.run("INSERT INTO range VALUES (1, 5, 9)");
    let found =
        "SELECT highlight(product_text, 0, '<', '>') FROM product_text WHERE product_text MATCH $1 ORDER BY rank";
    for _ in 0..3 {
        let rows = shop.query(found, &[text("table")]).unwrap();
        assert_eq!(rows.cells, [text("oak <table>")]);
        shop.run("INSERT INTO product_text (product_text) VALUES ('optimize')");
    }
    assert_eq!(shop.number("SELECT id FROM range WHERE low < 6 AND high > 6"), 1);
    let error = shop.query(found, &[text("AND AND")]).unwrap_err();
    assert!(matches!(error, Error::Invalid(_)), "{error}");
}

#[test]
fn replaced_functions_answer_as_the_originals() {
    let shop = Shop::open();
    let original = rusqlite::Connection::open_in_memory().unwrap();
    for sql in [
        "SELECT instr('naïve', 've')",
        "SELECT instr('a', '')",
        "SELECT instr('', 'a')",
        "SELECT instr(x'c3a9ff', x'ff')",
        "SELECT instr(NULL, 'a')",
        "SELECT instr(12345, 34)",
        "SELECT instr('2.5', 2.5)",
        "SELECT replace('banana', 'an', 'é')",
        "SELECT replace('banana', '', 'x')",
        "SELECT replace('banana', 'a', NULL)",
        "SELECT replace(1001, 0, 5)",
        "SELECT trim('xxaxx', 'x')",
        "SELECT ltrim('éàb', 'àé')",
        "SELECT rtrim('aab', '')",
        "SELECT trim('aab', NULL)",
        "SELECT trim('  a ')",
        "SELECT typeof(replace(1, 2, 3))",
    ] {
        let expected: rusqlite::types::Value = original.query_row(sql, [], |row| row.get(0)).unwrap();
        let expected = match expected {
            rusqlite::types::Value::Null => Value::Null,
            rusqlite::types::Value::Integer(integer) => Value::Integer(integer),
            rusqlite::types::Value::Text(text) => Value::Text(text),
            other => panic!("{other:?}"),
        };
        assert_eq!(shop.query(sql, &[]).unwrap().cells, [expected], "{sql}");
    }
}

#[test]
fn a_dropped_future_does_not_stop_a_transaction_that_has_begun() {
    let shop = Shop::open();
    let insert = Step { statement: statement(ADD, &[]), expect: Expectation::Anything };
    let mut pending = shop.db.transact(Transaction { steps: vec![insert], events: vec![] });
    let waker = futures_util::task::noop_waker();
    let is_done = pending.as_mut().poll(&mut std::task::Context::from_waker(&waker)).is_ready();
    // Begun for sure once it shows, and dropped only then.
    while !is_done && shop.number("SELECT count(*) FROM product") == 0 {
        std::thread::yield_now();
    }
    drop(pending);
    assert_eq!(shop.number("SELECT count(*) FROM product"), 1);
}
