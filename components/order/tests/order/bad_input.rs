//! What is refused before anybody is asked: all faults at once.

use http::Request;
use serde_json::{Value, json};
use souk_test_services::answer::Answer;
use souk_test_services::request::json_request;

use crate::shop::{ORDERS, Shop, TRANSACTIONS, purchase};

fn sorted(refused: &Answer) -> Vec<&str> {
    let mut faults = refused.faults();
    faults.sort_unstable();
    faults
}

#[tokio::test]
async fn all_faults_of_a_check_out_are_told_at_once() {
    let shop = Shop::open().await;
    let mina = shop.buyer("mina").await;
    let body = json!({
        "payment_token": "a\nb", "address_id": "a b", "cart_version": "1", "items": [], "price": 1,
        "total": {"amount": -1, "currency": 7, "unit": "cent"}, "account": "a|b",
    });
    let refused = shop.order_with(&mina.who, "k", &body).await;
    assert_eq!(refused.refusal(), (422, "invalid-body"));
    let expected = [
        "/account",
        "/address_id",
        "/cart_version",
        "/items",
        "/payment_token",
        "/price",
        "/total/amount",
        "/total/currency",
        "/total/unit",
    ];
    assert_eq!(sorted(&refused), expected);
    assert!(shop.faults.calls().is_empty());
}

#[tokio::test]
async fn all_faults_of_a_purchase_are_told_at_once() {
    let shop = Shop::open().await;
    let mina = shop.buyer("mina").await;
    let body = json!({
        "customerId": "", "paymentToken": "é", "total": 1, "totalAmount": 1, "price": 1, "status": "paid",
        "items": [
            {"productId": "a", "quantity": 0, "price": 1},
            {"productId": "a b", "quantity": 1, "unitPrice": 1},
            {"quantity": 1.5},
            7,
        ],
    });
    let refused = shop.buy_with(&mina.who, Some("k"), &body).await;
    assert_eq!(refused.refusal(), (422, "invalid-body"));
    let expected = [
        "/customerId",
        "/items/0/price",
        "/items/0/quantity",
        "/items/1/productId",
        "/items/1/unitPrice",
        "/items/2/productId",
        "/items/2/quantity",
        "/items/3",
        "/paymentToken",
        "/price",
        "/status",
        "/total",
        "/totalAmount",
    ];
    assert_eq!(sorted(&refused), expected);
    assert!(shop.faults.calls().is_empty());
}

#[tokio::test]
async fn each_member_has_its_limits() {
    let shop = Shop::open().await;
    let mina = shop.buyer("mina").await;
    let item = |id: &str, quantity: Value| json!({"productId": id, "quantity": quantity});
    let many: Vec<Value> = (0..41).map(|number| item(&number.to_string(), json!(1))).collect();
    let good = purchase(&mina, "tok_visa", &[("a", 1)]);
    for (member, value, fault) in [
        ("items", json!([]), "/items"),
        ("items", json!(many), "/items"),
        ("items", json!([item("a", json!(1)), item("b", json!(1)), item("a", json!(2))]), "/items"),
        ("items", json!([item("a", json!(10_001))]), "/items/0/quantity"),
        ("items", json!([item("a", json!(-1))]), "/items/0/quantity"),
        ("items", json!([item("a", json!("1"))]), "/items/0/quantity"),
        ("items", json!([item("a", json!(1e30))]), "/items/0/quantity"),
        ("items", json!([item(&"a".repeat(65), json!(1))]), "/items/0/productId"),
        ("items", json!({"a": 1}), "/items"),
        ("items", Value::Null, "/items"),
        ("customerId", Value::Null, "/customerId"),
        ("customerId", json!(7), "/customerId"),
        ("paymentToken", json!("x".repeat(256)), "/paymentToken"),
        ("paymentToken", json!(""), "/paymentToken"),
    ] {
        let mut body = good.clone();
        body[member] = value;
        let refused = shop.buy_with(&mina.who, Some("k"), &body).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![fault]), "{body}");
    }
    let refused = shop.order_with(&mina.who, "k", &json!({})).await;
    assert_eq!(refused.faults(), ["/payment_token"]);
    let too_much = json!({"payment_token": "t", "total": {"amount": 1_000_000_000_001_i64, "currency": "EUR"}});
    assert_eq!(shop.order_with(&mina.who, "k", &too_much).await.faults(), ["/total/amount"]);
    assert_eq!((shop.count("orders").await, shop.count("keys").await), (0, 0));
}

#[tokio::test]
async fn what_is_no_body_is_refused() {
    let shop = Shop::open().await;
    let mina = shop.buyer("mina").await;
    for path in [ORDERS, TRANSACTIONS] {
        for (body, status) in [("", 400), ("{", 400), ("[]", 422), ("null", 422), ("{\"a\":1,\"a\":1}", 400)] {
            let request = json_request("POST", path).header("idempotency-key", "k");
            assert_eq!(shop.send(&mina.who, request, body).await.status, status, "{path} {body}");
        }
        let form = Request::post(path).header("idempotency-key", "k").header("content-type", "text/plain");
        assert_eq!(shop.send(&mina.who, form, "{}").await.status, 415);
        let huge = json_request("POST", path).header("idempotency-key", "k");
        assert_eq!(shop.send(&mina.who, huge, " ".repeat(1024 * 1024 + 1)).await.status, 413);
        let request = Request::builder().method("DELETE").uri(path);
        assert_eq!(shop.send(&mina.who, request, "").await.status, 405);
    }
    assert_eq!(shop.count("keys").await, 0);
}
