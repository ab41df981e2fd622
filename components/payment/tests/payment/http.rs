//! Payments over HTTP: who sees what, lists, refunds by people.

use serde_json::{Value, json};

use crate::shop::{CUSTOMER, Shop, Who, done};

const PAYMENTS: &str = "/api/v1/payments";

fn customer() -> Who {
    Who::of(CUSTOMER, &["customer"])
}

#[tokio::test]
async fn a_payment_is_seen_by_its_customer_and_by_admins() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let path = format!("{PAYMENTS}/{}", id.as_str());
    let seen = shop.get(&customer(), &path).await;
    let expected = json!({
        "id": id, "order_id": "a", "customer": CUSTOMER, "provider": crate::provider::NAME,
        "amount": {"amount": 100, "currency": "EUR"}, "captured": 0, "refunded": 0, "status": "authorized",
        "decline_reason": null, "version": 2,
        "created_at": "2026-11-20T10:00:00.000Z", "updated_at": "2026-11-20T10:00:00.000Z",
    });
    assert_eq!((seen.status, &seen.body), (200, &expected));
    assert_eq!(seen.field("cache-control"), "private, no-cache");
    assert_eq!(shop.get(&Who::admin(), &path).await.body, expected);
    let unknown = shop.get(&customer(), &format!("{PAYMENTS}/01919191-0000-7000-8000-000000000000")).await;
    for who in [
        Who::of("https://shop.example|other", &["customer"]),
        Who::of("mina", &["customer", "merchant"]),
        Who::of(&format!("{CUSTOMER} "), &[]),
        Who::of("https://shop.example|x", &["Admin", "administrator"]),
    ] {
        let refused = shop.get(&who, &path).await;
        assert_eq!((refused.refusal(), &refused.body), ((404, "about:blank"), &unknown.body), "{who:?}");
    }
    assert_eq!(shop.get(&Who::nobody(), &path).await.refusal(), (401, "about:blank"));
}

#[tokio::test]
async fn who_pays_with_stolen_money_does_not_learn_that_it_was_noticed() {
    let shop = Shop::open().await;
    for (token, to_customer, to_admin) in [
        ("tok_stolen", "declined", "suspected-fraud"),
        ("tok_insufficient_funds", "insufficient-funds", "insufficient-funds"),
    ] {
        let answer = shop.authorize(token, "order-1", 100, token).await.expect("it has an outcome");
        let path = format!("{PAYMENTS}/{}", answer.payment.id.as_str());
        for (who, reason) in [(customer(), to_customer), (Who::admin(), to_admin)] {
            assert_eq!(shop.get(&who, &path).await.body["decline_reason"], reason, "{who:?}");
        }
    }
}

#[tokio::test]
async fn a_payment_that_was_seen_is_not_sent_again() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let path = format!("{PAYMENTS}/{}", id.as_str());
    let tag = shop.get(&customer(), &path).await.field("etag").to_owned();
    let again = || ::http::Request::get(&path).header("if-none-match", &tag);
    assert_eq!(shop.send(&customer(), again(), "").await.status, 304);
    done(shop.capture("c", &id, None).await);
    assert_eq!(shop.send(&customer(), again(), "").await.status, 200);
}

#[tokio::test]
async fn what_admins_do_is_for_admins() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    let refunds = format!("{PAYMENTS}/{}/refunds", id.as_str());
    let routes = [
        ("GET", PAYMENTS),
        ("GET", "/api/v1/payments/ledger"),
        ("POST", "/api/v1/payments/resolve"),
        ("POST", &refunds),
    ];
    for (method, path) in routes {
        for (who, status) in [(Who::nobody(), 401), (customer(), 403), (Who::of("m", &["merchant"]), 403)] {
            let request = ::http::Request::builder().method(method).uri(path).header("idempotency-key", "k");
            assert_eq!(shop.send(&who, request, "").await.refusal(), (status, "about:blank"), "{method} {path}");
        }
    }
    assert_eq!(shop.payment(&id).await.state.refunded(), 0);
}

