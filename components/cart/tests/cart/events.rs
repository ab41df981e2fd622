//! What others are told.

use serde_json::{Value, json};

use crate::shop::Shop;

#[tokio::test]
async fn each_change_is_told_once_and_a_change_of_nothing_is_none() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let mina = shop.customer("mina", &[(&tea, 2), (&pot, 1)]).await;
    let cart = shop.cart(&mina).await.body["id"].clone();
    shop.set(&mina, &tea, 2).await;
    shop.accept(&mina).await;
    shop.remove(&mina, &pot).await;
    shop.remove(&mina, &pot).await;
    shop.add(&mina, &tea, 100).await;
    shop.empty(&mina).await;
    shop.empty(&mina).await;
    let told =
        |version: u32, items: u32| ("cart.changed".to_owned(), json!({"id": cart, "version": version, "items": items}));
    assert_eq!(shop.database.events(), [told(1, 1), told(2, 2), told(3, 1), told(4, 0)]);
}

#[tokio::test]
async fn a_merge_and_a_purchase_have_their_own() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let (guest, mina) = (shop.guest(&[(&tea, 2)]).await, shop.customer("mina", &[(&tea, 1)]).await);
    let (from, cart) = (shop.cart(&guest).await.body["id"].clone(), shop.cart(&mina).await.body["id"].clone());
    shop.database.events();
    shop.merge(&mina, &guest).await;
    shop.merge(&mina, &guest).await;
    shop.take_out(&mina, "o-1", &[(&tea, 1)]).await;
    shop.take_out(&mina, "o-1", &[(&tea, 1)]).await;
    shop.take_out(&mina, "o-2", &[("other", 1)]).await;
    let expected: [(String, Value); 2] = [
        ("cart.merged".to_owned(), json!({"id": cart, "version": 2, "items": 1, "from": from})),
        ("cart.bought".to_owned(), json!({"id": cart, "version": 3, "items": 1, "order_id": "o-1"})),
    ];
    assert_eq!(shop.database.events(), expected);
}

#[tokio::test]
async fn events_are_about_the_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    let cart = shop.cart(&mina).await.text("id").to_owned();
    let events = shop.database.whole_events();
    assert_eq!((events.len(), &*events[0].key, events[0].subject.as_deref()), (1, &*cart, Some(&*cart)));
}
