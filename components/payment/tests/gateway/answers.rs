//! What each answer means that is none of an operation: to whoever asks for one, and to whoever asks what became of one.

use payment::domain::Refusal;
use payment::domain::operation::{Kind, Outcome, RESOLVE_AFTER_S};
use payment::domain::payment::{DeclineReason, Status};
use payment::payments::Resolved;

use crate::shop::{Shop, done, outcome};

#[tokio::test]
async fn a_request_that_is_turned_away_is_sent_again_under_the_same_key() {
    let shop = Shop::open().await;
    for (number, status) in [401, 403, 429].into_iter().enumerate() {
        let (key, gateway) = (format!("a{status}"), &shop.desk.gateway);
        gateway.interrupt(Some(status));
        for _ in 0..2 {
            let refused = shop.authorize(&key, "order-1", 100, "tok_visa").await;
            assert_eq!(refused, Err(Refusal::ProviderUnavailable), "{status}");
        }
        gateway.interrupt(None);
        assert_eq!(done(shop.authorize(&key, "order-1", 100, "tok_visa").await).0, Status::Authorized);
        assert_eq!((shop.arrivals(Kind::Authorize, &key).await, gateway.effects()), (Some(1), number + 1));
    }
}

#[tokio::test]
async fn a_request_that_is_refused_has_failed() {
    let shop = Shop::open().await;
    for (number, status) in [400, 404, 410, 422].into_iter().enumerate() {
        let (key, gateway) = (format!("c{status}"), &shop.desk.gateway);
        let id = shop.authorized(&format!("a{status}"), "tok_visa").await;
        gateway.interrupt(Some(status));
        assert_eq!(outcome(shop.capture(&key, &id, None).await), Outcome::Failed, "{status}");
        gateway.interrupt(None);
        assert_eq!(outcome(shop.capture(&key, &id, None).await), Outcome::Failed, "{status}");
        assert_eq!(done(shop.capture(&format!("{key}-2"), &id, None).await).0, Status::Captured);
        assert_eq!(gateway.effects(), 2 * (number + 1));
    }
}

#[tokio::test]
async fn an_answer_that_does_not_say_how_it_ended_is_followed_by_a_question() {
    let shop = Shop::open().await;
    for status in [301, 307, 408, 409, 500, 502, 503, 504] {
        let (key, gateway) = (format!("a{status}"), &shop.desk.gateway);
        gateway.interrupt(Some(status));
        for _ in 0..2 {
            let refused = shop.authorize(&key, "order-1", 100, "tok_visa").await;
            assert!(matches!(refused, Err(Refusal::Unknown(_))), "{status}: {refused:?}");
        }
        gateway.interrupt(None);
        // It never arrived, and is not sent later: whoever wanted it may have gone.
        assert_eq!(outcome(shop.authorize(&key, "order-1", 100, "tok_visa").await), Outcome::Failed);
        assert_eq!((shop.arrivals(Kind::Authorize, &key).await, gateway.effects()), (Some(0), 0));
    }
}

#[tokio::test]
async fn a_question_without_a_clear_answer_leaves_an_operation_open() {
    let shop = Shop::open().await;
    for status in [301, 400, 401, 402, 404, 409, 410, 429, 500] {
        let key = format!("a{status}");
        let ask = || shop.authorize(&key, "order-1", 100, "tok_500_after_effect");
        let refused = ask().await;
        assert!(matches!(refused, Err(Refusal::Unknown(_))), "{refused:?}");
        shop.desk.gateway.interrupt(Some(status));
        shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
        assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 1 }), "{status}");
        let refused = ask().await;
        assert!(matches!(refused, Err(Refusal::Unknown(_))), "{status}: {refused:?}");
        shop.desk.gateway.interrupt(None);
        assert_eq!(done(ask().await).0, Status::Authorized);
    }
}

#[tokio::test]
async fn a_reason_that_nobody_knows_is_a_decline() {
    let shop = Shop::open().await;
    let declined = shop.authorize("a", "order-1", 100, "tok_moody").await.expect("it has an outcome");
    assert_eq!(declined.outcome, Outcome::Declined);
    assert_eq!(declined.payment.state.decline_reason(), Some(DeclineReason::Declined));
}

#[tokio::test]
async fn a_resolve_ends_in_time_however_slow_the_answers_are() {
    let shop = Shop::open().await;
    for number in 0..4 {
        let refused = shop.authorize(&format!("a{number}"), "order-1", 100, "tok_timeout_after_effect").await;
        assert!(matches!(refused, Err(Refusal::Unknown(_))), "{refused:?}");
    }
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    shop.desk.take_s(16);
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 2, open: 2 }));
    shop.desk.take_s(0);
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 2, open: 0 }));
}