#[tokio::test]
async fn payments_are_listed_newest_first() {
    let shop = Shop::open().await;
    for (name, token) in [("o1", "tok_visa"), ("o2", "tok_declined"), ("o3", "tok_visa"), ("o2", "tok_visa")] {
        shop.clock.advance_seconds(1);
        let key = format!("{name}-{token}");
        shop.authorize(&key, name, 100, token).await.expect("it has an outcome");
    }
    let orders = |list: &crate::shop::Answer| -> Vec<Value> {
        list.items().iter().map(|payment| payment["order_id"].clone()).collect()
    };
    let someone = "customer=https%3A%2F%2Fshop.example%7Cmina";
    for (query, expected) in [
        ("", vec!["o2", "o3", "o2", "o1"]),
        ("?order_id=o2", vec!["o2", "o2"]),
        ("?order_id=o9", vec![]),
        ("?status=declined", vec!["o2"]),
        ("?status=authorized&order_id=o2", vec!["o2"]),
        (&format!("?{someone}"), vec!["o2", "o3", "o2", "o1"]),
        (&format!("?{someone}&status=voided"), vec![]),
        ("?customer=nobody", vec![]),
    ] {
        let list = shop.get(&Who::admin(), &format!("{PAYMENTS}{query}")).await;
        assert_eq!(
            (orders(&list), &list.body["total"]),
            (expected.iter().map(|name| json!(name)).collect(), &json!(expected.len())),
            "{query}"
        );
    }
    let second = shop.get(&Who::admin(), &format!("{PAYMENTS}?size=3&page=2")).await;
    assert_eq!((orders(&second), second.field("cache-control")), (vec![json!("o1")], "private, no-cache"));
    assert!(second.field("link").contains("rel=\"prev\""));
    let beyond = shop.get(&Who::admin(), &format!("{PAYMENTS}?size=3&page=3")).await;
    assert_eq!((orders(&beyond).len(), &beyond.body["total"]), (0, &json!(4)));
}

#[tokio::test]
async fn an_admin_gives_money_back_once_for_each_key() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    let admin = Who::admin();
    for _ in 0..2 {
        let part = shop.give_back(&admin, id.as_str(), "\"k1\"", &json!({"amount": 30})).await;
        assert_eq!(
            (part.status, &part.body["refunded"], &part.body["status"]),
            (200, &json!(30), &json!("partially-refunded"))
        );
    }
    // With or without quotes it is one key.
    assert_eq!(shop.give_back(&admin, id.as_str(), "k1", &json!({"amount": 30})).await.body["refunded"], 30);
    let reused = shop.give_back(&admin, id.as_str(), "k1", &json!({"amount": 31})).await;
    assert_eq!(reused.refusal(), (422, "idempotency-key-reused"));
    let too_much = shop.give_back(&admin, id.as_str(), "k2", &json!({"amount": 71})).await;
    assert_eq!(too_much.refusal(), (409, "exceeds-captured"));
    // Without a body it is all that is left.
    let rest = ::http::Request::post(format!("{PAYMENTS}/{}/refunds", id.as_str())).header("idempotency-key", "k3");
    let rest = shop.send(&admin, rest, "").await;
    assert_eq!((&rest.body["refunded"], &rest.body["status"]), (&json!(100), &json!("refunded")));
    assert_eq!(shop.give_back(&admin, id.as_str(), "k4", &json!({})).await.refusal(), (409, "already-refunded"));
    assert_eq!(shop.truth(&id).await.expect("it is known").refunded, 100);
}

#[tokio::test]
async fn a_key_of_http_is_none_of_another_service() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    assert_eq!(done(shop.refund("k", &id, Some(30)).await).2, 30);
    assert_eq!(shop.give_back(&Who::admin(), id.as_str(), "k", &json!({"amount": 30})).await.body["refunded"], 60);
}

#[tokio::test]
async fn what_comes_of_a_refund_is_told_so_that_a_client_knows_what_to_do() {
    for (token, expected) in [
        ("tok_refund_fails", (502, "payment-failed")),
        ("tok_refund_unavailable", (503, "provider-unavailable")),
        ("tok_refund_timeout", (503, "payment-outcome-unknown")),
        ("tok_refund_slow", (503, "payment-outcome-unknown")),
    ] {
        let shop = Shop::open().await;
        let id = shop.captured("a", token).await;
        let refused = shop.give_back(&Who::admin(), id.as_str(), "k", &json!({"amount": 30})).await;
        assert_eq!(refused.refusal(), expected, "{token}");
        assert_eq!(refused.field("retry-after"), if expected.0 == 503 { "2" } else { "" });
    }
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let refused = shop.give_back(&Who::admin(), id.as_str(), "k", &json!({})).await;
    assert_eq!(refused.refusal(), (409, "nothing-captured"));
    let wanted = crate::shop::capture("c", &id, None);
    payment::store::operation::begin(&shop.context, crate::provider::NAME, &wanted).await.expect("it is begun");
    let busy = shop.give_back(&Who::admin(), id.as_str(), "k2", &json!({})).await;
    assert_eq!((busy.refusal(), busy.field("retry-after")), ((409, "payment-in-progress"), "2"));
}

#[tokio::test]
async fn an_admin_has_what_was_left_open_finished() {
    let shop = Shop::open().await;
    shop.authorize("a", "order-1", 100, "tok_timeout_after_effect").await.expect_err("there is no answer");
    shop.clock.advance_seconds(120);
    for settled in [1, 0] {
        let resolved = shop.post(&Who::admin(), "/api/v1/payments/resolve").await;
        assert_eq!((resolved.status, &resolved.body), (200, &json!({"settled": settled, "open": 0})));
    }
}
