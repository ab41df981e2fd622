//! What the schema refuses is told apart from what is wrong, at the step or at the end of the transaction.

use souk_database::contract::Error;

use crate::shop::Shop;
use crate::words::{committed, step};

const ADD: &str = "INSERT INTO product (id, name) VALUES (1, 'chair')";

#[tokio::test]
async fn constraints_are_told_apart_from_mistakes() {
    let Some(shop) = Shop::open().await else { return };
    shop.run(ADD).await;
    for sql in [
        ADD,
        "INSERT INTO product (id, name) VALUES (2, 'chair')",
        "INSERT INTO product (id, name) VALUES (2, NULL)",
        "UPDATE product SET stock = -1",
        "INSERT INTO review (id, product) VALUES (1, 99)",
        "INSERT INTO review (id, product, later) VALUES (1, 1, 99)",
    ] {
        let error = shop.transact(vec![step("DELETE FROM note"), step(sql)]).await.unwrap_err();
        assert!(matches!(error, Error::Constraint(_)), "{sql}: {error}");
    }
    assert_eq!(shop.number("SELECT stock FROM product").await, 0, "nothing was written");
    assert_eq!(shop.number("SELECT count(*) FROM review").await, 0);
}

#[tokio::test]
async fn a_deferred_constraint_may_be_broken_until_the_transaction_ends() {
    let Some(shop) = Shop::open().await else { return };
    shop.run(ADD).await;
    let steps = vec![
        step("INSERT INTO review (id, product, later) VALUES (1, 1, 2)"),
        step("INSERT INTO product (id, name) VALUES (2, 'table')"),
    ];
    committed(shop.transact(steps).await);
}

#[tokio::test]
async fn a_conflict_that_is_planned_for_is_no_error() {
    let Some(shop) = Shop::open().await else { return };
    let add = "INSERT INTO product (id, name) VALUES (1, 'chair') ON CONFLICT DO NOTHING";
    assert_eq!([shop.run(add).await[0].changed, shop.run(add).await[0].changed], [1, 0]);
}
