//! Events that the provider sends: signed, once, and never backwards.

use payment::domain::Refusal;
use payment::domain::operation::{Outcome, RESOLVE_AFTER_S};
use payment::domain::payment::{DeclineReason, Status};
use payment::domain::webhook::{FORGET_S, Secret, TOLERANCE_S};
use serde_json::{Value, json};
use souk_kit::native::GivenSettings;
use souk_kit::time::Timestamp;

use crate::provider::{NAME, SECRET};
use crate::shop::{Shop, done, outcome};

fn event(id: &str, r#type: &str, key: &str) -> Value {
    json!({"id": id, "type": r#type, "created": 1_795_168_800, "data": {"key": key, "object": "operation"}})
}

/// A shop with a payment whose authorization was never answered.
async fn waiting(token: &str) -> (Shop, payment::domain::PaymentId) {
    let shop = Shop::open().await;
    shop.authorize("a", "order-1", 100, token).await.expect_err("there is no answer");
    let id = shop.of_order("order-1").await[0].id.clone();
    (shop, id)
}

#[tokio::test]
async fn an_event_finishes_what_the_provider_has_not_answered() {
    let (shop, id) = waiting("tok_timeout_after_effect").await;
    let hooked = shop.hook(&event("e1", "operation.succeeded", "authorize:a")).await;
    assert_eq!((hooked.status, &hooked.body), (204, &Value::Null));
    assert_eq!(
        (shop.status(&id).await, shop.event_types()),
        (Status::Authorized, vec!["payment.authorized".to_owned()])
    );
    assert_eq!(done(shop.authorize("a", "order-1", 100, "tok_timeout_after_effect").await).0, Status::Authorized);
    let (shop, id) = waiting("tok_timeout").await;
    assert_eq!(shop.hook(&event("e1", "operation.failed", "authorize:a")).await.status, 204);
    assert_eq!(shop.status(&id).await, Status::Failed);
    let (shop, id) = waiting("tok_timeout").await;
    let mut declined = event("e1", "operation.declined", "authorize:a");
    declined["data"]["reason"] = "expired".into();
    assert_eq!(shop.hook(&declined).await.status, 204);
    assert_eq!(shop.payment(&id).await.state.decline_reason(), Some(DeclineReason::Expired));
}

#[tokio::test]
async fn an_event_books_what_it_finishes() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_timeout_after_effect").await;
    assert_eq!(shop.capture("c", &id, Some(40)).await, Err(Refusal::Unknown(id.clone())));
    assert_eq!(shop.hook(&event("e1", "operation.succeeded", "capture:c")).await.status, 204);
    assert_eq!(shop.payment(&id).await.state.captured(), 40);
    assert_eq!((shop.count("ledger_entries").await, shop.count("webhook_events").await), (4, 1));
}

#[tokio::test]
async fn a_bad_signature_writes_nothing() {
    let (shop, id) = waiting("tok_timeout_after_effect").await;
    let body = event("e1", "operation.succeeded", "authorize:a").to_string();
    let now = shop.context.now();
    let at = |seconds: i64| Timestamp::from_milliseconds(now.milliseconds() + seconds * 1000);
    let secret = Secret::parse(SECRET).expect("it is long");
    let other = Secret::parse("another secret that is as long as it").expect("it is long");
    let tolerance = i64::from(TOLERANCE_S);
    for bad in [
        String::new(),
        "v1=00".to_owned(),
        other.sign(now, body.as_bytes()),
        secret.sign(now, b"{}"),
        secret.sign(at(-tolerance - 1), body.as_bytes()),
        secret.sign(at(tolerance + 1), body.as_bytes()),
    ] {
        assert_eq!(shop.hook_signed(&bad, body.clone()).await.refusal(), (401, "invalid-signature"), "{bad}");
    }
    let good = secret.sign(at(-tolerance), body.as_bytes());
    let request = || ::http::Request::post(format!("/api/v1/payments/webhooks/{NAME}"));
    let nobody = crate::shop::Who::nobody();
    let twice = request().header("payment-signature", &good).header("payment-signature", &good);
    for refused in [shop.send(&nobody, twice, body.clone()).await, shop.send(&nobody, request(), body.clone()).await] {
        assert_eq!(refused.refusal(), (401, "invalid-signature"));
    }
    assert_eq!((shop.status(&id).await, shop.count("webhook_events").await), (Status::Authorizing, 0));
    assert_eq!(shop.hook_signed(&good, body).await.status, 204);
    assert_eq!(shop.status(&id).await, Status::Authorized);
}

#[tokio::test]
async fn without_a_long_secret_nothing_is_believed() {
    let name = format!("{NAME}_webhook_secret");
    for settings in [
        GivenSettings::default(),
        GivenSettings::default().with(&name, ""),
        GivenSettings::default().with(&name, "short"),
    ] {
        let shop = Shop::open_with(settings).await;
        let hooked = shop.hook(&event("e1", "operation.succeeded", "authorize:a")).await;
        assert_eq!(hooked.refusal(), (503, "webhooks-not-set-up"));
    }
}

#[tokio::test]
async fn an_event_has_one_effect_however_often_it_comes() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_timeout_after_effect").await;
    shop.capture("c1", &id, Some(40)).await.expect_err("there is no answer");
    for _ in 0..3 {
        assert_eq!(shop.hook(&event("e1", "operation.succeeded", "capture:c1")).await.status, 204);
    }
    assert_eq!((shop.payment(&id).await.state.captured(), shop.count("ledger_entries").await), (40, 4));
    assert_eq!((shop.count("webhook_events").await, shop.event_types().len()), (1, 2));
    // The id of an event that was seen, on another operation: a replay that somebody has changed would need the secret.
    shop.capture("c2", &id, Some(10)).await.expect_err("there is no answer");
    assert_eq!(shop.hook(&event("e1", "operation.succeeded", "capture:c2")).await.status, 204);
    assert_eq!(shop.payment(&id).await.state.captured(), 40);
    assert_eq!(shop.hook(&event("e2", "operation.succeeded", "capture:c2")).await.status, 204);
    assert_eq!(shop.payment(&id).await.state.captured(), 50);
}

