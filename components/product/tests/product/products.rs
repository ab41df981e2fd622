//! Creating, reading, changing and deleting products.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::shop::{Shop, teapot, with};

#[tokio::test]
async fn a_product_is_created_and_read_back() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 12).await;
    assert_eq!(created.headers["location"], path.as_str());
    let expected = json!({
        "id": created.id(),
        "sku": "TP-1",
        "name": "Teapot",
        "description": "Holds a litre.",
        "price": {"amount": 1999, "currency": "EUR"},
        "category": "tea",
        "attributes": {"colour": "blue"},
        "image_url": "/images/teapot.webp",
        "status": "published",
        "stock": 12,
        "available": 12,
        "version": 1,
        "created_at": "2026-11-20T10:00:00.000Z",
        "updated_at": "2026-11-20T10:00:00.000Z",
    });
    assert_eq!(created.body, expected);
    let read = shop.get(&path).await;
    assert_eq!((read.status, &read.body), (200, &expected));
    assert_eq!(read.tag(), created.tag());
    assert_eq!(read.tag(), format!("\"{}.1.1.12\"", created.id()));
}

#[tokio::test]
async fn what_may_be_left_out_has_a_value() {
    let shop = Shop::open().await;
    let least = json!({
        "sku": "x", "name": "X", "price": {"amount": 0, "currency": "JPY"}, "category": "tea", "status": "draft",
    });
    let created = shop.post("/api/v1/products", &least).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.body["description"], "");
    assert_eq!(created.body["attributes"], json!({}));
    assert_eq!(created.body["image_url"], Value::Null);
    assert_eq!(created.body["stock"], 0);
}

#[tokio::test]
async fn who_has_a_representation_is_not_sent_it_again() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let seen = |tags: &str| Request::get(&path).header("if-none-match", tags.to_owned());
    for tags in [created.tag().to_owned(), format!("\"other\", W/{}", created.tag()), "*".to_owned()] {
        let answer = shop.send(seen(&tags), Body::empty()).await;
        assert_eq!((answer.status, answer.body.is_null()), (304, true), "{tags}");
        assert_eq!(answer.tag(), created.tag());
    }
    assert_eq!(shop.send(seen("\"other\""), Body::empty()).await.status, 200);
    assert_eq!(shop.send(seen("other"), Body::empty()).await.status, 400);
}

#[tokio::test]
async fn a_replacement_needs_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let (_, other) = shop.product("TP-2", 1).await;
    let cheaper = with(&teapot("TP-1"), "price", json!({"amount": 5, "currency": "EUR"}));
    let unconditional = Request::put(&path).header("content-type", "application/json");
    assert_eq!(shop.send(unconditional, cheaper.to_string()).await.refusal(), (428, "about:blank"));
    let weak = format!("W/{}", created.tag());
    for stale in [other.tag(), "\"x\"", &weak] {
        assert_eq!(shop.write("PUT", &path, stale, &cheaper).await.refusal(), (412, "about:blank"), "{stale}");
    }
    shop.clock.advance_seconds(60);
    let replaced = shop.write("PUT", &path, created.tag(), &cheaper).await;
    assert_eq!(replaced.status, 200);
    assert_eq!(replaced.body["price"]["amount"], 5);
    assert_eq!(replaced.body["version"], 2);
    assert_eq!(replaced.body["created_at"], "2026-11-20T10:00:00.000Z");
    assert_eq!(replaced.body["updated_at"], "2026-11-20T10:01:00.000Z");
    assert_eq!(shop.write("PUT", &path, created.tag(), &cheaper).await.status, 412);
    assert_eq!(shop.write("PUT", &path, "*", &cheaper).await.status, 200);
}

#[tokio::test]
async fn sales_do_not_make_a_merchants_edit_stale_but_do_make_caches_stale() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 12).await;
    let sold = json!({"change": -1, "reason": "sold in the shop"});
    assert_eq!(shop.post(&format!("{path}/stock/adjustments"), &sold).await.status, 200);
    let read = shop.get(&path).await;
    assert_ne!(read.tag(), created.tag());
    let edit = shop.write("PATCH", &path, created.tag(), &json!({"name": "Big teapot"})).await;
    assert_eq!((edit.status, &edit.body["name"], &edit.body["stock"]), (200, &json!("Big teapot"), &json!(11)));
    let set = shop.write("PUT", &format!("{path}/stock"), created.tag(), &json!({"stock": 9})).await;
    assert_eq!(set.status, 412);
    let set = shop.write("PUT", &format!("{path}/stock"), read.tag(), &json!({"stock": 9})).await;
    assert_eq!(set.status, 200);
}

