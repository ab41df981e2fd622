//! An event exists exactly if the change that it tells of was committed, and waits in order.

use souk_database::contract::{Error, Event, Expectation, Outcome};

use crate::harness::Shop;
use crate::words::{committed, event, expect, step};

#[tokio::test]
async fn events_are_stored_with_what_they_tell_of() {
    let Some(shop) = Shop::open().await else { return };
    assert_eq!(shop.db.status().await.unwrap().outbox.oldest_ms, None);
    let add = step("INSERT INTO product (id, name) VALUES (1, 'chair')");
    committed(shop.publish(vec![add.clone()], vec![event("1", "a"), event("2", "a")]).await);
    assert!(shop.publish(vec![add], vec![event("3", "a")]).await.is_err(), "the id is taken");
    let unmet = shop.publish(vec![expect("SELECT 1", Expectation::Exactly(0))], vec![event("4", "a")]).await;
    assert_eq!(unmet, Ok(Outcome::Unmet(0)));
    assert_eq!(shop.publish(vec![], vec![event("5", "b")]).await, Ok(Outcome::Committed(vec![])));
    let outbox = shop.db.status().await.unwrap().outbox;
    assert_eq!(outbox.waiting, 3);
    assert!(outbox.oldest_ms.unwrap() < 60_000, "{outbox:?}");
}

#[tokio::test]
async fn an_id_that_waits_already_refuses_the_whole_transaction() {
    let Some(shop) = Shop::open().await else { return };
    committed(shop.publish(vec![], vec![event("1", "a")]).await);
    let add = step("INSERT INTO product (id, name) VALUES (1, 'chair')");
    let again = shop.publish(vec![add], vec![event("2", "a"), event("1", "b")]).await;
    assert!(matches!(&again, Err(Error::Constraint(text)) if text.contains("event 1: the id `1` waits")), "{again:?}");
    assert_eq!(shop.number("SELECT count(*) FROM product").await, 0);
    assert_eq!(shop.db.status().await.unwrap().outbox.waiting, 1);
}

#[tokio::test]
async fn a_row_holds_the_event_as_it_was_given_in_order_per_key() {
    let Some(shop) = Shop::open().await else { return };
    let odd = Event { subject: None, data: "\"na\\u0000ïve\"".into(), ..event("odd", "b") };
    committed(shop.publish(vec![], vec![event("z", "a"), odd, event("y", "a")]).await);
    committed(shop.publish(vec![], vec![event("x", "a")]).await);
    let ids = shop.as_host("SELECT string_agg(id, ' ' ORDER BY sequence) FROM souk.souk_outbox WHERE key = 'a'");
    assert_eq!(ids, "z y x");
    let row = shop.as_host("SELECT subject IS NULL, data, time FROM souk.souk_outbox WHERE id = 'odd'");
    assert_eq!(row, "t|\"na\\u0000ïve\"|2026-11-20T10:00:00Z");
    shop.as_host("DELETE FROM souk.souk_outbox");
    committed(shop.publish(vec![], vec![event("x", "a")]).await);
    assert_eq!(shop.as_host("SELECT sequence FROM souk.souk_outbox"), "5", "a place is never used twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_order_of_a_key_is_the_order_of_the_commits() {
    let Some(shop) = Shop::open().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    // Each event tells the stock that its own transaction left behind; so the order of the events can be checked.
    let shop = std::sync::Arc::new(shop);
    let tasks: Vec<_> = (0..4)
        .map(|task| {
            let shop = std::sync::Arc::clone(&shop);
            tokio::spawn(async move {
                for round in 0..10 {
                    let id = format!("{task}-{round}");
                    let add = step("UPDATE product SET stock = stock + 1 WHERE id = 1");
                    let note = step(&format!("INSERT INTO serial (note) SELECT stock || ' {id}' FROM product"));
                    while shop.publish(vec![add.clone(), note.clone()], vec![event(&id, "a")]).await
                        == Ok(Outcome::Stale)
                    {}
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let events = shop.as_host("SELECT string_agg(id, ' ' ORDER BY sequence) FROM souk.souk_outbox");
    let commits = shop.as_host(
        "SELECT string_agg(split_part(note, ' ', 2), ' ' ORDER BY split_part(note, ' ', 1)::BIGINT) FROM serial",
    );
    assert_eq!(events, commits);
    assert_eq!(shop.number("SELECT stock FROM product").await, 40);
}

#[tokio::test]
async fn a_component_can_not_publish_by_itself() {
    let Some(shop) = Shop::open().await else { return };
    committed(shop.publish(vec![], vec![event("1", "a")]).await);
    for sql in [
        "SELECT souk.souk_publish('', '1', 'a', NULL, 'a', 'now', 'x')",
        "SELECT souk.souk_publish(NULL, '1', 'a', NULL, 'a', 'now', 'x')",
        "SELECT souk.souk_publish((SELECT value FROM souk.souk_secret WHERE name = 'token'), '1', 'a', NULL, 'a', 'b', 'c')",
        "INSERT INTO souk.souk_outbox (id, type, key, time, data, created_ms) VALUES ('9', 'a', 'b', 'c', 'd', 0)",
        "DELETE FROM souk.souk_outbox",
        "SELECT data FROM souk.souk_outbox",
        "UPDATE souk.souk_secret SET value = 'known'",
    ] {
        let error = shop.transact(vec![step(sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Denied(_)), "{sql}: {error}");
    }
    assert_eq!(shop.db.status().await.unwrap().outbox.waiting, 1);
}
