//! Categories.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::shop::Shop;

#[tokio::test]
async fn a_category_is_created_read_replaced_and_deleted() {
    let shop = Shop::open().await;
    let coffee = json!({"slug": "coffee", "name": "Coffee", "description": "Beans."});
    let created = shop.post("/api/v1/categories", &coffee).await;
    assert_eq!(
        (created.status, &created.headers["location"]),
        (201, &"/api/v1/categories/coffee".parse().expect("good"))
    );
    assert_eq!(created.body["version"], 1);
    let read = shop.get("/api/v1/categories/coffee").await;
    assert_eq!((&read.body, read.tag()), (&created.body, created.tag()));
    let path = "/api/v1/categories/coffee";
    let replaced = shop.write("PUT", path, read.tag(), &json!({"name": "Fresh coffee"})).await;
    assert_eq!((replaced.status, &replaced.body["description"]), (200, &json!("")));
    assert_eq!(shop.write("PUT", path, read.tag(), &json!({"name": "Late"})).await.status, 412);
    assert_eq!(shop.write("DELETE", path, read.tag(), &Value::Null).await.status, 412);
    assert_eq!(shop.write("DELETE", path, replaced.tag(), &Value::Null).await.status, 204);
    assert_eq!(shop.get(path).await.status, 404);
}

#[tokio::test]
async fn a_slug_is_taken_once() {
    let shop = Shop::open().await;
    let tea = json!({"slug": "tea", "name": "Other tea"});
    assert_eq!(shop.post("/api/v1/categories", &tea).await.refusal(), (409, "slug-taken"));
}

#[tokio::test]
async fn a_put_says_whether_it_creates_or_replaces() {
    let shop = Shop::open().await;
    let put = |path: &str, field: &str, value: &str| {
        let request = Request::put(path).header("content-type", "application/json").header(field, value);
        shop.send(request, r#"{"name":"Coffee"}"#)
    };
    let path = "/api/v1/categories/coffee";
    assert_eq!(put(path, "x-nothing", "").await.refusal(), (428, "about:blank"));
    assert_eq!(put(path, "if-match", "*").await.refusal(), (404, "about:blank"));
    let created = put(path, "if-none-match", "*").await;
    assert_eq!(created.status, 201);
    assert_eq!(put(path, "if-none-match", "*").await.refusal(), (412, "about:blank"));
    assert_eq!(put(path, "if-none-match", "\"x\"").await.refusal(), (400, "about:blank"));
    assert_eq!(put(path, "if-match", created.tag()).await.status, 200);
}

#[tokio::test]
async fn a_category_with_products_stays() {
    let shop = Shop::open().await;
    shop.product("TP-1", 1).await;
    let refused = shop.write("DELETE", "/api/v1/categories/tea", "*", &Value::Null).await;
    assert_eq!(refused.refusal(), (409, "category-in-use"));
}

#[tokio::test]
async fn categories_are_listed_in_pages() {
    let shop = Shop::open().await;
    for slug in ["coffee", "cups", "wine"] {
        shop.post("/api/v1/categories", &json!({"slug": slug, "name": slug})).await;
    }
    let first = shop.get("/api/v1/categories?size=3").await;
    assert_eq!(first.names(), ["coffee", "cups", "Tea"]);
    assert_eq!(first.body["total"], 4);
    assert_eq!(shop.get("/api/v1/categories?size=3&page=2").await.names(), ["wine"]);
    assert_eq!(shop.get("/api/v1/categories?q=x").await.refusal(), (400, "invalid-query"));
}

#[tokio::test]
async fn a_reader_of_an_unchanged_category_gets_304() {
    let shop = Shop::open().await;
    let read = shop.get("/api/v1/categories/tea").await;
    let again = Request::get("/api/v1/categories/tea").header("if-none-match", read.tag());
    assert_eq!(shop.send(again, Body::empty()).await.status, 304);
}