#[tokio::test]
async fn of_two_edits_of_one_version_one_is_refused() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let edits = ["First", "Second"].map(|name| {
        let (shop, path, created) = (&shop, &path, &created);
        async move { shop.write("PATCH", path, created.tag(), &json!({"name": name})).await.status }
    });
    let [first, second] = edits;
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.min(second), first.max(second)), (200, 412));
}

#[tokio::test]
async fn a_merge_patch_changes_only_what_it_names() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    let changes = json!({"price": {"amount": 7}, "attributes": {"colour": null, "size": "L"}, "image_url": null});
    let patched = shop.write("PATCH", &path, created.tag(), &changes).await;
    assert_eq!(patched.status, 200);
    assert_eq!(patched.body["price"], json!({"amount": 7, "currency": "EUR"}));
    assert_eq!(patched.body["attributes"], json!({"size": "L"}));
    assert_eq!(patched.body["image_url"], Value::Null);
    assert_eq!(patched.body["name"], "Teapot");
    for refused in [json!({"stock": 5}), json!({"name": null}), json!({"id": "x"}), json!({"price": 5}), json!([])] {
        let answer = shop.write("PATCH", &path, patched.tag(), &refused).await;
        assert_eq!(answer.refusal(), (422, "invalid-body"), "{refused}");
    }
    let plain = Request::patch(&path).header("content-type", "application/json").header("if-match", patched.tag());
    let plain = shop.send(plain, "{}").await;
    assert_eq!((plain.status, plain.headers["accept-patch"].as_bytes()), (415, &b"application/merge-patch+json"[..]));
}

#[tokio::test]
async fn a_sku_belongs_to_one_product() {
    let shop = Shop::open().await;
    let (_, _) = shop.product("TP-1", 1).await;
    let (path, second) = shop.product("TP-2", 1).await;
    assert_eq!(shop.post("/api/v1/products", &teapot("TP-1")).await.refusal(), (409, "sku-taken"));
    let rename = shop.write("PATCH", &path, second.tag(), &json!({"sku": "TP-1"})).await;
    assert_eq!(rename.refusal(), (409, "sku-taken"));
    let same = shop.write("PATCH", &path, second.tag(), &json!({"sku": "TP-2"})).await;
    assert_eq!(same.status, 200);
}

#[tokio::test]
async fn a_category_must_exist() {
    let shop = Shop::open().await;
    let lost = with(&teapot("TP-1"), "category", "coffee");
    assert_eq!(shop.post("/api/v1/products", &lost).await.refusal(), (422, "unknown-category"));
    let (path, created) = shop.product("TP-1", 1).await;
    let moved = shop.write("PATCH", &path, created.tag(), &json!({"category": "coffee"})).await;
    assert_eq!(moved.refusal(), (422, "unknown-category"));
}

#[tokio::test]
async fn a_deleted_product_is_gone_and_found_no_more() {
    let shop = Shop::open().await;
    let (path, created) = shop.product("TP-1", 1).await;
    assert_eq!(shop.write("DELETE", &path, "\"x\"", &Value::Null).await.status, 412);
    assert_eq!(shop.write("DELETE", &path, created.tag(), &Value::Null).await.status, 204);
    assert_eq!(shop.get(&path).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.write("DELETE", &path, created.tag(), &Value::Null).await.status, 404);
    assert_eq!(shop.get("/api/v1/products?q=teapot").await.body["total"], 0);
}

#[tokio::test]
async fn what_happened_is_published_with_it() {
    let shop = Shop::open().await;
    shop.events();
    let (path, created) = shop.product("TP-1", 12).await;
    let id = created.id();
    let described = |name: &str, version: i64| {
        json!({
            "id": id, "sku": "TP-1", "name": name, "price": {"amount": 1999, "currency": "EUR"},
            "category": "tea", "status": "published", "version": version,
        })
    };
    let edited = shop.write("PATCH", &path, created.tag(), &json!({"name": "Pot"})).await;
    shop.write("PATCH", &path, created.tag(), &json!({"name": "Refused"})).await;
    shop.write("DELETE", &path, edited.tag(), &Value::Null).await;
    let initial = json!({"product_id": id, "change": 12, "reason": "initial"});
    let expected = [
        ("product.created", described("Teapot", 1)),
        ("stock.changed", initial),
        ("product.updated", described("Pot", 2)),
        ("product.deleted", json!({"id": id, "sku": "TP-1"})),
    ];
    assert_eq!(shop.events(), expected.map(|(name, data)| (name.to_owned(), data)));
}
