//! Idempotency keys: one effect each, the first answer each time.

use std::sync::Arc;

use payment::domain::Refusal;
use payment::domain::operation::{Kind, Outcome, Wanted};
use payment::domain::payment::{Conflict, Status};

use crate::shop::{Operated, Shop, at_once, authorize, capture, done, outcome, refund, void};

#[tokio::test]
async fn a_repetition_gives_the_first_answer_whatever_happened_since() {
    let shop = Shop::open().await;
    let authorize = authorize("k", "order-1", 100, "tok_visa");
    let held = shop.payments.operate(&authorize).await.expect("it has an outcome");
    let id = held.payment.id.clone();
    let mut first = vec![(authorize, held)];
    let wanted = [
        capture("k", &id, Some(60)),
        capture("k2", &id, Some(41)),
        refund("k", &id, Some(20)),
        void("k", &id),
        refund("k2", &id, None),
    ];
    for wanted in wanted {
        shop.clock.advance_seconds(1);
        let answer = shop.payments.operate(&wanted).await.expect("it has an outcome");
        first.push((wanted, answer));
    }
    let events = shop.event_types();
    shop.clock.advance_seconds(1000);
    for (wanted, answer) in &first {
        assert_eq!(shop.payments.operate(wanted).await.as_ref(), Ok(answer));
    }
    assert_eq!((events.len(), shop.event_types().len(), shop.count("operations").await), (4, 0, 6));
    for (kind, key) in [(Kind::Authorize, "k"), (Kind::Capture, "k"), (Kind::Refund, "k"), (Kind::Refund, "k2")] {
        assert_eq!(shop.arrivals(kind, key).await, Some(1));
    }
    let outcomes: Vec<Outcome> = first.iter().map(|(_, answer)| answer.outcome).collect();
    let (short, taken) = (Conflict::InsufficientAuthorization, Conflict::AlreadyCaptured);
    let expected =
        [Outcome::Done, Outcome::Done, Outcome::Refused(short), Outcome::Done, Outcome::Refused(taken), Outcome::Done];
    assert_eq!(outcomes, expected);
}

#[tokio::test]
async fn a_refusal_is_an_answer_too() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    assert_eq!(outcome(shop.refund("r", &id, Some(10)).await), Outcome::Refused(Conflict::NothingCaptured));
    assert_eq!(done(shop.capture("c", &id, None).await).0, Status::Captured);
    let again = shop.refund("r", &id, Some(10)).await.expect("it has an outcome");
    assert_eq!(
        (again.outcome, again.payment.state.status()),
        (Outcome::Refused(Conflict::NothingCaptured), Status::Authorized)
    );
    assert_eq!(done(shop.refund("r2", &id, Some(10)).await).2, 10);
}

#[tokio::test]
async fn a_key_is_for_the_same_arguments_only() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    let other = shop.captured("b", "tok_visa").await;
    done(shop.refund("k", &id, Some(10)).await);
    let wanted: [Wanted; 9] = [
        authorize("a", "a2", 100, "tok_visa"),
        authorize("a", "a", 101, "tok_visa"),
        authorize("a", "a", 100, "tok_other"),
        capture("a", &id, Some(100)),
        capture("a", &other, None),
        refund("k", &id, Some(11)),
        refund("k", &id, None),
        refund("k", &other, Some(10)),
        refund("b", &id, Some(1)),
    ];
    for (wanted, is_new) in wanted.iter().zip([false, false, false, false, false, false, false, false, true]) {
        let refused = shop.payments.operate(wanted).await;
        assert_eq!(refused == Err(Refusal::KeyReused), !is_new, "{:?}: {refused:?}", wanted.ask);
    }
    assert_eq!(shop.truth(&id).await.expect("it is known").refunded, 11);
}

#[tokio::test]
async fn while_the_first_is_under_way_a_repetition_waits() {
    let shop = Shop::open().await;
    let wanted = authorize("a", "order-1", 100, "tok_visa");
    let begun = payment::store::operation::begin(&shop.context, crate::provider::NAME, &wanted).await;
    assert!(begun.is_ok(), "{begun:?}");
    assert_eq!(shop.payments.operate(&wanted).await, Err(Refusal::InProgress));
    let other = authorize("a", "order-2", 100, "tok_visa");
    assert_eq!(shop.payments.operate(&other).await, Err(Refusal::KeyReused));
    assert_eq!(shop.known_operations().await, 0);
}

/// Sixteen at once: each has the one answer, or learns that somebody is at it, or that too many are.
fn check_one(answers: &[Operated]) {
    let outcomes: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().ok()).collect();
    assert!(!outcomes.is_empty(), "{answers:?}");
    for answer in &outcomes {
        assert_eq!((answer.outcome, *answer), (Outcome::Done, outcomes[0]));
    }
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(refused, &Refusal::InProgress);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_calls_with_one_key_one_goes_to_the_provider() {
    let shop = Arc::new(Shop::open().await);
    let call = |wanted: Wanted| {
        let shop = Arc::clone(&shop);
        move |_| {
            let (shop, wanted) = (Arc::clone(&shop), wanted.clone());
            async move { shop.payments.operate(&wanted).await }
        }
    };
    check_one(&at_once(16, call(authorize("a", "order-1", 100, "tok_visa"))).await);
    let found = shop.of_order("order-1").await;
    assert_eq!(found.len(), 1);
    let id = found[0].id.clone();
    check_one(&at_once(16, call(capture("c", &id, Some(40)))).await);
    check_one(&at_once(16, call(refund("r", &id, Some(30)))).await);
    let truth = shop.truth(&id).await.expect("it is known");
    assert_eq!((truth.captured, truth.refunded), (40, 30));
    for (kind, key) in [(Kind::Authorize, "a"), (Kind::Capture, "c"), (Kind::Refund, "r")] {
        assert_eq!(shop.arrivals(kind, key).await, Some(1), "{kind:?}");
    }
    let other = shop.authorized("b", "tok_visa").await;
    check_one(&at_once(16, call(void("v", &other))).await);
    assert_eq!((shop.count("ledger_entries").await, shop.event_types().len()), (8, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_captures_at_once_no_more_is_taken_than_was_held() {
    let shop = Arc::new(Shop::open().await);
    let id = shop.authorized("a", "tok_visa").await;
    let answers = at_once(16, |number| {
        let (shop, id) = (Arc::clone(&shop), id.clone());
        async move {
            // Each goes on until it has an outcome, as a caller does.
            loop {
                match shop.capture(&format!("c{number}"), &id, Some(30)).await {
                    Err(Refusal::InProgress | Refusal::Failed(souk_kit::database::Failure::Stale)) => {
                        tokio::task::yield_now().await;
                    }
                    outcome => return outcome,
                }
            }
        }
    });
    let outcomes: Vec<Outcome> = answers.await.into_iter().map(outcome).collect();
    let done = outcomes.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let refused = Outcome::Refused(Conflict::InsufficientAuthorization);
    assert_eq!((done, outcomes.iter().filter(|outcome| **outcome == refused).count()), (3, 13), "{outcomes:?}");
    assert_eq!(shop.payment(&id).await.state.captured(), 90);
    assert_eq!(shop.truth(&id).await.expect("it is known").captured, 90);
}
