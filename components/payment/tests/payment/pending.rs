//! One operation on a payment at a time, and what becomes of one that stands in another's way.

use payment::domain::Refusal;
use payment::domain::operation::{LEASE_S, Outcome, RESOLVE_AFTER_S, RESOLVED_MAX};
use payment::domain::payment::{Conflict, Status};
use payment::payments::Resolved;
use payment::store::operation::{self, Begun};
use serde_json::json;
use souk_database::contract::Transaction;
use souk_kit::database::{attempt, sql};

use crate::shop::{Shop, capture, done, outcome, void};

#[tokio::test]
async fn another_operation_waits_for_the_one_that_is_under_way() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let begun = operation::begin(&shop.context, crate::provider::NAME, &capture("c", &id, None)).await;
    assert!(begun.is_ok(), "{begun:?}");
    assert_eq!(shop.void("v", &id).await, Err(Refusal::InProgress));
    assert_eq!(shop.count("operations").await, 2);
    // Once nobody can be at it any more, it is finished first.
    shop.clock.advance_seconds(LEASE_S.into());
    assert_eq!(done(shop.void("v", &id).await).0, Status::Voided);
    assert_eq!(outcome(shop.capture("c", &id, None).await), Outcome::Failed);
}

#[tokio::test]
async fn a_void_undoes_an_authorization_whose_answer_was_lost() {
    for (token, expected) in [
        ("tok_timeout_after_effect", Outcome::Done),
        ("tok_timeout", Outcome::Refused(Conflict::NotAuthorized)),
        ("tok_unavailable", Outcome::Refused(Conflict::NotAuthorized)),
    ] {
        let shop = Shop::open().await;
        shop.authorize("a", "order-1", 100, token).await.expect_err("there is no answer");
        let id = shop.of_order("order-1").await[0].id.clone();
        assert_eq!(outcome(shop.void("v", &id).await), expected, "{token}");
        assert!(shop.truth(&id).await.is_none_or(|truth| truth.is_voided), "{token}");
    }
}

#[tokio::test]
async fn a_void_waits_while_the_provider_is_still_at_what_is_to_be_undone() {
    let shop = Shop::open().await;
    shop.authorize("a", "order-1", 100, "tok_slow").await.expect_err("there is no answer");
    let id = shop.of_order("order-1").await[0].id.clone();
    assert_eq!(shop.void("v", &id).await, Err(Refusal::InProgress));
    shop.clock.advance_seconds(60);
    assert_eq!(done(shop.void("v", &id).await).0, Status::Voided);
}

#[tokio::test]
async fn a_capture_that_was_never_sent_is_closed_by_whoever_comes_next() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_capture_unavailable").await;
    assert_eq!(shop.capture("c", &id, None).await, Err(Refusal::ProviderUnavailable));
    assert_eq!(done(shop.void("v", &id).await).0, Status::Voided);
    assert_eq!(outcome(shop.capture("c", &id, None).await), Outcome::Failed);
}

#[tokio::test]
async fn resolve_takes_a_bounded_number_longest_forgotten_first_and_says_that_there_is_more() {
    let shop = Shop::open().await;
    let max = i64::from(RESOLVED_MAX);
    for number in 0..max + 2 {
        shop.authorize(&format!("a{number}"), "order-1", 100, "tok_timeout_after_effect")
            .await
            .expect_err("there is no answer");
        shop.clock.advance_seconds(1);
    }
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    let bounded = Resolved { settled: RESOLVED_MAX, open: 0 };
    assert_eq!(shop.payments.resolve().await, Ok(bounded));
    assert!(bounded.is_more_due());
    let open: Vec<Status> = shop.of_order("order-1").await.iter().map(|payment| payment.state.status()).collect();
    assert_eq!(open.iter().filter(|status| **status == Status::Authorizing).count(), 2);
    assert_eq!(open[open.len() - 2..], [Status::Authorizing; 2]);
    let rest = Resolved { settled: 2, open: 0 };
    assert_eq!(shop.payments.resolve().await, Ok(rest));
    assert!(!rest.is_more_due());
    assert!(
        !Resolved { settled: 0, open: RESOLVED_MAX }.is_more_due(),
        "a provider that says nothing is not asked at once"
    );
}

#[tokio::test]
async fn what_the_provider_does_not_know_yet_stays_open_and_makes_room_for_others() {
    let shop = Shop::open().await;
    shop.authorize("a", "order-1", 100, "tok_slow").await.expect_err("there is no answer");
    // It says nothing for longer than anybody waits.
    shop.desk.stall(&shop.context).await;
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 1 }));
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 0 }));
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 1 }));
}

#[tokio::test]
async fn of_two_operations_that_begin_at_once_one_waits() {
    let shop = Shop::open().await;
    for number in 0..10 {
        let id = shop.authorized(&format!("a{number}"), "tok_visa").await;
        let (one, two) = (capture(&format!("c{number}"), &id, None), void(&format!("v{number}"), &id));
        let begin = |wanted| operation::begin(&shop.context, crate::provider::NAME, wanted);
        let both = tokio::join!(begin(&one), begin(&two));
        let claims = [&both.0, &both.1].into_iter().filter(|begun| matches!(begun, Ok(Begun::Claimed(_)))).count();
        assert_eq!(claims, 1, "{both:?}");
    }
}

async fn give_to(shop: &Shop, provider: &str) {
    let give = sql("UPDATE payments SET provider = $1").bind(provider);
    let transaction = Transaction { steps: vec![give.anything()], events: vec![] };
    attempt(shop.context.database(), transaction).await.expect("there is such a table");
}

#[tokio::test]
async fn a_payment_of_another_provider_is_left_alone_until_that_is_back() {
    let shop = Shop::open().await;
    let (taken, held) = (shop.captured("a", "tok_visa").await, shop.authorized("b", "tok_visa").await);
    let lost = shop.authorize("c", "order-c", 100, "tok_timeout_after_effect").await;
    assert!(matches!(lost, Err(Refusal::Unknown(_))), "{lost:?}");
    let known = shop.known_operations().await;
    give_to(&shop, "other").await;
    shop.clock.advance_seconds(RESOLVE_AFTER_S.into());
    assert_eq!(shop.payments.resolve().await, Ok(Resolved::default()));
    for refused in [
        shop.refund("r", &taken, None).await,
        shop.capture("c", &held, None).await,
        shop.authorize("c", "order-c", 100, "tok_timeout_after_effect").await,
    ] {
        assert_eq!(refused, Err(Refusal::ProviderUnavailable));
    }
    let event = json!({"id": "e1", "type": "operation.failed", "data": {"key": "authorize:c"}});
    assert_eq!(shop.hook(&event).await.status, 204);
    // What has an outcome keeps it, and a new payment is this provider's.
    assert_eq!(done(shop.capture("a", &taken, None).await).0, Status::Captured);
    assert_eq!(done(shop.authorize("d", "order-d", 100, "tok_visa").await).0, Status::Authorized);
    assert_eq!(shop.known_operations().await, known + 1);
    give_to(&shop, crate::provider::NAME).await;
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 1, open: 0 }));
    assert_eq!(done(shop.authorize("c", "order-c", 100, "tok_timeout_after_effect").await).0, Status::Authorized);
    assert_eq!(done(shop.refund("r", &taken, None).await).0, Status::Refunded);
}
