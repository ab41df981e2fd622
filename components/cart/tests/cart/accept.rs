//! A customer takes a cart as it is now.

use serde_json::{Value, json};

use crate::shop::{Shop, differences, held, holds};

#[tokio::test]
async fn after_accepting_no_difference_is_left() {
    let shop = Shop::open().await;
    let mut ids = Vec::new();
    for sku in ["dearer", "short", "sold-out", "gone", "same"] {
        ids.push(shop.product(sku, 500, 10).await);
    }
    let [dearer, short, sold_out, gone, same] = &ids[..] else { panic!("there are five") };
    let mina = shop.customer("mina", &[(dearer, 2), (short, 5), (sold_out, 1), (gone, 1), (same, 3)]).await;
    shop.warehouse.reprice(dearer, 700).await;
    shop.warehouse.patch(dearer, &json!({"name": "Darjeeling"})).await;
    shop.warehouse.stock(short, 4).await;
    shop.warehouse.stock(sold_out, 0).await;
    shop.warehouse.delete(gone).await;
    assert_eq!(differences(&shop.cart(&mina).await).len(), 4);
    let accepted = shop.accept(&mina).await;
    assert_eq!((accepted.status, differences(&accepted)), (200, Vec::<Value>::new()));
    assert_eq!(held(&accepted), holds(&[(dearer, 2), (short, 4), (same, 3)]));
    let first = &accepted.items()[0];
    assert_eq!((&first["unit_price"]["amount"], &first["name"]), (&json!(700), &json!("Darjeeling")));
    assert_eq!(accepted.body["total"]["amount"], 2 * 700 + 4 * 500 + 3 * 500);
    let read = shop.cart(&mina).await;
    assert_eq!((&read.body, read.tag()), (&accepted.body, accepted.tag()));
}

#[tokio::test]
async fn accepting_what_is_fine_changes_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 2)]).await;
    let before = shop.cart(&mina).await;
    shop.database.calls();
    assert_eq!(shop.accept(&mina).await.body, before.body);
    assert_eq!(shop.database.calls().transactions, 0);
}

#[tokio::test]
async fn a_cart_of_which_nothing_is_left_is_empty() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 2)]).await;
    shop.warehouse.delete(&tea).await;
    let accepted = shop.accept(&mina).await;
    assert_eq!((&accepted.body["items"], &accepted.body["total"]), (&json!([]), &Value::Null));
    assert_eq!((shop.accept(&mina).await.body, shop.count("cart_items").await), (accepted.body, 0));
}

#[tokio::test]
async fn a_price_that_rises_above_all_bounds_is_not_accepted() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let mina = shop.customer("mina", &[(&tea, 2)]).await;
    shop.warehouse.reprice(&tea, 600_000_000_000).await;
    assert_eq!(shop.accept(&mina).await.refusal(), (409, "total-too-large"));
    assert_eq!(shop.set(&mina, &tea, 1).await.status, 200);
    assert_eq!(shop.accept(&mina).await.body["total"]["amount"], 600_000_000_000_i64);
}
