//! Setting and adjusting stock.

use http::Request;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop};

async fn adjust(shop: &Shop, path: &str, change: i64, key: Option<&str>) -> Answer {
    let request = Request::post(format!("{path}/stock/adjustments")).header("content-type", "application/json");
    let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
    shop.send(request, json!({"change": change, "reason": "counted"}).to_string()).await
}

async fn hold(shop: &Shop, product_id: &str, quantity: i64) {
    let body = json!({"lines": [{"product_id": product_id, "quantity": quantity}], "expires_in_seconds": 60});
    let request = Request::put("/api/v1/reservations/r").header("content-type", "application/json");
    assert_eq!(shop.send(request, body.to_string()).await.status, 201);
}

#[tokio::test]
async fn stock_is_read_set_and_adjusted() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 12).await;
    let stock = shop.get(&format!("{path}/stock")).await;
    let expected = json!({"product_id": created.id(), "stock": 12, "held": 0, "available": 12});
    assert_eq!((stock.status, &stock.body, stock.tag()), (200, &expected, created.tag()));
    let set = shop.write("PUT", &format!("{path}/stock"), stock.tag(), &json!({"stock": 7})).await;
    assert_eq!((set.status, &set.body["stock"]), (200, &json!(7)));
    assert_eq!(shop.write("PUT", &format!("{path}/stock"), stock.tag(), &json!({"stock": 7})).await.status, 412);
    let adjusted = adjust(&shop, &path, 3, None).await;
    assert_eq!((adjusted.status, &adjusted.body["stock"]), (200, &json!(10)));
    assert_eq!(shop.get(&path).await.tag(), adjusted.tag());
    assert_eq!(shop.get(&path).await.body["version"], 1);
}

#[tokio::test]
async fn stock_never_goes_below_what_is_held() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 5).await;
    hold(&shop, created.id(), 3).await;
    let refused = adjust(&shop, &path, -3, None).await;
    assert_eq!((refused.refusal(), &refused.body["available"]), ((409, "sold-out"), &json!(2)));
    let refused = shop.write("PUT", &format!("{path}/stock"), "*", &json!({"stock": 2})).await;
    assert_eq!(refused.refusal(), (409, "sold-out"));
    assert_eq!(adjust(&shop, &path, -2, None).await.body["available"], 0);
    assert_eq!(adjust(&shop, &path, -1, None).await.refusal(), (409, "sold-out"));
    assert_eq!(adjust(&shop, &path, i64::MIN, None).await.refusal(), (422, "invalid-body"));
    shop.clock.advance_seconds(60);
    assert_eq!(adjust(&shop, &path, -3, None).await.body["stock"], 0);
}

#[tokio::test]
async fn stock_has_an_upper_bound() {
    let shop = Shop::open().await;
    let (path, _) = shop.product("TP-1", 999_999_999).await;
    assert_eq!(adjust(&shop, &path, 2, None).await.refusal(), (409, "too-much-stock"));
    assert_eq!(adjust(&shop, &path, 1, None).await.status, 200);
}

#[tokio::test]
async fn an_adjustment_with_a_key_has_its_effect_once() {
    let shop = Shop::open().await;
    let (path, _) = shop.product("TP-1", 10).await;
    let (other, _) = shop.product("TP-2", 10).await;
    for key in ["k-1", "k-1", "\"k-1\""] {
        let adjusted = adjust(&shop, &path, -1, Some(key)).await;
        assert_eq!((adjusted.status, &adjusted.body["stock"]), (200, &json!(9)), "{key}");
    }
    assert_eq!(adjust(&shop, &path, -2, Some("k-1")).await.refusal(), (422, "idempotency-key-reused"));
    assert_eq!(adjust(&shop, &path, -1, Some("k-2")).await.body["stock"], 8);
    assert_eq!(adjust(&shop, &other, -1, Some("k-1")).await.body["stock"], 9);
    assert_eq!(adjust(&shop, &path, -1, Some("not a key")).await.refusal(), (400, "about:blank"));
    // A refused request has used no key up.
    assert_eq!(adjust(&shop, &path, -99, Some("k-3")).await.status, 409);
    assert_eq!(adjust(&shop, &path, -1, Some("k-3")).await.body["stock"], 7);
}

#[tokio::test]
async fn racing_requests_with_one_key_have_one_effect() {
    let shop = Shop::open().await;
    let (path, _) = shop.product("TP-1", 10).await;
    let (first, second, third) = tokio::join!(
        adjust(&shop, &path, -1, Some("k")),
        adjust(&shop, &path, -1, Some("k")),
        adjust(&shop, &path, -1, Some("k"))
    );
    assert_eq!([first.status, second.status, third.status], [200; 3]);
    assert_eq!(shop.get(&path).await.body["stock"], 9);
}

#[tokio::test]
async fn low_stock_is_told_when_it_becomes_low_and_not_again() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 7).await;
    shop.events();
    for change in [-1, -1, -1, 3, -2] {
        assert_eq!(adjust(&shop, &path, change, None).await.status, 200);
    }
    let events = shop.events();
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    let changed = "stock.changed";
    assert_eq!(names, [changed, changed, "stock.low", changed, changed, changed, "stock.low"]);
    assert_eq!(events[2].1, json!({"product_id": created.id(), "threshold": 5}));
    assert_eq!(events[0].1, json!({"product_id": created.id(), "change": -1, "reason": "counted"}));
}

#[tokio::test]
async fn what_is_not_there_has_no_stock() {
    let shop = Shop::open().await;
    let path = "/api/v1/products/nothing";
    assert_eq!(shop.get(&format!("{path}/stock")).await.refusal(), (404, "about:blank"));
    assert_eq!(adjust(&shop, path, 1, None).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.write("PUT", &format!("{path}/stock"), "*", &json!({"stock": 1})).await.status, 404);
    let (path, _) = shop.product("TP-1", 1).await;
    for (body, pointer) in [
        (json!({"stock": -1}), "/stock"),
        (json!({"stock": 1.5}), "/stock"),
        (json!({}), "/stock"),
        (json!({"stock": 1, "held": 0}), "/held"),
    ] {
        let refused = shop.write("PUT", &format!("{path}/stock"), "*", &body).await;
        assert_eq!(
            (refused.refusal(), &refused.body["errors"][0]["pointer"]),
            ((422, "invalid-body"), &Value::from(pointer))
        );
    }
}
