//! Tags: what a client has seen, and what a write compares.

use http::Request;
use serde_json::json;
use souk_test_services::answer::Answer;

use crate::shop::{Buyer, CART, ITEMS, Shop, holds, item};

/// Each write with this condition; the answers.
async fn writes(shop: &Shop, buyer: &Buyer, product: &str, tag: &str) -> Vec<Answer> {
    let addition = json!({"product_id": product, "quantity": 1});
    let quantity = json!({"quantity": 3});
    vec![
        shop.send(buyer, "POST", ITEMS, Some(tag), Some(&addition)).await,
        shop.send(buyer, "PUT", &item(product), Some(tag), Some(&quantity)).await,
        shop.send(buyer, "POST", &format!("{CART}/accept"), Some(tag), None).await,
        shop.send(buyer, "DELETE", &item(product), Some(tag), None).await,
        shop.send(buyer, "DELETE", CART, Some(tag), None).await,
    ]
}

#[tokio::test]
async fn a_write_with_an_old_tag_changes_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    let old = shop.cart(&guest).await.tag().to_owned();
    shop.add(&guest, &tea, 1).await;
    let other = shop.cart(&shop.guest(&[(&tea, 1)]).await).await.tag().to_owned();
    for tag in [old.as_str(), &other, "\"none.0.0\"", "\"x\"", "\"\""] {
        for answer in writes(&shop, &guest, &tea, tag).await {
            assert_eq!(answer.refusal(), (412, "about:blank"), "{tag}");
        }
    }
    assert_eq!(shop.held(&guest).await, holds(&[(&tea, 2)]));
}

#[tokio::test]
async fn a_write_with_the_tag_of_now_is_done() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    for method in ["PUT", "DELETE"] {
        let tag = shop.cart(&guest).await.tag().to_owned();
        let body = json!({"quantity": 3});
        let body = (method == "PUT").then_some(&body);
        let done = shop.send(&guest, method, &item(&tea), Some(&tag), body).await;
        assert!(done.status < 300, "{done:?}");
    }
    for answer in writes(&shop, &shop.guest(&[(&tea, 1)]).await, &tea, "*").await {
        assert!(answer.status < 300, "{answer:?}");
    }
    let newcomer = Buyer::named("mina");
    let tag = shop.cart(&newcomer).await.tag().to_owned();
    let addition = json!({"product_id": tea, "quantity": 1});
    assert_eq!(shop.send(&newcomer, "POST", ITEMS, Some(&tag), Some(&addition)).await.status, 200);
    assert_eq!(shop.send(&newcomer, "POST", ITEMS, Some(&tag), Some(&addition)).await.refusal().0, 412);
}

#[tokio::test]
async fn the_tag_is_another_when_the_differences_are_and_a_write_does_not_mind() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 5)]).await;
    let fine = shop.cart(&guest).await.tag().to_owned();
    let mut tags = vec![fine.clone()];
    shop.warehouse.stock(&tea, 4).await;
    tags.push(shop.cart(&guest).await.tag().to_owned());
    shop.warehouse.stock(&tea, 3).await;
    tags.push(shop.cart(&guest).await.tag().to_owned());
    shop.warehouse.reprice(&tea, 501).await;
    tags.push(shop.cart(&guest).await.tag().to_owned());
    let mut different = tags.clone();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), tags.len(), "{tags:?}");
    let body = json!({"quantity": 2});
    assert_eq!(shop.send(&guest, "PUT", &item(&tea), Some(&fine), Some(&body)).await.status, 200);
}

#[tokio::test]
async fn who_has_the_cart_as_it_is_does_not_get_it_again() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 5)]).await;
    let read = shop.cart(&guest).await;
    let again = |tag: String| {
        let request = Request::get(CART).header("cart-token", guest.token.as_deref().expect("it has one"));
        shop.request(&guest.who, request.header("if-none-match", tag), String::new())
    };
    let unchanged = again(read.tag().to_owned()).await;
    assert_eq!((unchanged.status, unchanged.tag(), unchanged.bytes.len()), (304, read.tag(), 0));
    assert_eq!(unchanged.field("cache-control"), "private, no-cache");
    shop.warehouse.stock(&tea, 0).await;
    assert_eq!(again(read.tag().to_owned()).await.status, 200);
}

#[tokio::test]
async fn a_condition_that_is_none_is_refused() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    for answer in writes(&shop, &guest, &tea, "not a tag").await {
        assert_eq!(answer.refusal(), (400, "about:blank"));
    }
}
