//! Transactions at the same time: what one guards against, another cannot do meanwhile.

use std::sync::Arc;

use souk_database::contract::{Expectation, Outcome};
use souk_database::postgres::Limits;

use crate::harness::Shop;
use crate::server::{psql, until_asleep};
use crate::words::{committed, expect, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_those_who_want_the_last_unit_exactly_one_gets_it() {
    let limits = Limits { writers: 8, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    shop.run("INSERT INTO product (id, name, stock) VALUES (1, 'chair', 1)").await;
    let shop = Arc::new(shop);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let shop = Arc::clone(&shop);
            let take = "UPDATE product SET stock = stock - 1 WHERE id = 1 AND stock >= 1";
            tokio::spawn(async move { shop.transact(vec![expect(take, Expectation::Exactly(1))]).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    let won = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Committed(_))).count();
    let lost = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Unmet(0))).count();
    assert_eq!((won, lost), (1, 7), "{outcomes:?}");
    assert_eq!(shop.number("SELECT stock FROM product").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_guard_still_holds_when_its_transaction_commits() {
    let Some(shop) = Shop::open().await else { return };
    let shop = Arc::new(shop);
    for round in 0..10 {
        let note = format!("round {round}");
        // Nobody has booked, so I do: on a lower level of isolation both would.
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (shop, note) = (Arc::clone(&shop), note.clone());
                tokio::spawn(async move {
                    let guard = format!("SELECT id FROM serial WHERE note = '{note}'");
                    let book = format!("INSERT INTO serial (note) VALUES ('{note}')");
                    shop.transact(vec![expect(&guard, Expectation::Exactly(0)), step(&book)]).await.unwrap()
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(shop.number(&format!("SELECT count(*) FROM serial WHERE note = '{note}'")).await, 1, "{note}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_is_tried_again() {
    let Some(shop) = Shop::open_with(Limits { lock_ms: 5_000, transaction_ms: 6_000, ..Limits::default() }).await
    else {
        return;
    };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair'), (2, 'table')").await;
    let shop = Arc::new(shop);
    let tasks: Vec<_> = [(1, 2), (2, 1)]
        .map(|(first, second)| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let add = |id| step(&format!("UPDATE product SET stock = stock + 1 WHERE id = {id}"));
                committed(shop.transact(vec![add(first), step("SELECT pg_sleep(0.3)"), add(second)]).await);
            })
        })
        .into();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(shop.number("SELECT sum(stock)::BIGINT FROM product").await, 4);
    assert!(shop.db.totals().conflicts >= 1);
}

#[tokio::test]
async fn what_another_keeps_locked_is_stale_in_the_end() {
    let limits = Limits { lock_ms: 50, attempts: 3, ..Limits::default() };
    let Some(shop) = Shop::open_with(limits).await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    let url = crate::harness::in_database(&shop.server, &format!("souk_{}", shop.component));
    let holder = std::thread::spawn({
        let url = url.clone();
        move || psql(&url, "BEGIN; UPDATE product SET stock = 5; SELECT pg_sleep(600); ROLLBACK")
    });
    until_asleep(&url).await;
    let outcome = shop.transact(vec![step("UPDATE product SET stock = 1")]).await;
    assert_eq!(outcome, Ok(Outcome::Stale));
    assert_eq!(shop.db.totals().conflicts, 3);
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE wait_event = 'PgSleep' AND datname = current_database()";
    psql(&url, end).unwrap();
    assert!(holder.join().unwrap().is_err(), "it was ended");
    assert_eq!(shop.number("SELECT stock FROM product").await, 0);
}
