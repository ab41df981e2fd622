//! What a call costs on the way to the server.

use souk_database::contract::{Expectation, Outcome, Value};

use crate::harness::{Limits, shop, shop_with};
use crate::words::{committed, event, expect, step};

#[tokio::test]
async fn a_query_is_one_and_a_transaction_of_ten_steps_is_two() {
    let Some(shop) = shop().await else { return };
    let steps: Vec<_> = (0..10)
        .map(|id| {
            expect(
                &format!("INSERT INTO product (id, name) VALUES ({id}, '{id}') RETURNING id"),
                Expectation::Exactly(1),
            )
        })
        .collect();
    let remove = vec![step("DELETE FROM product")];
    for round in 0..3 {
        let before = shop.db.totals().round_trips;
        let events = vec![event(&format!("{round}-1"), "a"), event(&format!("{round}-2"), "a")];
        committed(shop.publish(steps.clone(), events).await);
        let spent = shop.db.totals().round_trips - before;
        assert_eq!(spent, if round == 0 { 3 } else { 2 }, "one more where the statements are new");
        let before = shop.db.totals().round_trips;
        shop.query("SELECT id FROM product WHERE id = $1", &[Value::Integer(1)]).await.unwrap();
        assert_eq!(shop.db.totals().round_trips - before, if round == 0 { 2 } else { 1 });
        committed(shop.transact(remove.clone()).await);
    }
    let before = shop.db.totals().round_trips;
    let unmet = vec![expect("DELETE FROM product", Expectation::Exactly(1))];
    assert_eq!(shop.transact(unmet.clone()).await, Ok(Outcome::Unmet(0)));
    assert_eq!(shop.db.totals().round_trips - before, 2, "prepared above; `ROLLBACK` is the second");
    assert_eq!(shop.db.totals().connected, 2);
}

#[tokio::test]
async fn statements_that_were_pushed_out_are_prepared_again() {
    let limits = Limits { statements: 2, readers: 1, writers: 1, ..Limits::default() };
    let Some(shop) = shop_with(limits).await else { return };
    for _ in 0..3 {
        for number in 0..5 {
            assert_eq!(shop.number(&format!("SELECT {number}")).await, number);
        }
        let steps = (0..5).map(|number| step(&format!("SELECT {number}"))).collect();
        assert_eq!(committed(shop.transact(steps).await).len(), 5);
    }
    let prepared = shop.number("SELECT count(*) FROM pg_prepared_statements").await;
    assert!(prepared <= 6, "the server forgets them too: {prepared}");
}

#[tokio::test]
async fn a_transaction_of_nothing_is_none() {
    let Some(shop) = shop().await else { return };
    assert_eq!(shop.transact(vec![]).await, Ok(Outcome::Committed(vec![])));
    assert_eq!(shop.db.totals().round_trips, 0);
}
