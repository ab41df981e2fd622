//! Guests who sign in.

use serde_json::json;
use souk_test_services::caller::Who;

use crate::shop::{Buyer, CART, Shop, held, holds};

#[tokio::test]
async fn what_a_guest_put_in_is_the_accounts_and_the_guests_cart_is_gone() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let guest = shop.guest(&[(&pot, 1), (&tea, 2)]).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    let id = shop.cart(&mina).await.text("id").to_owned();
    let merged = shop.merge(&mina, &guest).await;
    assert_eq!((merged.status, held(&merged)), (200, holds(&[(&tea, 3), (&pot, 1)])));
    assert_eq!((merged.text("id"), &merged.body["left_out"]), (&*id, &json!([])));
    assert_eq!(shop.cart(&guest).await.refusal(), (404, "unknown-cart"));
    assert_eq!(shop.add(&guest, &tea, 1).await.refusal(), (404, "unknown-cart"));
    assert_eq!((shop.count("carts").await, shop.count("cart_items").await), (1, 2));
    assert_eq!(merged.tag(), shop.cart(&mina).await.tag());
}

#[tokio::test]
async fn an_account_without_a_cart_gets_one() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 2)]).await;
    let mina = Buyer::named("mina");
    assert_eq!(held(&shop.merge(&mina, &guest).await), holds(&[(&tea, 2)]));
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 2)]));
}

#[tokio::test]
async fn merging_again_changes_nothing_and_answers_in_the_same_way() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 2_000).await;
    let guest = shop.guest(&[(&tea, 600)]).await;
    let mina = shop.customer("mina", &[(&tea, 500)]).await;
    let first = shop.merge(&mina, &guest).await;
    assert_eq!(first.body["left_out"], json!([{"product_id": tea, "quantity": 101}]));
    for _ in 0..2 {
        assert_eq!(shop.merge(&mina, &guest).await.body, first.body);
    }
    shop.set(&mina, &tea, 1).await;
    assert_eq!(held(&shop.merge(&mina, &guest).await), holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn a_token_that_another_account_has_merged_is_no_carts() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 2)]).await;
    assert_eq!(shop.merge(&Buyer::named("mina"), &guest).await.status, 200);
    let jonathan = Buyer::named("jonathan");
    assert_eq!(shop.merge(&jonathan, &guest).await.refusal(), (404, "unknown-cart"));
    assert_eq!(shop.held(&jonathan).await, []);
}

#[tokio::test]
async fn of_what_is_in_both_the_accounts_price_stands() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    shop.warehouse.reprice(&tea, 600).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let merged = shop.merge(&mina, &guest).await;
    assert_eq!(merged.body["total"]["amount"], 1_000);
    assert_eq!(merged.body["differences"][0]["price"]["amount"], 600);
}

#[tokio::test]
async fn what_has_no_room_is_left_out_and_told() {
    let shop = Shop::open().await;
    let mina = Buyer::named("mina");
    let mut ids = Vec::new();
    for number in 0..42 {
        ids.push(shop.product(&format!("s{number}"), 100, 10).await);
    }
    for product in &ids[..39] {
        assert_eq!(shop.add(&mina, product, 1).await.status, 200);
    }
    let guest = shop.guest(&[(&ids[39], 1), (&ids[40], 3), (&ids[0], 2), (&ids[41], 1)]).await;
    let merged = shop.merge(&mina, &guest).await;
    let expected = json!([{"product_id": ids[40], "quantity": 3}, {"product_id": ids[41], "quantity": 1}]);
    assert_eq!((merged.items().len(), &merged.body["left_out"]), (40, &expected));
    assert_eq!((held(&merged)[0].1, &*held(&merged)[39].0), (3, &*ids[39]));
}

#[tokio::test]
async fn a_merged_cart_has_one_currency_and_a_price_within_bounds() {
    let shop = Shop::open().await;
    let cup = shop.warehouse.product("y", 70, "JPY", 50).await;
    let yacht = shop.product("a", 300_000_000_000, 10).await;
    let mina = shop.customer("mina", &[(&yacht, 2)]).await;
    let guest = shop.guest(&[(&cup, 1)]).await;
    let merged = shop.merge(&mina, &guest).await;
    assert_eq!(merged.body["left_out"], json!([{"product_id": cup, "quantity": 1}]));
    // The price that the account has seen is the one that counts.
    shop.warehouse.reprice(&yacht, 100_000_000_000).await;
    let guest = shop.guest(&[(&yacht, 3)]).await;
    let merged = shop.merge(&mina, &guest).await;
    assert_eq!(merged.body["left_out"], json!([{"product_id": yacht, "quantity": 2}]));
    assert_eq!(merged.body["total"]["amount"], 900_000_000_000_i64);
}

#[tokio::test]
async fn an_empty_cart_of_a_guest_makes_none_of_an_account() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    shop.empty(&guest).await;
    shop.database.events();
    let merged = shop.merge(&Buyer::named("mina"), &guest).await;
    assert_eq!((merged.status, &merged.body["items"], &merged.body["version"]), (200, &json!([]), &json!(0)));
    assert_eq!((shop.count("carts").await, shop.database.events()), (0, vec![]));
}

#[tokio::test]
async fn merging_is_for_who_signed_in_and_has_a_token() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let stranger = Buyer { who: Who::nobody(), token: None };
    let refused = shop.merge(&stranger, &guest).await;
    assert_eq!((refused.status, refused.field("www-authenticate")), (401, "Bearer"));
    let without = shop.merge(&Buyer::named("mina"), &stranger).await;
    assert_eq!(without.refusal(), (400, "about:blank"));
    assert_eq!(shop.held(&guest).await, holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn a_merge_may_say_what_it_has_seen() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let mina = shop.customer("mina", &[(&tea, 1)]).await;
    let old = shop.cart(&mina).await.tag().to_owned();
    shop.add(&mina, &tea, 1).await;
    let both = mina.with_token_of(&guest);
    let path = format!("{CART}/merge");
    assert_eq!(shop.send(&both, "POST", &path, Some(&old), None).await.refusal(), (412, "about:blank"));
    let tag = shop.cart(&mina).await.tag().to_owned();
    assert_eq!(shop.send(&both, "POST", &path, Some(&tag), None).await.status, 200);
}
