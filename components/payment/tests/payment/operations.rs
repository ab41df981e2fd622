//! What each operation does in each state, seen from its callers.

use payment::domain::PaymentId;
use payment::domain::Refusal;
use payment::domain::ledger::Account;
use payment::domain::operation::{Kind, Outcome};
use payment::domain::payment::{Conflict, DeclineReason, Status};
use serde_json::json;

use crate::shop::{CUSTOMER, Shop, done, outcome};

#[tokio::test]
async fn a_payment_is_held_taken_and_given_back() {
    let shop = Shop::open().await;
    let held = shop.authorize("a", "order-1", 1999, "tok_visa").await.expect("it has an outcome");
    assert_eq!((held.outcome, held.payment.state.status()), (Outcome::Done, Status::Authorized));
    assert_eq!((held.payment.version, &*held.payment.provider), (2, crate::provider::NAME));
    let id = held.payment.id;
    assert_eq!(done(shop.capture("c", &id, None).await), (Status::Captured, 1999, 0));
    assert_eq!(done(shop.refund("r", &id, None).await), (Status::Refunded, 1999, 1999));
    let common = |captured: i64, refunded: i64, status: &str| {
        json!({
            "id": id, "order_id": "order-1", "customer": CUSTOMER, "amount": {"amount": 1999, "currency": "EUR"},
            "captured": captured, "refunded": refunded, "status": status,
        })
    };
    let (mut taken, mut given_back) = (common(1999, 0, "captured"), common(1999, 1999, "refunded"));
    (taken["moved"], given_back["moved"]) = (1999.into(), 1999.into());
    let expected = [
        ("payment.authorized", common(0, 0, "authorized")),
        ("payment.captured", taken),
        ("payment.refunded", given_back),
    ];
    assert_eq!(shop.events(), expected.map(|(name, data)| (name.to_owned(), data)));
}

#[tokio::test]
async fn money_is_taken_and_given_back_in_parts() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    assert_eq!(done(shop.capture("c1", &id, Some(30)).await), (Status::PartiallyCaptured, 30, 0));
    assert_eq!(done(shop.capture("c2", &id, Some(30)).await), (Status::PartiallyCaptured, 60, 0));
    let too_much = shop.capture("c3", &id, Some(41)).await;
    assert_eq!(outcome(too_much), Outcome::Refused(Conflict::InsufficientAuthorization));
    assert_eq!(done(shop.capture("c4", &id, None).await), (Status::Captured, 100, 0));
    assert_eq!(outcome(shop.capture("c5", &id, Some(1)).await), Outcome::Refused(Conflict::AlreadyCaptured));
    assert_eq!(done(shop.refund("r1", &id, Some(99)).await), (Status::PartiallyRefunded, 100, 99));
    assert_eq!(outcome(shop.refund("r2", &id, Some(2)).await), Outcome::Refused(Conflict::ExceedsCaptured));
    assert_eq!(done(shop.refund("r3", &id, None).await), (Status::Refunded, 100, 100));
    assert_eq!(outcome(shop.refund("r4", &id, None).await), Outcome::Refused(Conflict::AlreadyRefunded));
    let truth = shop.truth(&id).await.expect("the provider knows it");
    assert_eq!((truth.captured, truth.refunded, truth.is_voided), (100, 100, false));
    assert_eq!(shop.balance(Account::Revenue).await, -100);
    assert_eq!((shop.balance(Account::Refunds).await, shop.balance(Account::ProviderClearing).await), (100, 0));
}

#[tokio::test]
async fn a_part_that_was_taken_is_given_back_and_the_rest_lapses() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    assert_eq!(done(shop.capture("c1", &id, Some(60)).await), (Status::PartiallyCaptured, 60, 0));
    assert_eq!(outcome(shop.refund("r1", &id, Some(61)).await), Outcome::Refused(Conflict::ExceedsCaptured));
    assert_eq!(done(shop.refund("r2", &id, Some(10)).await), (Status::PartiallyRefunded, 60, 10));
    assert_eq!(outcome(shop.capture("c2", &id, None).await), Outcome::Refused(Conflict::AlreadyRefunded));
    assert_eq!(done(shop.refund("r3", &id, None).await), (Status::Refunded, 60, 60));
}

#[tokio::test]
async fn what_is_held_is_let_go() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    assert_eq!(done(shop.void("v", &id).await), (Status::Voided, 0, 0));
    assert!(shop.truth(&id).await.is_some_and(|truth| truth.is_voided));
    assert_eq!(outcome(shop.void("v2", &id).await), Outcome::Refused(Conflict::AlreadyVoided));
    assert_eq!(outcome(shop.capture("c", &id, None).await), Outcome::Refused(Conflict::AlreadyVoided));
    assert_eq!(outcome(shop.refund("r", &id, None).await), Outcome::Refused(Conflict::NothingCaptured));
    assert_eq!((shop.count("ledger_entries").await, shop.event_types().len()), (0, 2));
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_never_asked_of_the_provider() {
    let shop = Shop::open().await;
    let declined = shop.authorize("d", "order-d", 100, "tok_declined").await.expect("it has an outcome").payment.id;
    let taken = shop.captured("a", "tok_visa").await;
    shop.events();
    let refused = [
        (shop.capture("x1", &declined, None).await, Conflict::NotAuthorized),
        (shop.void("x2", &declined).await, Conflict::NotAuthorized),
        (shop.refund("x3", &declined, None).await, Conflict::NothingCaptured),
        (shop.void("x4", &taken).await, Conflict::AlreadyCaptured),
    ];
    for (refused, conflict) in refused {
        assert_eq!(outcome(refused), Outcome::Refused(conflict));
    }
    for (kind, key) in [(Kind::Capture, "x1"), (Kind::Void, "x2"), (Kind::Refund, "x3"), (Kind::Void, "x4")] {
        assert_eq!(shop.arrivals(kind, key).await, None);
    }
    assert!(shop.events().is_empty());
}

#[tokio::test]
async fn a_declined_payment_says_why_and_the_order_may_have_another() {
    let shop = Shop::open().await;
    let declined = shop.authorize("a1", "order-1", 100, "tok_insufficient_funds").await.expect("it has an outcome");
    assert_eq!(declined.outcome, Outcome::Declined);
    assert_eq!(declined.payment.state.decline_reason(), Some(DeclineReason::InsufficientFunds));
    let events = shop.events();
    assert_eq!((&*events[0].0, &events[0].1["reason"]), ("payment.declined", &json!("insufficient-funds")));
    shop.clock.advance_seconds(1);
    assert_eq!(done(shop.authorize("a2", "order-1", 100, "tok_visa").await).0, Status::Authorized);
    let statuses: Vec<Status> = shop.of_order("order-1").await.iter().map(|payment| payment.state.status()).collect();
    assert_eq!(statuses, [Status::Declined, Status::Authorized]);
    assert!(shop.of_order("order-2").await.is_empty());
}

#[tokio::test]
async fn a_payment_that_is_not_there_is_unknown() {
    let shop = Shop::open().await;
    let id = PaymentId::parse("01919191-0000-7000-8000-000000000000".to_owned()).expect("it is an id");
    for refused in [shop.capture("k", &id, None).await, shop.void("k", &id).await, shop.refund("k", &id, Some(1)).await]
    {
        assert_eq!(refused, Err(Refusal::UnknownPayment));
    }
    assert_eq!(shop.count("operations").await, 0);
}
