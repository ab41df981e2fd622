//! Requests and answers that are lost on the way: before the effect, after it, and with nobody there at all.

use std::time::Instant;

use payment::domain::operation::{Kind, Outcome, RESOLVE_AFTER_S};
use payment::domain::payment::Status;
use payment::domain::{PaymentId, Refusal};
use payment::payments::Resolved;
use souk_kit::native::GivenSettings;

use crate::shop::{Operated, Shop, done, outcome};

/// A shop that does not wait long.
async fn impatient() -> Shop {
    Shop::open_with(GivenSettings::default().with("payment_gateway_timeout_ms", "200")).await
}

/// Does an operation under a key whose fault the method names; a payment that allows it is there before.
async fn operate(shop: &Shop, kind: Kind, key: &str, fault: &str) -> Operated {
    if kind == Kind::Authorize {
        return shop.authorize(key, key, 100, &format!("tok_{fault}")).await;
    }
    let (order, token) = (format!("{key}-before"), format!("tok_{}_{fault}", kind.as_str()));
    let found = shop.of_order(&order).await;
    let id: PaymentId = match found.first() {
        Some(payment) => payment.id.clone(),
        None if kind == Kind::Refund => shop.captured(&order, &token).await,
        None => shop.authorized(&order, &token).await,
    };
    match kind {
        Kind::Capture => shop.capture(key, &id, Some(40)).await,
        Kind::Void => shop.void(key, &id).await,
        Kind::Authorize | Kind::Refund => shop.refund(key, &id, Some(40)).await,
    }
}

const KINDS: [Kind; 4] = [Kind::Authorize, Kind::Capture, Kind::Void, Kind::Refund];

/// What is kept here is what is true there, and in the books.
async fn check_truth(shop: &Shop, id: &PaymentId, what: &str) {
    let (state, truth) = (shop.payment(id).await.state, shop.truth(id).await);
    let is_held = !matches!(state.status(), Status::Declined | Status::Failed);
    assert_eq!(truth.is_some(), is_held, "{what}");
    if let Some(truth) = truth {
        assert_eq!((truth.captured, truth.refunded), (state.captured(), state.refunded()), "{what}");
        assert_eq!(truth.is_voided, state.status() == Status::Voided, "{what}");
    }
    assert_eq!(shop.booked(id).await, (state.captured(), state.refunded()), "{what}");
}

#[tokio::test]
async fn an_effect_whose_answer_was_lost_is_found_and_happens_once() {
    let shop = impatient().await;
    for fault in ["timeout", "500", "409", "garbled", "mixed_up", "large", "hangs"] {
        for (kind, by_resolve) in KINDS.into_iter().flat_map(|kind| [(kind, false), (kind, true)]) {
            let key = format!("{}-{fault}-{by_resolve}", kind.as_str());
            let fault = format!("{fault}_after_effect");
            let again = || operate(&shop, kind, &key, &fault);
            let lost = again().await;
            assert!(matches!(lost, Err(Refusal::Unknown(_))), "{key}: {lost:?}");
            let effects = shop.desk.gateway.effects();
            if by_resolve {
                shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
                assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 1, open: 0 }), "{key}");
            }
            let answer = again().await.expect("it has an outcome");
            assert_eq!(answer.outcome, Outcome::Done, "{key}");
            assert_eq!(again().await.as_ref(), Ok(&answer), "{key}");
            assert_eq!((shop.arrivals(kind, &key).await, shop.desk.gateway.effects()), (Some(1), effects), "{key}");
            check_truth(&shop, &answer.payment.id, &key).await;
        }
    }
}

#[tokio::test]
async fn what_was_lost_before_its_effect_is_closed_and_stays_without() {
    let shop = impatient().await;
    for fault in ["timeout", "500", "hangs"] {
        for kind in KINDS {
            let key = format!("{}-{fault}", kind.as_str());
            let lost = operate(&shop, kind, &key, fault).await;
            assert!(matches!(lost, Err(Refusal::Unknown(_))), "{key}: {lost:?}");
            let effects = shop.desk.gateway.effects();
            let answer = operate(&shop, kind, &key, fault).await.expect("it has an outcome");
            assert_eq!(answer.outcome, Outcome::Failed, "{key}");
            assert_eq!((shop.arrivals(kind, &key).await, shop.desk.gateway.effects()), (Some(0), effects), "{key}");
            check_truth(&shop, &answer.payment.id, &key).await;
        }
    }
}

#[tokio::test]
async fn nobody_waits_longer_than_the_setting_says() {
    let shop = impatient().await;
    let asked = Instant::now();
    let lost = shop.authorize("a", "order-1", 100, "tok_hangs").await;
    assert!(matches!(lost, Err(Refusal::Unknown(_))), "{lost:?}");
    assert!(asked.elapsed().as_secs() < 5, "200 ms are over");
}

#[tokio::test]
async fn a_gateway_that_is_not_there_has_done_nothing() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    shop.desk.gateway.stop();
    assert_eq!(shop.authorize("b", "order-b", 100, "tok_visa").await, Err(Refusal::ProviderUnavailable));
    for _ in 0..2 {
        assert_eq!(shop.capture("c", &id, Some(40)).await, Err(Refusal::ProviderUnavailable));
    }
    shop.desk.gateway.start_again();
    // Whoever comes back with the key has it done, and nobody else: resolve closes what was never sent.
    assert_eq!(done(shop.capture("c", &id, Some(40)).await).1, 40);
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 1, open: 0 }));
    assert_eq!(outcome(shop.authorize("b", "order-b", 100, "tok_visa").await), Outcome::Failed);
    assert_eq!((shop.arrivals(Kind::Capture, "c").await, shop.desk.gateway.effects()), (Some(1), 2));
}

#[tokio::test]
async fn a_gateway_that_went_away_after_the_effect_is_asked_when_it_is_back() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_timeout_after_effect").await;
    let lost = shop.capture("c", &id, Some(40)).await;
    assert_eq!(lost, Err(Refusal::Unknown(id.clone())));
    shop.desk.gateway.stop();
    // Not unavailable: that would say that nothing has happened.
    assert_eq!(shop.capture("c", &id, Some(40)).await, Err(Refusal::Unknown(id.clone())));
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 1 }));
    shop.desk.gateway.start_again();
    assert_eq!(done(shop.capture("c", &id, Some(40)).await).1, 40);
    check_truth(&shop, &id, "after the effect").await;
}
