//! What is left when everything stops between two steps, and that whoever comes later finishes it: with one effect, and with the outcome that is true.

use payment::domain::operation::{Answer, LEASE_S, Outcome, RESOLVE_AFTER_S, Verdict, Wanted};
use payment::domain::payment::Status;
use payment::domain::{PaymentId, Refusal};
use payment::payments::Resolved;
use payment::provider::{Instruction, Reply, Standing, Work};
use payment::store::operation::{self, Begun, Claim, ClaimStep, Finished};

use crate::shop::{Break, Shop, amount, authorize, capture, refund, void};

/// The first step alone.
async fn begin(shop: &Shop, wanted: &Wanted) -> Claim {
    match operation::begin(&shop.context, crate::provider::NAME, wanted).await {
        Ok(Begun::Claimed(claim)) => claim,
        other => panic!("{other:?}"),
    }
}

/// The second step alone, of a capture of 40.
async fn send(shop: &Shop, claim: &Claim) -> Reply {
    let (id, payment_id) = (claim.operation.id.clone(), claim.operation.payment_id.clone());
    shop.payments.provider.perform(Instruction { id, payment_id, work: Work::Capture(amount(40)) }).await
}

fn later(shop: &Shop, seconds: u32) {
    shop.clock.advance_seconds(seconds.into());
}

#[tokio::test]
async fn after_a_crash_before_the_provider_was_asked_nothing_has_happened() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let wanted = capture("c", &id, Some(40));
    begin(&shop, &wanted).await;
    later(&shop, LEASE_S - 1);
    assert_eq!(shop.payments.operate(&wanted).await, Err(Refusal::InProgress));
    later(&shop, 1);
    let answer = shop.payments.operate(&wanted).await.expect("it has an outcome");
    assert_eq!((answer.outcome, answer.payment.state.status()), (Outcome::Failed, Status::Authorized));
    assert_eq!(shop.truth(&id).await.expect("it is known").captured, 0);
}

#[tokio::test]
async fn after_a_crash_before_the_answer_was_written_the_effect_is_found() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let wanted = capture("c", &id, Some(40));
    let claim = begin(&shop, &wanted).await;
    assert_eq!(send(&shop, &claim).await, Reply::Settled(Verdict::Done));
    assert_eq!(shop.status(&id).await, Status::Authorized);
    later(&shop, LEASE_S);
    let answer = shop.payments.operate(&wanted).await.expect("it has an outcome");
    assert_eq!((answer.outcome, answer.payment.state.captured()), (Outcome::Done, 40));
    assert_eq!(shop.truth(&id).await.expect("it is known").captured, 40);
    assert_eq!((shop.count("ledger_entries").await, shop.event_types().len()), (4, 2));
}

#[tokio::test]
async fn resolve_finishes_what_nobody_comes_back_for() {
    let shop = Shop::open().await;
    let (lost, sent) = (shop.authorized("a", "tok_visa").await, shop.authorized("b", "tok_visa").await);
    begin(&shop, &capture("c1", &lost, Some(40))).await;
    let claim = begin(&shop, &capture("c2", &sent, Some(40))).await;
    send(&shop, &claim).await;
    later(&shop, RESOLVE_AFTER_S - 1);
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 0 }));
    later(&shop, 1);
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 2, open: 0 }));
    assert_eq!(shop.payments.resolve().await, Ok(Resolved { settled: 0, open: 0 }));
    assert_eq!(shop.status(&lost).await, Status::Authorized);
    assert_eq!(shop.status(&sent).await, Status::PartiallyCaptured);
    assert_eq!(shop.truth(&sent).await.expect("it is known").captured, 40);
}

#[tokio::test]
async fn who_was_thought_gone_and_comes_back_has_no_second_effect() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let wanted = capture("c", &id, Some(40));
    let slow = begin(&shop, &wanted).await;
    later(&shop, RESOLVE_AFTER_S);
    shop.payments.resolve().await.expect("the provider is there");
    // The provider has closed the key: what arrives after all has no effect.
    assert_eq!(send(&shop, &slow).await, Reply::Settled(Verdict::Failed));
    let finished = operation::finish(&shop.context, &slow.operation.id, Verdict::Failed, &[]).await;
    assert!(matches!(finished, Ok(Finished::Before(Answer { outcome: Outcome::Failed, .. }))), "{finished:?}");
    assert_eq!(shop.truth(&id).await.expect("it is known").captured, 0);
}

#[tokio::test]
async fn what_two_finish_is_booked_once() {
    let shop = Shop::open().await;
    let id = shop.authorized("a", "tok_visa").await;
    let claim = begin(&shop, &capture("c", &id, Some(40))).await;
    send(&shop, &claim).await;
    let finish = || operation::finish(&shop.context, &claim.operation.id, Verdict::Done, &[]);
    let (one, two) = tokio::join!(finish(), finish());
    let count = |finished: &Finished| matches!(finished, Finished::Now(_));
    let now = [one.expect("it is finished"), two.expect("it is finished")].iter().filter(|one| count(one)).count();
    assert_eq!((now, shop.count("ledger_entries").await), (1, 4));
}

#[tokio::test]
async fn of_two_who_take_an_operation_up_one_does() {
    let shop = Shop::open().await;
    let wanted = authorize("a", "order-1", 100, "tok_visa");
    let first = begin(&shop, &wanted).await;
    later(&shop, LEASE_S);
    let one = operation::claim(&shop.context, &first.operation).await.expect("the database is there");
    assert_eq!(one.map(|claim| (claim.step, claim.operation.attempt)), Some((ClaimStep::Inquire, 2)));
    let two = operation::claim(&shop.context, &first.operation).await.expect("the database is there");
    assert!(two.is_none());
}

