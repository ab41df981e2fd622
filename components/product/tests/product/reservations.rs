//! Reservations: what is promised is there, and to one only.

use std::sync::Arc;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::shop::{Answer, Shop, teapot, with};

async fn reserve(shop: &Shop, id: &str, lines: &[(&str, i64)]) -> Answer {
    let lines: Vec<Value> =
        lines.iter().map(|(id, quantity)| json!({"product_id": id, "quantity": quantity})).collect();
    let request = Request::put(format!("/api/v1/reservations/{id}")).header("content-type", "application/json");
    shop.send(request, json!({"lines": lines, "expires_in_seconds": 60}).to_string()).await
}

async fn commit(shop: &Shop, id: &str) -> Answer {
    shop.send(Request::post(format!("/api/v1/reservations/{id}/commit")), Body::empty()).await
}

async fn release(shop: &Shop, id: &str) -> Answer {
    shop.send(Request::delete(format!("/api/v1/reservations/{id}")), Body::empty()).await
}

async fn take_back(shop: &Shop, id: &str) -> Answer {
    shop.send(Request::post(format!("/api/v1/reservations/{id}/return")), Body::empty()).await
}

async fn counts(shop: &Shop, path: &str) -> (i64, i64) {
    let body = shop.get(path).await.body;
    (body["stock"].as_i64().expect("a number"), body["available"].as_i64().expect("a number"))
}

#[tokio::test]
async fn a_reservation_is_held_and_then_committed() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 10).await;
    let held = reserve(&shop, "r", &[(product.id(), 4)]).await;
    let expected = json!({
        "id": "r",
        "lines": [{"product_id": product.id(), "quantity": 4}],
        "state": "held",
        "expires_at": "2026-11-20T10:01:00.000Z",
    });
    assert_eq!((held.status, &held.body), (201, &expected));
    assert_eq!(shop.get("/api/v1/reservations/r").await.body, expected);
    assert_eq!(counts(&shop, &path).await, (10, 6));
    let committed = commit(&shop, "r").await;
    assert_eq!((committed.status, &committed.body["state"]), (200, &json!("committed")));
    assert_eq!(counts(&shop, &path).await, (6, 6));
}

#[tokio::test]
async fn a_released_reservation_gives_back() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 10).await;
    reserve(&shop, "r", &[(product.id(), 4)]).await;
    assert_eq!(release(&shop, "r").await.body["state"], "released");
    assert_eq!(counts(&shop, &path).await, (10, 10));
}

#[tokio::test]
async fn what_was_sold_comes_back_once() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 10).await;
    reserve(&shop, "r", &[(product.id(), 4)]).await;
    assert_eq!(take_back(&shop, "r").await.refusal(), (409, "reservation-held"));
    commit(&shop, "r").await;
    shop.events();
    let shop_ref = &shop;
    let all = tokio::join!(take_back(shop_ref, "r"), take_back(shop_ref, "r"), take_back(shop_ref, "r"));
    for answer in [all.0, all.1, all.2] {
        assert_eq!((answer.status, &answer.body["state"]), (200, &json!("returned")));
    }
    assert_eq!(counts(&shop, &path).await, (10, 10));
    let events = shop.events();
    assert_eq!(
        events.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
        ["reservation.returned", "stock.changed"]
    );
    assert_eq!(events[1].1, json!({"product_id": product.id(), "change": 4, "reason": "return"}));
    assert_eq!(commit(&shop, "r").await.refusal(), (409, "reservation-returned"));
    assert_eq!(release(&shop, "r").await.refusal(), (409, "reservation-returned"));
    assert_eq!(reserve(&shop, "r", &[(product.id(), 4)]).await.refusal(), (409, "reservation-returned"));
}

#[tokio::test]
async fn what_was_not_sold_can_not_be_taken_back() {
    let shop = Shop::open().await;
    let (_, product) = shop.product("TP-1", 10).await;
    assert_eq!(take_back(&shop, "nobody").await.status, 404);
    reserve(&shop, "r", &[(product.id(), 4)]).await;
    release(&shop, "r").await;
    assert_eq!(take_back(&shop, "r").await.refusal(), (409, "reservation-released"));
    reserve(&shop, "e", &[(product.id(), 4)]).await;
    shop.clock.advance_seconds(60);
    assert_eq!(take_back(&shop, "e").await.refusal(), (409, "reservation-expired"));
}

#[tokio::test]
async fn a_product_that_was_deleted_after_its_sale_is_passed_over() {
    let shop = Shop::open().await;
    let (path, one) = shop.product("TP-1", 10).await;
    let (other_path, other) = shop.product("TP-2", 10).await;
    reserve(&shop, "r", &[(one.id(), 4), (other.id(), 1)]).await;
    commit(&shop, "r").await;
    let tag = shop.get(&path).await.tag().to_owned();
    assert_eq!(shop.write("DELETE", &path, &tag, &json!({})).await.status, 204);
    assert_eq!(take_back(&shop, "r").await.status, 200);
    assert_eq!(counts(&shop, &other_path).await, (10, 10));
}

