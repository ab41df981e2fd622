//! What holds of any order of operations, repetitions and faults of the provider.

use std::sync::atomic::{AtomicU32, Ordering};

use payment::domain::Refusal;
use payment::domain::ledger::Account;
use payment::domain::operation::{Answer, Ask, Outcome, Wanted};
use payment::domain::payment::{Payment, Status};
use payment::payments::Resolved;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::{TestCaseError, TestRunner};

use crate::shop::{Shop, authorize, capture, refund, void};

/// One thing that somebody does. An index is of a payment or a call among those that there have been.
#[derive(Clone, Debug)]
enum Step {
    Authorize { token: &'static str, units: i64 },
    Capture(Index, Option<i64>),
    Void(Index),
    Refund(Index, Option<i64>),
    Repeat(Index),
    Wait { seconds: i64 },
    Resolve,
}

const TOKENS: [&str; 18] = [
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_declined",
    "tok_error",
    "tok_unavailable",
    "tok_timeout",
    "tok_timeout_after_effect",
    "tok_slow",
    "tok_capture_fails",
    "tok_capture_unavailable",
    "tok_capture_timeout",
    "tok_capture_timeout_after_effect",
    "tok_capture_slow",
    "tok_void_timeout_after_effect",
    "tok_refund_fails",
    "tok_refund_timeout",
    "tok_refund_timeout_after_effect",
];

/// Calls of one case, each with the first answer that it had.
struct Calls<'a> {
    shop: &'a Shop,
    order: String,
    made: Vec<(Wanted, Option<Answer>)>,
}

impl Calls<'_> {
    fn key(&self) -> String {
        format!("{}-{}", self.order, self.made.len())
    }

    async fn payments(&self) -> Vec<Payment> {
        self.shop.of_order(&self.order).await
    }

    async fn call(&mut self, wanted: Wanted) -> Result<(), TestCaseError> {
        self.made.push((wanted, None));
        self.repeat(self.made.len() - 1).await
    }

    /// Whoever has an answer gets it again; who has none may get one.
    async fn repeat(&mut self, number: usize) -> Result<(), TestCaseError> {
        let (wanted, first) = &mut self.made[number];
        match (self.shop.payments.operate(wanted).await, &first) {
            (Ok(answer), Some(first)) => prop_assert_eq!(&answer, first),
            (Ok(answer), None) => *first = Some(answer),
            (Err(Refusal::Unknown(_) | Refusal::ProviderUnavailable | Refusal::InProgress), None) => {}
            (Err(refusal), _) => return Err(TestCaseError::fail(format!("{refusal:?}"))),
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let key = self.key();
        let payments = self.payments().await;
        let id = |index: &Index| (!payments.is_empty()).then(|| index.get(&payments).id.clone());
        match step {
            Step::Authorize { token, units } => self.call(authorize(&key, &self.order.clone(), *units, token)).await?,
            Step::Capture(which, units) => {
                if let Some(id) = id(which) {
                    self.call(capture(&key, &id, *units)).await?;
                }
            }
            Step::Void(which) => {
                if let Some(id) = id(which) {
                    self.call(void(&key, &id)).await?;
                }
            }
            Step::Refund(which, units) => {
                if let Some(id) = id(which) {
                    self.call(refund(&key, &id, *units)).await?;
                }
            }
            Step::Repeat(which) if !self.made.is_empty() => self.repeat(which.index(self.made.len())).await?,
            Step::Repeat(_) => {}
            Step::Wait { seconds } => self.shop.clock.advance_seconds(*seconds),
            Step::Resolve => drop(self.shop.payments.resolve().await),
        }
        Ok(())
    }

    /// How much the calls moved that are done: taken and given back, of one payment.
    fn moved(&self, payment: &Payment) -> (i64, i64) {
        let mut moved = (0, 0);
        for (wanted, answer) in &self.made {
            let Some(answer) = answer.as_ref().filter(|answer| answer.payment.id == payment.id) else { continue };
            let state = answer.payment.state;
            match &wanted.ask {
                // The snapshots of one payment grow: the last is what all of them have moved.
                Ask::Change(..) if answer.outcome == Outcome::Done => {
                    moved = (moved.0.max(state.captured()), moved.1.max(state.refunded()));
                }
                Ask::Authorize(_) | Ask::Change(..) => {}
            }
        }
        moved
    }

    /// What is kept here, what the provider knows, and what callers were told are the same.
    async fn check(&self) -> Result<(), TestCaseError> {
        for payment in self.payments().await {
            let (state, truth) = (payment.state, self.shop.truth(&payment.id).await);
            prop_assert!(state.status() != Status::Authorizing);
            prop_assert!(state.captured() <= payment.money.amount.units() && state.refunded() <= state.captured());
            let is_held = !matches!(state.status(), Status::Declined | Status::Failed);
            prop_assert_eq!(truth.is_some(), is_held);
            if let Some(truth) = truth {
                prop_assert_eq!((truth.captured, truth.refunded), (state.captured(), state.refunded()));
                prop_assert_eq!(truth.is_voided, state.status() == Status::Voided);
            }
            prop_assert_eq!(self.moved(&payment), (state.captured(), state.refunded()));
            prop_assert_eq!(self.shop.booked(&payment.id).await, (state.captured(), state.refunded()));
        }
        Ok(())
    }
}

