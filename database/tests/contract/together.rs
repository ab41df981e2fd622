//! Transactions at the same time: what one expects, another cannot undo meanwhile.

use futures_util::future::join_all;
use souk_database::contract::{Expectation, Outcome};

use crate::shop::{Place, Shop};
use crate::words::{event, expect, step, text};

#[tokio::test]
async fn the_last_pieces_are_sold_once() {
    let Some(shop) = Shop::open().await else { return };
    shop.run("INSERT INTO product (id, name, stock) VALUES (1, 'chair', 3)").await;
    let take = "UPDATE product SET stock = stock - 1 WHERE id = 1 AND stock >= 1";
    let outcomes = join_all((0..12).map(|_| shop.transact(vec![expect(take, Expectation::Exactly(1))]))).await;
    let sold = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Committed(_)))).count();
    let lost = outcomes.iter().filter(|outcome| **outcome == Ok(Outcome::Unmet(0))).count();
    assert_eq!((sold, lost), (3, 9), "{outcomes:?}");
    assert_eq!(shop.number("SELECT stock FROM product").await, 0);
}

#[tokio::test]
async fn a_guard_still_holds_when_its_transaction_commits() {
    let Some(shop) = Shop::open().await else { return };
    for round in 0..10 {
        // Nobody has booked, so I do: on a lower level of isolation several would.
        let book = |caller: i64| {
            let guard = format!("SELECT id FROM note WHERE body = 'round {round}'");
            let book = format!("INSERT INTO note (id, body) VALUES ({}, 'round {round}')", round * 10 + caller);
            shop.transact(vec![expect(&guard, Expectation::Exactly(0)), step(&book)])
        };
        for outcome in join_all((0..4).map(book)).await {
            outcome.unwrap();
        }
        let booked = shop.number(&format!("SELECT count(*) FROM note WHERE body = 'round {round}'")).await;
        assert_eq!(booked, 1, "{round}");
    }
}

#[tokio::test]
async fn the_order_of_a_key_is_the_order_of_the_commits() {
    let Some(shop) = Shop::open().await else { return };
    shop.run("INSERT INTO product (id, name) VALUES (1, 'chair')").await;
    // Each note tells the stock that its own transaction left behind; so the order of the events can be checked.
    let write = async |caller: i64| {
        for round in 0..10 {
            let id = caller * 10 + round;
            let add = step("UPDATE product SET stock = stock + 1 WHERE id = 1");
            let note = format!("INSERT INTO note (id, body) SELECT stock, '{id}' FROM product");
            let steps = vec![add, step(&note)];
            while shop.publish(steps.clone(), vec![event(&id.to_string(), "a")]).await.unwrap() == Outcome::Stale {}
        }
    };
    join_all((0..4).map(write)).await;
    let events: Vec<_> = shop.home.waiting().iter().map(|(_, event)| text(&event.id)).collect();
    let commits = shop.query("SELECT body FROM note ORDER BY id", &[]).await.unwrap();
    assert_eq!(events, commits.cells);
    assert_eq!(shop.number("SELECT stock FROM product").await, 40);
}