#[tokio::test]
async fn an_event_never_takes_anything_back() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    done(shop.refund("r", &id, Some(10)).await);
    let before = shop.payment(&id).await;
    shop.events();
    let late = [
        ("operation.succeeded", "authorize:a"),
        ("operation.failed", "authorize:a"),
        ("operation.failed", "capture:a"),
        ("operation.succeeded", "capture:a"),
        ("operation.failed", "refund:r"),
    ];
    for (number, (r#type, key)) in late.into_iter().enumerate() {
        assert_eq!(shop.hook(&event(&format!("e{number}"), r#type, key)).await.status, 204);
    }
    assert_eq!((shop.payment(&id).await, shop.event_types().len()), (before, 0));
}

#[tokio::test]
async fn events_may_come_in_any_order() {
    let (shop, id) = waiting("tok_timeout_after_effect").await;
    // Of an operation that has not begun here: whoever sent it knows more than we do, or nothing.
    assert_eq!(shop.hook(&event("e2", "operation.succeeded", "capture:c")).await.status, 204);
    assert_eq!(shop.status(&id).await, Status::Authorizing);
    assert_eq!(shop.hook(&event("e1", "operation.succeeded", "authorize:a")).await.status, 204);
    assert_eq!(done(shop.capture("c", &id, Some(10)).await).1, 10);
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.hook(&event("e3", "operation.failed", "authorize:a")).await.status, 204);
    assert_eq!(shop.status(&id).await, Status::PartiallyCaptured);
}

#[tokio::test]
async fn an_event_and_the_answer_to_the_call_agree_whoever_is_first() {
    let shop = Shop::open().await;
    let wanted = crate::shop::authorize("a", "order-1", 100, "tok_visa");
    let begun = payment::store::operation::begin(&shop.context, NAME, &wanted).await;
    assert!(begun.is_ok(), "{begun:?}");
    assert_eq!(shop.hook(&event("e1", "operation.succeeded", "authorize:a")).await.status, 204);
    assert_eq!(outcome(shop.payments.operate(&wanted).await), Outcome::Done);
    assert_eq!(shop.event_types(), ["payment.authorized"]);
}

#[tokio::test]
async fn what_is_unknown_is_acknowledged_and_ignored() {
    let (shop, id) = waiting("tok_timeout").await;
    for body in [
        json!({"id": "e1", "type": "payout.paid"}),
        json!({"id": "e1", "type": "dispute.opened", "data": 5, "account": null}),
        event("e1", "operation.succeeded", "authorize:another"),
        event("e1", "operation.succeeded", "authorize:a\u{0}"),
        event("e1", "operation.succeeded", ""),
    ] {
        assert_eq!(shop.hook(&body).await.status, 204, "{body}");
    }
    assert_eq!((shop.status(&id).await, shop.count("webhook_events").await), (Status::Authorizing, 0));
}

#[tokio::test]
async fn a_signed_body_that_is_no_event_is_refused() {
    let (shop, id) = waiting("tok_timeout").await;
    let mut no_reason = event("e1", "operation.declined", "authorize:a");
    let without = no_reason.clone();
    no_reason["data"]["reason"] = "bored".into();
    for body in [
        json!([]),
        json!({"type": "operation.failed"}),
        json!({"id": 5, "type": "operation.failed"}),
        json!({"id": "e", "type": "operation.failed"}),
        json!({"id": "e", "type": "operation.failed", "data": {"key": 5}}),
        event("", "operation.failed", "authorize:a"),
        event(&"x".repeat(129), "operation.failed", "authorize:a"),
        event("a\u{0}b", "operation.failed", "authorize:a"),
        without,
        no_reason,
    ] {
        assert_eq!(shop.hook(&body).await.refusal(), (400, "malformed-body"), "{body}");
    }
    let large = json!({"id": "e1", "type": "payout.paid", "data": "x".repeat(64 * 1024)});
    assert_eq!(shop.hook(&large).await.refusal(), (413, "about:blank"));
    assert_eq!(shop.status(&id).await, Status::Authorizing);
    let elsewhere = ::http::Request::post("/api/v1/payments/webhooks/other");
    assert_eq!(shop.send(&crate::shop::Who::nobody(), elsewhere, "{}").await.refusal(), (404, "about:blank"));
}

#[tokio::test]
async fn events_are_forgotten_when_no_sender_repeats_them_any_more() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_timeout_after_effect").await;
    for (number, after_s, remembered) in [(1, 0, 1), (2, FORGET_S - 1, 2), (3, 1, 2)] {
        shop.clock.advance_seconds(after_s.into());
        shop.capture(&format!("c{number}"), &id, Some(1)).await.expect_err("there is no answer");
        let key = format!("capture:c{number}");
        assert_eq!(shop.hook(&event(&format!("e{number}"), "operation.succeeded", &key)).await.status, 204);
        assert_eq!(shop.count("webhook_events").await, remembered, "{number}");
    }
}
