//! What a cart holds at most.

use crate::shop::{Buyer, Shop, holds};

#[tokio::test]
async fn a_cart_holds_forty_products_and_more_of_them() {
    let shop = Shop::open().await;
    let mina = Buyer::named("mina");
    let mut ids = Vec::new();
    for number in 0..41 {
        ids.push(shop.product(&format!("s{number}"), 100, 10).await);
    }
    for product in &ids[..40] {
        assert_eq!(shop.add(&mina, product, 1).await.status, 200);
    }
    shop.warehouse.questions();
    for refused in [shop.add(&mina, &ids[40], 1).await, shop.set(&mina, &ids[40], 1).await] {
        assert_eq!(refused.refusal(), (409, "too-many-products"));
    }
    assert_eq!(shop.warehouse.questions(), 0);
    assert_eq!(shop.add(&mina, &ids[0], 1).await.status, 200);
    assert_eq!(shop.remove(&mina, &ids[0]).await.status, 204);
    assert_eq!(shop.add(&mina, &ids[40], 1).await.status, 200);
}

#[tokio::test]
async fn of_a_product_there_are_at_most_999() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 1, 100_000).await;
    let mina = shop.customer("mina", &[(&tea, 998)]).await;
    assert_eq!(shop.add(&mina, &tea, 2).await.refusal(), (409, "too-many-of-product"));
    assert_eq!(shop.add(&mina, &tea, 1).await.status, 200);
    assert_eq!(shop.add(&mina, &tea, 999).await.refusal(), (409, "too-many-of-product"));
    assert_eq!(shop.set(&mina, &tea, 1_000).await.refusal(), (422, "invalid-body"));
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 999)]));
}

#[tokio::test]
async fn a_cart_costs_at_most_what_an_amount_of_money_can_be() {
    let shop = Shop::open().await;
    let (yacht, tea) = (shop.product("a", 500_000_000_000, 10).await, shop.product("b", 1, 10).await);
    let mina = shop.customer("mina", &[(&yacht, 2)]).await;
    let free = shop.product("c", 0, 10).await;
    assert_eq!(shop.add(&mina, &free, 1).await.status, 200);
    for refused in [shop.add(&mina, &tea, 1).await, shop.set(&mina, &yacht, 3).await] {
        assert_eq!(refused.refusal(), (409, "total-too-large"));
    }
    let cart = shop.cart(&mina).await;
    assert_eq!(cart.body["total"]["amount"], 1_000_000_000_000_i64);
}
