//! What `souk:database/sql` promises, case by case.

use souk_database::contract::{Database, Effect, Error, Expectation, Outcome, Rows, Step, Transaction, Value};

use crate::harness::Shop;
use crate::words::{committed, expect, statement, step, text};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";

#[test]
fn the_dialect_is_sqlite() {
    assert_eq!(Shop::open().db.dialect(), "sqlite");
}

#[test]
fn each_type_comes_back_as_it_went_in() {
    let shop = Shop::open();
    let values = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Real(-0.5),
        Value::Real(f64::INFINITY),
        text("naïve \u{1f6d2} with a NUL \0 inside"),
        Value::Bytes(vec![0, 255, 1]),
        text(""),
        Value::Bytes(Vec::new()),
    ];
    let rows = shop.query("SELECT $1, $2, $3, $4, $5, $6, $7, $8", &values).unwrap();
    assert_eq!(rows, Rows { columns: 8, cells: values.to_vec() });
}

#[test]
fn rows_are_flat_and_know_their_columns_without_any_row() {
    let shop = Shop::open();
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')");
    let rows = shop.query("SELECT id, name FROM product ORDER BY id DESC", &[]).unwrap();
    let cells = vec![Value::Integer(2), text("table"), Value::Integer(1), text("chair")];
    assert_eq!(rows, Rows { columns: 2, cells });
    let none = shop.query("SELECT id, name FROM product WHERE id = 3", &[]).unwrap();
    assert_eq!(none, Rows { columns: 2, cells: vec![] });
}

#[test]
fn an_effect_tells_rows_changed_and_rows_returned() {
    let shop = Shop::open();
    let effects = committed(shop.transact(vec![
        step("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table') RETURNING id"),
        step("SELECT name FROM product WHERE id = 2"),
        step("UPDATE product SET stock = 5 WHERE id = 3"),
        step("DELETE FROM product"),
    ]));
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

#[test]
fn an_expectation_counts_rows_changed_or_for_a_read_rows_returned() {
    let shop = Shop::open();
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')");
    let read = "SELECT id FROM product";
    let write = "UPDATE product SET stock = stock + 1";
    for sql in [read, write] {
        for (expectation, is_met) in [
            (Expectation::Anything, true),
            (Expectation::Exactly(2), true),
            (Expectation::Exactly(1), false),
            (Expectation::Exactly(0), false),
            (Expectation::AtLeast(2), true),
            (Expectation::AtLeast(0), true),
            (Expectation::AtLeast(3), false),
        ] {
            let outcome = shop.transact(vec![step(read), expect(sql, expectation)]).unwrap();
            assert_eq!(outcome != Outcome::Unmet(1), is_met, "{sql} {expectation:?}");
        }
    }
    assert_eq!(shop.number("SELECT sum(stock) FROM product"), 2 * 4, "only the met ones were written");
}

#[test]
fn a_read_after_a_write_expects_its_own_rows_not_the_changes_before_it() {
    let shop = Shop::open();
    let outcome = shop.transact(vec![step(ADD), expect("SELECT 1 WHERE 0", Expectation::Exactly(0))]);
    assert_eq!(committed(outcome)[1].changed, 0);
}

#[test]
fn an_unmet_step_leaves_nothing_behind() {
    let shop = Shop::open();
    let steps = vec![
        step(ADD),
        expect("UPDATE product SET stock = 1 WHERE id = 2", Expectation::Exactly(1)),
        step("SELECT nonsense"),
    ];
    assert_eq!(shop.transact(steps), Ok(Outcome::Unmet(1)), "later steps are not looked at");
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
}

#[test]
fn a_transaction_of_nothing_is_committed() {
    let shop = Shop::open();
    assert_eq!(shop.transact(vec![]), Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.db.totals().groups, 0, "and does not go to the disk");
}

#[test]
fn a_transaction_sees_its_own_earlier_steps() {
    let shop = Shop::open();
    let effects = committed(shop.transact(vec![step(ADD), step("SELECT name FROM product")]));
    assert_eq!(effects[1].rows.cells, [text("chair")]);
}

#[test]
fn a_query_sees_every_transaction_that_was_answered() {
    let shop = Shop::open();
    for count in 1..=200 {
        shop.run(&format!("INSERT INTO product (name) VALUES ('{count}')"));
        assert_eq!(shop.number("SELECT count(*) FROM product"), count);
    }
}

#[test]
fn constraints_are_told_apart_from_mistakes() {
    let shop = Shop::open();
    shop.run(ADD);
    for sql in [
        "INSERT INTO product (name) VALUES ('chair')",
        "INSERT INTO product (name) VALUES (NULL)",
        "UPDATE product SET stock = -1",
        "INSERT INTO review (product) VALUES (99)",
        "INSERT INTO review (product, later) VALUES (1, 99)",
    ] {
        let error = shop.transact(vec![step(sql)]).unwrap_err();
        assert!(matches!(error, Error::Constraint(_)), "{sql}: {error}");
    }
    let deferred = vec![
        step("INSERT INTO review (product, later) VALUES (1, 2)"),
        step("INSERT INTO product (id, name) VALUES (2, 'table')"),
    ];
    committed(shop.transact(deferred));
}

#[test]
fn mistakes_are_invalid() {
    let shop = Shop::open();
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
        "SELECT json_extract('{', '$')",
        "SELECT abs(-9223372036854775808)",
        "SELECT CAST(x'ff' AS TEXT)",
    ] {
        let error = shop.query(sql, &[]).unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{sql}: {error}");
    }
    for sql in ["SELECT 1;", " SELECT 1 ; -- done", "/* first */ SELECT 1", "SELECT 1 ;; "] {
        assert_eq!(shop.number(sql), 1, "{sql}");
    }
}

#[test]
fn an_error_in_a_step_names_the_step() {
    let shop = Shop::open();
    let error = shop.transact(vec![step("SELECT 1"), step("INSERT INTO product (name) VALUES (NULL)")]).unwrap_err();
    assert!(error.to_string().contains("step 1: NOT NULL constraint failed: product.name"), "{error}");
}

#[test]
fn a_query_that_writes_is_denied() {
    let shop = Shop::open();
    for sql in [ADD, "DELETE FROM product", "UPDATE product SET stock = 1 RETURNING id"] {
        let error = shop.query(sql, &[]).unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
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
