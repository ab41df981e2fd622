//! Transactions that share a commit don't notice each other.

use std::time::Duration;

use futures_executor::block_on;
use futures_util::future::join_all;
use souk_database::contract::{Database, Error, Expectation, Outcome, Statement, Step, Transaction, Value};
use souk_database::sqlite::Limits;

use crate::harness::Shop;
use crate::words::{expect, step};

/// Sends transactions at once, so that all but the first are likely to share a commit.
fn together(shop: &Shop, transactions: Vec<Vec<Step>>) -> Vec<Result<Outcome, Error>> {
    let calls = transactions.into_iter().map(|steps| shop.db.transact(Transaction { steps, events: vec![] }));
    block_on(join_all(calls))
}

fn add(id: i64) -> Vec<Step> {
    let sql = "INSERT INTO product (id, name) VALUES ($1, 'product ' || $1)".into();
    vec![Step { statement: Statement { sql, parameters: vec![Value::Integer(id)] }, expect: Expectation::Exactly(1) }]
}

/// A transaction that writes and then fails in some way, between forty that do not fail.
fn assert_undisturbed(failing: &str, is_expected: fn(&Result<Outcome, Error>) -> bool) {
    let shop = Shop::open_with(Limits { transaction_ms: 200, ..Limits::default() });
    let mut transactions: Vec<_> = (0..40).map(add).collect();
    for at in [35, 20, 19, 1] {
        let mut steps = add(1_000 + i64::try_from(at).unwrap());
        steps.push(expect(failing, Expectation::Exactly(7)));
        transactions.insert(at, steps);
    }
    for (index, result) in together(&shop, transactions).iter().enumerate() {
        if [1, 20, 22, 38].contains(&index) {
            assert!(is_expected(result), "{failing}: {result:?}");
        } else {
            assert!(matches!(result, Ok(Outcome::Committed(_))), "{failing}: transaction {index}: {result:?}");
        }
    }
    assert_eq!(shop.number("SELECT count(*) FROM product"), 40, "{failing}");
    let totals = shop.db.totals();
    assert!(totals.groups < totals.transactions / 2, "they were grouped: {totals:?}");
    drop(shop.db);
}

#[test]
fn an_unmet_neighbour_does_not_disturb() {
    assert_undisturbed("SELECT 1", |result| *result == Ok(Outcome::Unmet(1)));
}

#[test]
fn a_failing_neighbour_does_not_disturb() {
    assert_undisturbed("INSERT INTO product (name) VALUES (NULL)", |result| {
        matches!(result, Err(Error::Constraint(_)))
    });
    assert_undisturbed("SELECT nonsense", |result| matches!(result, Err(Error::Invalid(_))));
    assert_undisturbed("ROLLBACK", |result| matches!(result, Err(Error::Denied(_))));
}

#[test]
fn a_neighbour_with_a_broken_deferred_foreign_key_does_not_disturb() {
    // The engine itself would notice at the commit that all share.
    assert_undisturbed(
        "INSERT INTO review (product, later) SELECT 0, value FROM json_each('[5,5,5,5,5,5,99999]')",
        |result| matches!(result, Err(Error::Constraint(_))),
    );
}

#[test]
fn a_neighbour_that_rolls_everything_back_does_not_disturb() {
    assert_undisturbed("INSERT OR ROLLBACK INTO product (name) VALUES ('twin'), ('twin')", |result| {
        matches!(result, Err(Error::Constraint(_)))
    });
    assert_undisturbed(
        "INSERT INTO trap VALUES (1)",
        |result| matches!(result, Err(Error::Constraint(text)) if text.contains("trapped")),
    );
}

#[test]
fn a_neighbour_that_is_too_slow_does_not_disturb() {
    let endless = "INSERT INTO product (name) WITH RECURSIVE n (i) AS (SELECT 2000 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n";
    assert_undisturbed(endless, |result| matches!(result, Err(Error::TooSlow(_))));
}

#[test]
fn groups_keep_the_order_of_calls() {
    let shop = Shop::open();
    shop.run("INSERT INTO product (id, name, stock) VALUES (1, 'chair', 0)");
    let steps = (0..100).map(|stock| {
        vec![expect(
            &format!("UPDATE product SET stock = {} WHERE stock = {stock}", stock + 1),
            Expectation::Exactly(1),
        )]
    });
    let outcomes = together(&shop, steps.collect());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Outcome::Committed(_)))), "{outcomes:?}");
    assert_eq!(shop.number("SELECT stock FROM product"), 100);
}

#[test]
fn a_full_queue_refuses_instead_of_growing() {
    let shop = Shop::open_with(Limits { write_queue: 2, transaction_ms: 300, ..Limits::default() });
    let slow = vec![step("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")];
    let mut transactions = vec![slow];
    transactions.extend((0..1_000).map(add));
    let outcomes = together(&shop, transactions);
    let refused = outcomes
        .iter()
        .filter(|outcome| matches!(outcome, Err(Error::Unavailable(text)) if text.contains("write-queue")))
        .count();
    assert!(refused > 500, "{refused}");
    assert_eq!(shop.number("SELECT count(*) FROM product"), 1_000 - i64::try_from(refused).unwrap());
}

#[test]
fn who_waits_too_long_is_told_and_nothing_is_done() {
    let shop = Shop::open_with(Limits { wait_ms: 50, transaction_ms: 200, ..Limits::default() });
    let slow = vec![step("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")];
    let outcomes = together(&shop, vec![slow.clone(), slow, add(1)]);
    assert!(matches!(&outcomes[2], Err(Error::Unavailable(text)) if text.contains("wait-ms")), "{outcomes:?}");
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
}

#[test]
fn a_caller_that_went_away_before_its_turn_gets_nothing_done() {
    let shop = Shop::open_with(Limits { transaction_ms: 200, ..Limits::default() });
    let slow = vec![step("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")];
    let mut context = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
    let mut first = shop.db.transact(Transaction { steps: slow, events: vec![] });
    let mut second = shop.db.transact(Transaction { steps: add(1), events: vec![] });
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    drop(second);
    assert!(block_on(first).is_err());
    shop.run("SELECT 1");
    assert_eq!(shop.number("SELECT count(*) FROM product"), 0);
}