async fn run(shop: &Shop, order: String, steps: &[Step]) -> Result<(i64, i64), TestCaseError> {
    let mut calls = Calls { shop, order, made: Vec::new() };
    for step in steps {
        calls.take(step).await?;
    }
    // One that stood in another's way was not begun, and may find the provider as slow: each round finishes one more.
    for _ in 0..=calls.made.len() {
        shop.clock.advance_seconds(1000);
        prop_assert_eq!(shop.payments.resolve().await.map(|resolved| resolved.open), Ok(0));
        for number in 0..calls.made.len() {
            calls.repeat(number).await?;
        }
    }
    prop_assert!(calls.made.iter().all(|(_, answer)| answer.is_some()));
    prop_assert_eq!(shop.payments.resolve().await, Ok(Resolved::default()));
    calls.check().await?;
    let states: Vec<_> = calls.payments().await.iter().map(|payment| payment.state).collect();
    Ok((states.iter().map(|state| state.captured()).sum(), states.iter().map(|state| state.refunded()).sum()))
}

fn step() -> impl Strategy<Value = Step> {
    let part = || prop_oneof![1 => Just(None), 4 => (1..80_i64).prop_map(Some)];
    prop_oneof![
        3 => (select(&TOKENS[..]), 1..100_i64).prop_map(|(token, units)| Step::Authorize { token, units }),
        6 => (any::<Index>(), part()).prop_map(|(which, units)| Step::Capture(which, units)),
        1 => any::<Index>().prop_map(Step::Void),
        4 => (any::<Index>(), part()).prop_map(|(which, units)| Step::Refund(which, units)),
        4 => any::<Index>().prop_map(Step::Repeat),
        2 => (1..150_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => Just(Step::Resolve),
    ]
}

/// `SOUK_LONG=1` asks for thirty times as many. A case that fails is made small and shown.
#[test]
fn no_order_of_operations_moves_money_twice_or_out_of_the_books() {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let shop = runtime.block_on(Shop::open());
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * 48 } else { 48 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let booked = std::cell::Cell::new((0, 0));
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..40), |steps| {
        let order = format!("order-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let (captured, refunded) = runtime.block_on(run(&shop, order, &steps))?;
        booked.set((booked.get().0 + captured, booked.get().1 + refunded));
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let (captured, refunded) = booked.get();
    assert_eq!(runtime.block_on(shop.balance(Account::Revenue)), -captured);
    assert_eq!(runtime.block_on(shop.balance(Account::Refunds)), refunded);
    assert_eq!(runtime.block_on(shop.balance(Account::ProviderClearing)), captured - refunded);
    assert!(captured > refunded && refunded > 0, "the steps move money: {captured}, {refunded}");
}
