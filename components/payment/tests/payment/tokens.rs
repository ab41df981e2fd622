//! Every test token: what the caller hears, what is true, and what becomes of it.

use payment::domain::Refusal;
use payment::domain::operation::{Outcome, RESOLVE_AFTER_S};
use payment::domain::payment::{DeclineReason, Status};
use payment::payments::Resolved;

use crate::provider::SLOW_S;
use crate::shop::{Operated, Shop, done, outcome};

#[tokio::test]
async fn authorizations_that_are_answered() {
    let shop = Shop::open().await;
    let declined = |reason| (Outcome::Declined, Status::Declined, Some(reason));
    for (token, expected) in [
        ("tok_visa", (Outcome::Done, Status::Authorized, None)),
        ("tok_declined", declined(DeclineReason::Declined)),
        ("tok_insufficient_funds", declined(DeclineReason::InsufficientFunds)),
        ("tok_expired", declined(DeclineReason::Expired)),
        ("tok_stolen", declined(DeclineReason::SuspectedFraud)),
        ("tok_nothing", declined(DeclineReason::InvalidMethod)),
        ("visa", declined(DeclineReason::InvalidMethod)),
        ("tok_error", (Outcome::Failed, Status::Failed, None)),
        ("tok_capture_fails", (Outcome::Done, Status::Authorized, None)),
    ] {
        let answer = shop.authorize(token, "order-1", 100, token).await.expect("it has an outcome");
        let state = answer.payment.state;
        assert_eq!((answer.outcome, state.status(), state.decline_reason()), expected, "{token}");
        let is_held = answer.outcome == Outcome::Done;
        assert_eq!(shop.truth(&answer.payment.id).await.is_some(), is_held, "{token}");
    }
}

#[tokio::test]
async fn an_authorization_without_an_answer_is_authorizing_until_somebody_asks() {
    for (token, truth, then) in [
        ("tok_timeout", false, Outcome::Failed),
        ("tok_timeout_after_effect", true, Outcome::Done),
        ("tok_slow", true, Outcome::Done),
    ] {
        let shop = Shop::open().await;
        let unknown = shop.authorize("a", "order-1", 100, token).await;
        let id = shop.of_order("order-1").await[0].id.clone();
        assert_eq!(unknown, Err(Refusal::Unknown(id.clone())), "{token}");
        assert_eq!(shop.status(&id).await, Status::Authorizing);
        assert_eq!(shop.truth(&id).await.is_some(), truth, "{token}");
        assert!(shop.events().is_empty());
        shop.clock.advance_seconds(SLOW_S.into());
        assert_eq!(outcome(shop.authorize("a", "order-1", 100, token).await), then, "{token}");
        assert_eq!(shop.event_types(), [if truth { "payment.authorized" } else { "payment.failed" }]);
        assert_eq!(shop.of_order("order-1").await.len(), 1);
    }
}

#[tokio::test]
async fn a_provider_that_is_slow_is_asked_again() {
    let shop = Shop::open().await;
    assert!(matches!(shop.authorize("a", "order-1", 100, "tok_slow").await, Err(Refusal::Unknown(_))));
    shop.clock.advance_seconds(i64::from(SLOW_S) - 1);
    assert!(matches!(shop.authorize("a", "order-1", 100, "tok_slow").await, Err(Refusal::Unknown(_))));
    shop.clock.advance_seconds(1);
    assert_eq!(done(shop.authorize("a", "order-1", 100, "tok_slow").await).0, Status::Authorized);
}

#[tokio::test]
async fn a_provider_that_is_not_reached_has_done_nothing() {
    let shop = Shop::open().await;
    for _ in 0..2 {
        let refused = shop.authorize("a", "order-1", 100, "tok_unavailable").await;
        assert_eq!(refused, Err(Refusal::ProviderUnavailable));
    }
    assert_eq!((shop.count("payments").await, shop.known_operations().await), (1, 0));
    // Whoever wanted it may have gone: what was never sent is closed and not sent later.
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 1, open: 0 }));
    assert_eq!(outcome(shop.authorize("a", "order-1", 100, "tok_unavailable").await), Outcome::Failed);
}

/// Does one later operation on a payment of 100, which was captured before a refund.
async fn later(shop: &Shop, token: &str, operation: &str, key: &str) -> Operated {
    let found = shop.of_order("order").await;
    let id = match found.first() {
        Some(payment) => payment.id.clone(),
        None if operation == "refund" => shop.captured("order", token).await,
        None => shop.authorized("order", token).await,
    };
    match operation {
        "capture" => shop.capture(key, &id, Some(40)).await,
        "void" => shop.void(key, &id).await,
        _ => shop.refund(key, &id, Some(40)).await,
    }
}

#[tokio::test]
async fn a_fault_may_come_with_any_later_operation() {
    for operation in ["capture", "void", "refund"] {
        for (fault, first, then) in [
            ("fails", "failed", Outcome::Failed),
            ("unavailable", "unavailable", Outcome::Failed),
            ("timeout", "unknown", Outcome::Failed),
            ("timeout_after_effect", "unknown", Outcome::Done),
            ("slow", "unknown", Outcome::Done),
        ] {
            let token = format!("tok_{operation}_{fault}");
            let shop = Shop::open().await;
            let heard = match later(&shop, &token, operation, "k").await {
                Ok(answer) => format!("{:?}", answer.outcome).to_lowercase(),
                Err(Refusal::Unknown(_)) => "unknown".to_owned(),
                Err(Refusal::ProviderUnavailable) => "unavailable".to_owned(),
                Err(other) => panic!("{token}: {other:?}"),
            };
            assert_eq!(heard, first, "{token}");
            shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
            shop.payments.resolve().await.expect("the provider is there");
            let answer = later(&shop, &token, operation, "k").await.expect("it has an outcome");
            assert_eq!(answer.outcome, then, "{token}");
            let truth = shop.truth(&answer.payment.id).await.expect("it was authorized");
            let state = answer.payment.state;
            assert_eq!((truth.captured, truth.refunded), (state.captured(), state.refunded()), "{token}");
            assert_eq!(truth.is_voided, state.status() == Status::Voided, "{token}");
        }
    }
}

#[tokio::test]
async fn after_a_failure_the_same_may_be_asked_under_a_new_key() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_fails").await;
    for key in ["c1", "c2"] {
        assert_eq!(outcome(shop.capture(key, &id, None).await), Outcome::Failed);
        assert_eq!(shop.status(&id).await, Status::Authorized);
    }
    assert_eq!(done(shop.void("v", &id).await).0, Status::Voided);
}