#[tokio::test]
async fn a_key_that_the_provider_was_asked_about_is_closed() {
    let shop = Shop::open().await;
    let wanted = authorize("a", "order-1", 100, "tok_visa");
    let claim = begin(&shop, &wanted).await;
    for _ in 0..2 {
        let standing = shop.payments.provider.status(&claim.operation.id).await;
        assert_eq!(standing, Standing::Settled(Verdict::Failed));
    }
}

/// How somebody comes back after a crash.
#[derive(Clone, Copy, Debug)]
enum Return {
    /// Whoever asked repeats the call.
    Repeats,
    /// Nobody does until `resolve` has run.
    AfterResolve,
}

/// A payment that allows the operation, and the operation.
async fn prepare(shop: &Shop, kind: &str, key: &str) -> (Option<PaymentId>, Wanted) {
    let before = format!("{key}-before");
    match kind {
        "authorize" => (None, authorize(key, "order", 100, "tok_visa")),
        "capture" => {
            let id = shop.authorized(&before, "tok_visa").await;
            (Some(id.clone()), capture(key, &id, Some(40)))
        }
        "void" => {
            let id = shop.authorized(&before, "tok_visa").await;
            (Some(id.clone()), void(key, &id))
        }
        _ => {
            let id = shop.captured(&before, "tok_visa").await;
            (Some(id.clone()), refund(key, &id, Some(40)))
        }
    }
}

/// Comes back until there is an outcome.
async fn come_back(shop: &Shop, wanted: &Wanted, how: Return) -> Answer {
    for _ in 0..3 {
        later(shop, RESOLVE_AFTER_S);
        if let Return::AfterResolve = how {
            shop.payments.resolve().await.expect("all is there again");
        }
        if let Ok(answer) = shop.payments.operate(wanted).await {
            return answer;
        }
    }
    panic!("there is no outcome");
}

/// What the operation has done must be what is true, what is booked and what was told.
async fn check_truth(shop: &Shop, id: &PaymentId, answer: &Answer, kind: &str, what: &str) {
    let (truth, state) = (shop.truth(id).await, shop.payment(id).await.state);
    assert_eq!(answer.payment.state, state, "{what}");
    let moved = truth.map_or((0, 0, false), |truth| (truth.captured, truth.refunded, truth.is_voided));
    assert_eq!(moved, (state.captured(), state.refunded(), state.status() == Status::Voided), "{what}");
    let is_done = answer.outcome == Outcome::Done;
    assert!(is_done || answer.outcome == Outcome::Failed, "{what}: {answer:?}");
    assert_eq!(is_done, truth.is_some() && (kind == "authorize" || moved != before(kind)), "{what}");
    assert_eq!(shop.booked(id).await, (state.captured(), state.refunded()), "{what}");
    let told = format!("payment.{}", ["authorized", "captured", "voided", "refunded"][index(kind)]);
    let told = shop.event_types().iter().filter(|name| **name == told).count();
    assert_eq!(told, usize::from(is_done), "{what}");
}

fn index(kind: &str) -> usize {
    ["authorize", "capture", "void", "refund"].iter().position(|name| *name == kind).expect("it is one of them")
}

fn before(kind: &str) -> (i64, i64, bool) {
    if kind == "refund" { (100, 0, false) } else { (0, 0, false) }
}

/// The outcomes after a crash at each call to the database, of the service and of the provider, until one comes through.
async fn crash_everywhere(shop: &Shop, kind: &str, how: Break, back: Return) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for call in 0.. {
        let (id, wanted) = prepare(shop, kind, &format!("{kind}-{how:?}-{back:?}-{call}")).await;
        shop.events();
        shop.break_at(call, how);
        let first = shop.payments.operate(&wanted).await;
        if !shop.mend() {
            assert!(first.is_ok(), "{first:?}");
            break;
        }
        assert!(first.is_err() || how == Break::After, "{kind} {call} {how:?}");
        let answer = come_back(shop, &wanted, back).await;
        let what = format!("{kind}, call {call} {how:?}, {back:?}");
        let id = id.unwrap_or_else(|| answer.payment.id.clone());
        check_truth(shop, &id, &answer, kind, &what).await;
        later(shop, RESOLVE_AFTER_S);
        assert_eq!(shop.payments.resolve().await, Ok(Resolved::default()), "{what}");
        assert_eq!(shop.payments.operate(&wanted).await, Ok(answer.clone()), "{what}");
        outcomes.push(answer.outcome);
    }
    outcomes
}

#[tokio::test]
async fn wherever_an_operation_stops_it_ends_once_and_truly() {
    let shop = Shop::open().await;
    for kind in ["authorize", "capture", "void", "refund"] {
        for how in [Break::Before, Break::After] {
            for back in [Return::Repeats, Return::AfterResolve] {
                let outcomes = crash_everywhere(&shop, kind, how, back).await;
                assert!(outcomes.len() >= 5, "{kind} {how:?} {back:?}: {outcomes:?}");
                // Before anything was written down, and after the provider was asked, it is done in the end.
                assert_eq!(outcomes.first(), Some(&Outcome::Done), "{kind} {how:?} {back:?}: {outcomes:?}");
                assert_eq!(outcomes.last(), Some(&Outcome::Done), "{kind} {how:?} {back:?}: {outcomes:?}");
            }
        }
    }
}
