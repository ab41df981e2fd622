//! What is put in, set and taken out.

use serde_json::{Value, json};

use crate::shop::{Buyer, Shop, held, holds};

#[tokio::test]
async fn a_cart_says_what_it_holds_and_what_it_costs() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 550, 10).await, shop.product("b", 1_999, 10).await);
    let mina = shop.customer("mina", &[(&tea, 3), (&pot, 1)]).await;
    let cart = shop.cart(&mina).await;
    let eur = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let line = |product: &str, sku: &str, quantity: i64, unit: i64| {
        json!({"product_id": product, "sku": sku, "name": format!("Tea {sku}"), "image_url": format!("/images/{sku}.webp"),
            "quantity": quantity, "unit_price": eur(unit), "total": eur(unit * quantity)})
    };
    let expected = json!({
        "id": cart.body["id"], "items": [line(&tea, "a", 3, 550), line(&pot, "b", 1, 1_999)], "total": eur(3_649),
        "differences": [], "version": 2, "updated_at": "2026-11-20T10:00:00.000Z",
        "expires_at": "2027-02-18T10:00:00.000Z",
    });
    assert_eq!((cart.body["id"].is_string(), &cart.body), (true, &expected));
}

#[tokio::test]
async fn adding_adds_and_setting_sets() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 100).await, shop.product("b", 900, 100).await);
    let mina = shop.customer("mina", &[(&tea, 2), (&tea, 3)]).await;
    assert_eq!(held(&shop.set(&mina, &pot, 4).await), holds(&[(&tea, 5), (&pot, 4)]));
    assert_eq!(held(&shop.set(&mina, &tea, 1).await), holds(&[(&tea, 1), (&pot, 4)]));
    assert_eq!(held(&shop.add(&mina, &tea, 1).await), holds(&[(&tea, 2), (&pot, 4)]));
}

#[tokio::test]
async fn setting_what_is_so_already_changes_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 2)]).await;
    let before = shop.cart(&mina).await;
    shop.clock.advance_seconds(60);
    shop.database.calls();
    let after = shop.set(&mina, &tea, 2).await;
    assert_eq!((&after.body, after.tag()), (&before.body, before.tag()));
    assert_eq!(shop.database.calls().transactions, 0);
}

#[tokio::test]
async fn what_is_taken_out_is_gone_and_what_is_not_there_can_not_be() {
    let shop = Shop::open().await;
    let (tea, pot) = (shop.product("a", 500, 10).await, shop.product("b", 900, 10).await);
    let guest = shop.guest(&[(&tea, 2), (&pot, 1)]).await;
    let removed = shop.remove(&guest, &tea).await;
    assert_eq!((removed.status, &removed.body), (204, &Value::Null));
    assert_eq!(shop.held(&guest).await, holds(&[(&pot, 1)]));
    for none in [tea.as_str(), "nothing", "%20"] {
        assert_eq!(shop.remove(&guest, none).await.refusal(), (404, "about:blank"), "{none}");
    }
}

#[tokio::test]
async fn an_emptied_cart_is_the_same_cart_and_takes_another_currency() {
    let shop = Shop::open().await;
    let (tea, cup) = (shop.product("a", 500, 10).await, shop.warehouse.product("y", 70, "JPY", 5).await);
    let guest = shop.guest(&[(&tea, 2)]).await;
    let before = shop.cart(&guest).await;
    assert_eq!(shop.empty(&guest).await.status, 204);
    let empty = shop.cart(&guest).await;
    assert_eq!((empty.text("id"), &empty.body["version"]), (before.text("id"), &json!(2)));
    assert_eq!((&empty.body["items"], &empty.body["total"]), (&json!([]), &Value::Null));
    let added = shop.add(&guest, &cup, 2).await;
    assert_eq!(added.body["total"], json!({"amount": 140, "currency": "JPY"}));
}

#[tokio::test]
async fn what_is_not_for_sale_is_not_put_in() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    shop.warehouse.patch(&tea, &json!({"status": "draft"})).await;
    let mina = Buyer::named("mina");
    for product in [tea.as_str(), "0192aaaa-0000-7000-8000-000000000000", "x"] {
        assert_eq!(shop.add(&mina, product, 1).await.refusal(), (422, "unknown-product"), "{product}");
        assert_eq!(shop.set(&mina, product, 1).await.refusal(), (422, "unknown-product"), "{product}");
    }
    assert_eq!(shop.count("carts").await, 0);
}

#[tokio::test]
async fn more_than_there_is_is_refused_with_what_there_is() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    shop.warehouse.reserve(&tea, 4).await;
    let mina = shop.customer("mina", &[(&tea, 5)]).await;
    for refused in [shop.add(&mina, &tea, 2).await, shop.set(&mina, &tea, 7).await] {
        assert_eq!((refused.refusal(), &refused.body["available"]), ((409, "sold-out"), &json!(6)));
    }
    assert_eq!(shop.add(&mina, &tea, 1).await.status, 200);
    assert_eq!(shop.held(&mina).await, holds(&[(&tea, 6)]));
}

#[tokio::test]
async fn a_cart_has_one_currency() {
    let shop = Shop::open().await;
    let (tea, cup) = (shop.product("a", 500, 10).await, shop.warehouse.product("y", 70, "JPY", 5).await);
    let guest = shop.guest(&[(&tea, 1)]).await;
    for refused in [shop.add(&guest, &cup, 1).await, shop.set(&guest, &cup, 1).await] {
        assert_eq!((refused.refusal(), &refused.body["currency"]), ((409, "other-currency"), &json!("EUR")));
    }
}

#[tokio::test]
async fn what_is_free_costs_nothing() {
    let shop = Shop::open().await;
    let sample = shop.product("a", 0, 5).await;
    let cart = shop.add(&Buyer::named("mina"), &sample, 3).await;
    assert_eq!(cart.body["total"], json!({"amount": 0, "currency": "EUR"}));
}

#[tokio::test]
async fn the_order_is_that_in_which_things_were_put_in() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for sku in ["c", "a", "b"] {
        ids.push(shop.product(sku, 100, 10).await);
    }
    let guest = shop.guest(&[(&ids[2], 1), (&ids[0], 1), (&ids[1], 1)]).await;
    shop.add(&guest, &ids[2], 1).await;
    shop.remove(&guest, &ids[0]).await;
    shop.add(&guest, &ids[0], 1).await;
    assert_eq!(shop.held(&guest).await, holds(&[(&ids[2], 2), (&ids[1], 1), (&ids[0], 1)]));
}
