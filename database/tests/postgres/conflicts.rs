//! Transactions at the same time: what one guards against, another cannot do meanwhile.

use std::sync::Arc;

use souk_database::contract::Outcome;

use crate::harness::{Limits, shop_with};
use crate::server::{psql, until_asleep};
use crate::words::{committed, step};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_is_tried_again() {
    let Some(shop) = shop_with(Limits { lock_ms: 5_000, transaction_ms: 6_000, ..Limits::default() }).await else {
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
    let Some(shop) = shop_with(limits).await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    let url = shop.home.url();
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
