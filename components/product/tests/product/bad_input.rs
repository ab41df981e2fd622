//! What should not be sent, and what comes back: always a problem with the right status.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::shop::{Shop, teapot, with};

async fn create(shop: &Shop, media: &str, body: impl Into<Body>) -> (u16, String) {
    let answer = shop.send(Request::post("/api/v1/products").header("content-type", media), body).await;
    let (status, name) = answer.refusal();
    (status, name.to_owned())
}

fn refusal(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

#[tokio::test]
async fn a_body_must_be_json_of_bounded_size_and_depth() {
    let shop = Shop::open().await;
    let media = "application/json";
    let malformed = refusal(400, "malformed-body");
    assert_eq!(create(&shop, media, "").await, malformed);
    assert_eq!(create(&shop, media, "{\"sku\":").await, malformed);
    assert_eq!(create(&shop, media, "[".repeat(100_000)).await, malformed);
    assert_eq!(create(&shop, media, &b"{\"sku\":\"\xc3\x28\"}"[..]).await, malformed);
    assert_eq!(create(&shop, media, "{\"sku\":\"a\",\"sku\":\"b\"}").await, malformed);
    assert_eq!(create(&shop, media, "{\"attributes\":{\"a\":\"1\",\"a\":\"2\"}}").await, malformed);
    assert_eq!(create(&shop, media, " ".repeat(11 << 20)).await, refusal(413, "about:blank"));
    for media in ["text/plain", "application/x-www-form-urlencoded", "application/json;charset=latin-1", ""] {
        assert_eq!(create(&shop, media, "{}").await, refusal(415, "about:blank"), "{media}");
    }
}

#[tokio::test]
async fn each_field_has_bounds() {
    let shop = Shop::open().await;
    let price = |amount: Value, currency: &str| json!({"amount": amount, "currency": currency});
    let too_many: serde_json::Map<_, _> = (0..51).map(|number| (number.to_string(), json!("x"))).collect();
    let cases = [
        ("sku", json!("a b"), "/sku"),
        ("sku", json!(5), "/sku"),
        ("name", json!(""), "/name"),
        ("name", json!("x".repeat(201)), "/name"),
        ("name", json!("a\u{0}b"), "/name"),
        ("name", Value::Null, "/name"),
        ("description", json!("x".repeat(10_001)), "/description"),
        ("price", price(json!(-1), "EUR"), "/price/amount"),
        ("price", price(json!(1.5), "EUR"), "/price/amount"),
        ("price", price(json!(1_000_000_000_001_i64), "EUR"), "/price/amount"),
        ("price", price(json!("1"), "EUR"), "/price/amount"),
        ("price", price(json!(1), "eur"), "/price/currency"),
        ("price", json!(5), "/price"),
        ("category", json!("No Slug"), "/category"),
        ("attributes", json!({"colour": 5}), "/attributes/colour"),
        ("attributes", json!({"a/b": null}), "/attributes/a~1b"),
        ("attributes", json!({"": "x"}), "/attributes/"),
        ("attributes", json!({"a": "x".repeat(201)}), "/attributes/a"),
        ("attributes", too_many.into(), "/attributes"),
        ("attributes", json!([]), "/attributes"),
        ("image_url", json!("javascript:alert(1)"), "/image_url"),
        ("status", json!("sold"), "/status"),
        ("stock", json!(-1), "/stock"),
        ("stock", json!(1_000_000_001), "/stock"),
        ("id", json!("x"), "/id"),
        ("version", json!(3), "/version"),
        ("colour", json!("blue"), "/colour"),
    ];
    for (member, value, pointer) in cases {
        let answer = shop.post("/api/v1/products", &with(&teapot("TP-1"), member, value)).await;
        assert_eq!(answer.refusal(), (422, "invalid-body"), "{pointer}: {:?}", answer.body);
        let errors = answer.body["errors"].as_array().expect("a list of faults");
        let pointers: Vec<_> = errors.iter().map(|error| &error["pointer"]).collect();
        assert_eq!(pointers, [pointer]);
    }
    assert_eq!(shop.get("/api/v1/products").await.body["total"], 0);
}

#[tokio::test]
async fn all_faults_of_a_body_are_told_at_once() {
    let shop = Shop::open().await;
    let body = json!({"sku": "", "price": {"amount": -1}, "status": "x", "colour": 1});
    let answer = shop.post("/api/v1/products", &body).await;
    let errors = answer.body["errors"].as_array().expect("a list of faults");
    let pointers: Vec<_> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    assert_eq!(pointers, ["/sku", "/name", "/price/amount", "/price/currency", "/category", "/status", "/colour"]);
}

#[tokio::test]
async fn routes_methods_and_ids_that_do_not_exist() {
    let shop = Shop::open().await;
    for path in [
        "/",
        "/api/v1/nothing",
        "/api/v1/products/",
        "/api/v1/products/x/y",
        "/api/v1/products/%ff",
        "/api/v1/products/a%2Fb",
    ] {
        assert_eq!(shop.get(path).await.refusal(), (404, "about:blank"), "{path}");
    }
    let unknown = "/api/v1/products/01919191-0000-7000-8000-000000000000";
    assert_eq!(shop.get(unknown).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.write("PUT", unknown, "*", &teapot("x")).await.refusal(), (404, "about:blank"));
    for (method, path, allow) in [
        ("PATCH", "/api/v1/products", "GET,HEAD,POST"),
        ("BREW", "/api/v1/products/x", "GET,HEAD,PUT,PATCH,DELETE"),
        ("GET", "/api/v1/reservations/x/commit", "POST"),
    ] {
        let answer = shop.send(Request::builder().method(method).uri(path), Body::empty()).await;
        assert_eq!(answer.refusal(), (405, "about:blank"), "{method} {path}");
        assert_eq!(answer.headers["allow"], allow);
        let options = shop.send(Request::builder().method("OPTIONS").uri(path), Body::empty()).await;
        assert_eq!((options.status, &options.headers["allow"]), (204, &answer.headers["allow"]));
    }
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let full = shop.get(&path).await;
    let head = shop.send(Request::head(&path), Body::empty()).await;
    assert_eq!((head.status, head.tag(), head.body.is_null()), (200, created.tag(), true));
    assert_eq!(head.headers["content-length"], full.headers["content-length"]);
    assert_eq!(shop.send(Request::head("/api/v1/products/x"), Body::empty()).await.status, 404);
}