#[tokio::test]
async fn each_operation_can_be_repeated() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 10).await;
    let lines = [(product.id(), 4)];
    let first = reserve(&shop, "r", &lines).await;
    shop.clock.advance_seconds(10);
    let again = reserve(&shop, "r", &[(product.id(), 1), (product.id(), 3)]).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    assert_eq!(reserve(&shop, "r", &[(product.id(), 5)]).await.refusal(), (409, "different-lines"));
    for _ in 0..2 {
        assert_eq!(commit(&shop, "r").await.body["state"], "committed");
    }
    assert_eq!(reserve(&shop, "r", &lines).await.body["state"], "committed");
    assert_eq!(release(&shop, "r").await.refusal(), (409, "reservation-committed"));
    assert_eq!(counts(&shop, &path).await, (6, 6));
    reserve(&shop, "s", &lines).await;
    for _ in 0..2 {
        assert_eq!(release(&shop, "s").await.body["state"], "released");
    }
    assert_eq!(commit(&shop, "s").await.refusal(), (409, "reservation-released"));
    assert_eq!(reserve(&shop, "s", &lines).await.refusal(), (409, "reservation-released"));
    assert_eq!(counts(&shop, &path).await, (6, 6));
}

#[tokio::test]
async fn what_expires_is_available_again_without_anybody_doing_anything() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 10).await;
    reserve(&shop, "r", &[(product.id(), 10)]).await;
    let seen = shop.get(&path).await;
    shop.clock.advance_seconds(59);
    assert_eq!(counts(&shop, &path).await, (10, 0));
    shop.clock.advance_seconds(1);
    assert_eq!(counts(&shop, &path).await, (10, 10));
    // A cache must notice, though nobody has written.
    assert_ne!(shop.get(&path).await.tag(), seen.tag());
    assert_eq!(shop.get("/api/v1/products").await.body["items"][0]["available"], 10);
    assert_eq!(shop.get("/api/v1/reservations/r").await.body["state"], "expired");
    assert_eq!(commit(&shop, "r").await.refusal(), (409, "reservation-expired"));
    assert_eq!(release(&shop, "r").await.body["state"], "expired");
    assert_eq!(reserve(&shop, "r", &[(product.id(), 10)]).await.refusal(), (409, "reservation-expired"));
    // The next one takes it, and sweeps what expired.
    assert_eq!(reserve(&shop, "s", &[(product.id(), 10)]).await.status, 201);
    assert_eq!(counts(&shop, &path).await, (10, 0));
    assert_eq!(commit(&shop, "s").await.status, 200);
    assert_eq!(counts(&shop, &path).await, (0, 0));
}

#[tokio::test]
async fn all_lines_or_none() {
    let shop = Shop::open().await;
    let (first, a) = shop.product("TP-1", 10).await;
    let (second, b) = shop.product("TP-2", 1).await;
    let refused = reserve(&shop, "r", &[(b.id(), 2), (a.id(), 11)]).await;
    assert_eq!(refused.refusal(), (409, "sold-out"));
    let short = json!([{"product_id": a.id(), "available": 10}, {"product_id": b.id(), "available": 1}]);
    assert_eq!(refused.body["lines"], short);
    assert_eq!(
        reserve(&shop, "r", &[(a.id(), 1), (b.id(), 2)]).await.body["lines"],
        json!([{"product_id": b.id(), "available": 1}])
    );
    assert_eq!((counts(&shop, &first).await, counts(&shop, &second).await), ((10, 10), (1, 1)));
    assert_eq!(shop.get("/api/v1/reservations/r").await.refusal(), (404, "about:blank"));
    assert_eq!(reserve(&shop, "r", &[(a.id(), 1), (b.id(), 1)]).await.status, 201);
}

#[tokio::test]
async fn what_is_not_on_sale_is_not_reserved() {
    let shop = Shop::open().await;
    let draft = with(&with(&teapot("D"), "status", "draft"), "stock", 5);
    let draft = shop.post("/api/v1/products", &draft).await;
    let (_, product) = shop.product("TP-1", 5).await;
    let refused = reserve(&shop, "r", &[(draft.id(), 1), ("nothing", 1), (product.id(), 1)]).await;
    assert_eq!(refused.refusal(), (422, "unknown-product"));
    assert_eq!(refused.body["product_ids"], json!([draft.id(), "nothing"]));
}

