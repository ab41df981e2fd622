//! What should not be sent, and what comes back: always a problem with the right status.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::shop::{Shop, Who};

const UNKNOWN: &str = "01919191-0000-7000-8000-000000000000";

#[tokio::test]
async fn all_faults_of_a_query_are_told_at_once() {
    let shop = Shop::open().await;
    for (query, faults) in [
        ("status=lost", vec!["status"]),
        ("order_id=a%20b", vec!["order_id"]),
        ("order_id=", vec!["order_id"]),
        ("customer=", vec!["customer"]),
        ("customer=a%0Ab", vec!["customer"]),
        ("customer=a%00b", vec!["customer"]),
        ("sort=id", vec!["sort"]),
        ("page=0&size=101&order_id=%2F&status=x&colour=blue", vec!["size", "page", "order_id", "status", "colour"]),
    ] {
        let refused = shop.get(&Who::admin(), &format!("/api/v1/payments?{query}")).await;
        assert_eq!((refused.refusal(), refused.faults()), ((400, "invalid-query"), faults), "{query}");
    }
}

#[tokio::test]
async fn all_faults_of_a_refund_are_told_at_once() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    for (body, faults) in [
        (json!({"amount": 0}), vec!["/amount"]),
        (json!({"amount": -1}), vec!["/amount"]),
        (json!({"amount": 1.5}), vec!["/amount"]),
        (json!({"amount": "1"}), vec!["/amount"]),
        (json!({"amount": 1_000_000_000_001_i64}), vec!["/amount"]),
        (json!({"amount": i64::MAX}), vec!["/amount"]),
        (json!({"currency": "EUR", "amount": 0, "why": "x"}), vec!["/currency", "/amount", "/why"]),
        (json!([]), vec![""]),
    ] {
        let refused = shop.give_back(&Who::admin(), id.as_str(), "k", &body).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), faults), "{body}");
    }
    let request = || Request::post(format!("/api/v1/payments/{}/refunds", id.as_str())).header("idempotency-key", "k");
    let json = || request().header("content-type", "application/json");
    for (request, body, expected) in [
        (json(), "{", (400, "malformed-body")),
        (json(), "{\"amount\":1,\"amount\":2}", (400, "malformed-body")),
        (request(), "{\"amount\":1}", (415, "about:blank")),
    ] {
        assert_eq!(shop.send(&Who::admin(), request, body).await.refusal(), expected, "{body}");
    }
    assert_eq!((shop.payment(&id).await.state.refunded(), shop.count("operations").await), (0, 2));
}

#[tokio::test]
async fn money_moves_only_under_one_good_key() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    let request = || Request::post(format!("/api/v1/payments/{}/refunds", id.as_str()));
    let long = "x".repeat(129);
    for request in [
        request(),
        request().header("idempotency-key", ""),
        request().header("idempotency-key", "\"\""),
        request().header("idempotency-key", &*long),
        request().header("idempotency-key", &b"\xc3\xa9"[..]),
        request().header("idempotency-key", "k").header("idempotency-key", "k"),
    ] {
        assert_eq!(shop.send(&Who::admin(), request, Body::empty()).await.refusal(), (400, "about:blank"));
    }
    assert_eq!(shop.payment(&id).await.state.refunded(), 0);
}

#[tokio::test]
async fn routes_methods_and_ids_that_do_not_exist() {
    let shop = Shop::open().await;
    let admin = Who::admin();
    for path in ["/", "/api/v1/payments/", "/api/v1/payments/%ff", "/api/v1/payments/a%2Fb", "/api/v1/payments/x/y"] {
        assert_eq!(shop.get(&admin, path).await.refusal(), (404, "about:blank"), "{path}");
    }
    assert_eq!(shop.get(&admin, &format!("/api/v1/payments/{UNKNOWN}")).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.give_back(&admin, UNKNOWN, "k", &json!({})).await.refusal(), (404, "about:blank"));
    let webhooks = format!("/api/v1/payments/webhooks/{}", crate::provider::NAME);
    for (method, path, allow) in [
        ("POST", "/api/v1/payments", "GET,HEAD"),
        ("DELETE", "/api/v1/payments/x", "GET,HEAD"),
        ("GET", "/api/v1/payments/resolve", "POST"),
        ("GET", &webhooks, "POST"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = shop.send(&admin, request, Body::empty()).await;
        assert_eq!((answer.refusal(), answer.field("allow")), ((405, "about:blank"), allow), "{method} {path}");
    }
    let broken = Request::get("/api/v1/payments").header("souk-caller", "root");
    assert_eq!(shop.send(&Who::nobody(), broken, Body::empty()).await.refusal(), (500, "about:blank"));
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_nothing_of_it() {
    let shop = Shop::open().await;
    shop.break_at(0, crate::shop::Break::Before);
    let refused = shop.get(&Who::admin(), "/api/v1/payments").await;
    assert_eq!((refused.refusal(), &refused.body["detail"]), ((503, "about:blank"), &Value::Null));
}