#[tokio::test]
async fn a_reserved_product_is_not_deleted_until_it_is_free() {
    let shop = Shop::open().await;
    let (path, product) = shop.product("TP-1", 5).await;
    reserve(&shop, "r", &[(product.id(), 1)]).await;
    assert_eq!(shop.write("DELETE", &path, "*", &Value::Null).await.refusal(), (409, "reserved"));
    shop.clock.advance_seconds(60);
    assert_eq!(shop.write("DELETE", &path, "*", &Value::Null).await.status, 204);
    assert_eq!(shop.get("/api/v1/reservations/r").await.body["state"], "expired");
}

#[tokio::test]
async fn unknown_reservations_and_bad_bodies_are_refused() {
    let shop = Shop::open().await;
    assert_eq!(commit(&shop, "x").await.refusal(), (404, "about:blank"));
    assert_eq!(release(&shop, "x").await.refusal(), (404, "about:blank"));
    assert_eq!(reserve(&shop, "a%20b", &[("x", 1)]).await.refusal(), (404, "about:blank"));
    let many: Vec<_> = (0..41).map(|_| ("x", 1)).collect();
    for (lines, pointer) in [
        (&[][..], "/lines"),
        (&[("x", 0)], "/lines/0/quantity"),
        (&[("x", 1), ("y", -1)], "/lines/1/quantity"),
        (&[("x", 10_000), ("x", 1)], "/lines"),
        (&[("", 1)], "/lines/0/product_id"),
        (&many, "/lines"),
    ] {
        let refused = reserve(&shop, "r", lines).await;
        assert_eq!(
            (refused.refusal(), &refused.body["errors"][0]["pointer"]),
            ((422, "invalid-body"), &json!(pointer))
        );
    }
}

#[tokio::test]
async fn what_happens_to_a_reservation_is_published() {
    let shop = Shop::open().await;
    let (_, product) = shop.product("TP-1", 7).await;
    shop.events();
    let lines = json!([{"product_id": product.id(), "quantity": 2}]);
    reserve(&shop, "r", &[(product.id(), 2)]).await;
    reserve(&shop, "r", &[(product.id(), 2)]).await;
    commit(&shop, "r").await;
    commit(&shop, "r").await;
    reserve(&shop, "s", &[(product.id(), 2)]).await;
    release(&shop, "s").await;
    let expires_at = "2026-11-20T10:01:00.000Z";
    let expected = [
        ("reservation.held", json!({"id": "r", "lines": lines, "expires_at": expires_at})),
        ("reservation.committed", json!({"id": "r", "lines": lines})),
        ("stock.changed", json!({"product_id": product.id(), "change": -2, "reason": "reservation"})),
        ("stock.low", json!({"product_id": product.id(), "threshold": 5})),
        ("reservation.held", json!({"id": "s", "lines": lines, "expires_at": expires_at})),
        ("reservation.released", json!({"id": "s", "lines": lines})),
    ];
    assert_eq!(shop.events(), expected.map(|(name, data)| (name.to_owned(), data)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_who_want_the_last_unit_one_gets_it() {
    let shop = Arc::new(Shop::open().await);
    let (path, product) = shop.product("TP-1", 1).await;
    let product_id: Arc<str> = product.id().into();
    let racers: Vec<_> = (0..100)
        .map(|number| {
            let (shop, product_id) = (Arc::clone(&shop), Arc::clone(&product_id));
            tokio::spawn(async move { reserve(&shop, &format!("r-{number}"), &[(&product_id, 1)]).await })
        })
        .collect();
    let mut won = 0;
    for racer in racers {
        let answer = racer.await.expect("no racer panics");
        if answer.status == 201 {
            won += 1;
        } else {
            assert_eq!(answer.refusal(), (409, "sold-out"));
        }
    }
    assert_eq!(won, 1);
    assert_eq!(counts(&shop, &path).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crowded_reservations_and_commits_keep_the_books() {
    let shop = Arc::new(Shop::open().await);
    let (first, a) = shop.product("TP-1", 60).await;
    let (second, b) = shop.product("TP-2", 60).await;
    let ids: Arc<[String; 2]> = Arc::new([a.id().to_owned(), b.id().to_owned()]);
    let buyers: Vec<_> = (0..100)
        .map(|number| {
            let (shop, ids) = (Arc::clone(&shop), Arc::clone(&ids));
            tokio::spawn(async move {
                let id = format!("r-{number}");
                let reserved = reserve(&shop, &id, &[(&ids[0], 1), (&ids[1], 1)]).await.status;
                let settled = if number % 3 == 0 { release(&shop, &id).await } else { commit(&shop, &id).await };
                (reserved, settled.body["state"] == "committed")
            })
        })
        .collect();
    let mut sold = 0;
    for buyer in buyers {
        let (reserved, committed) = buyer.await.expect("no buyer panics");
        assert!(matches!(reserved, 201 | 409));
        sold += i64::from(committed);
    }
    assert_eq!(counts(&shop, &first).await, (60 - sold, 60 - sold));
    assert_eq!(counts(&shop, &second).await, (60 - sold, 60 - sold));
    assert!(sold >= 33, "{sold}");
}
