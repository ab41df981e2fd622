//! What holds of any orders, changes, faults and pauses.

use std::sync::atomic::{AtomicU32, Ordering};

use order::domain::order::Status;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::TestRunner;
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::{Buyer, Shop};

/// One thing that happens. An index is of a request among those that there have been.
#[derive(Clone, Debug)]
enum Event {
    /// The cart is filled and ordered.
    CheckOut { token: &'static str, quantity: u32 },
    /// Products are bought without a cart.
    Buy { token: &'static str, quantity: i64 },
    /// A request comes again.
    Repeat(Index),
    /// Somebody wants something of the order that came of a request.
    Change(Index, &'static str),
    /// Somebody takes the reservation of an order away.
    TakeAway(Index),
    /// From here on the call with this number goes wrong.
    Strike(u32, Fault),
    /// From here on a call to the database goes wrong, with all that follow.
    Break(u32, Break),
    /// What has gone wrong is well again.
    Mend,
    /// A service is away.
    Leave(&'static str),
    /// Time passes.
    Wait(i64),
    /// The jobs run.
    Resume,
}

/// All ends of payments, and each fault that has one.
const TOKENS: [&str; 14] = [
    "tok_visa",
    "tok_visa",
    "tok_visa",
    "tok_declined",
    "tok_error",
    "tok_timeout",
    "tok_timeout_after_effect",
    "tok_slow",
    "tok_capture_fails",
    "tok_capture_timeout",
    "tok_capture_slow",
    "tok_void_timeout_after_effect",
    "tok_refund_fails",
    "tok_refund_slow",
];

const AWAY: [&str; 8] = ["reserve", "authorize", "capture", "commit", "take_out", "void", "refund", "release"];

/// So few that some are sold out.
const STOCK: i64 = 12;

/// What somebody asked for, and the first answer to it that is kept.
struct Asked {
    key: String,
    token: &'static str,
    quantity: i64,
    is_cart: bool,
    answer: Option<Answer>,
}

struct Case<'a> {
    shop: &'a Shop,
    product: String,
    buyer: Buyer,
    asked: Vec<Asked>,
}

impl Case<'_> {
    async fn ask(&mut self, token: &'static str, quantity: i64, is_cart: bool) {
        let asked = Asked { key: format!("k-{}", self.asked.len()), token, quantity, is_cart, answer: None };
        self.asked.push(asked);
        self.repeat(self.asked.len() - 1).await;
    }

    /// Whoever has an answer gets it again.
    async fn repeat(&mut self, number: usize) {
        let asked = &mut self.asked[number];
        let answer = if asked.is_cart {
            self.shop.check_out(&self.buyer, &asked.key, asked.token).await
        } else {
            self.shop.buy(&self.buyer, &asked.key, asked.token, &[(&self.product, asked.quantity)]).await
        };
        // What can't be kept is not written down, or not to be had.
        let is_kept = match answer.status {
            200..300 => true,
            500.. => answer.refusal().1 == "order-given-up" || answer.refusal().1 == "payment-failed",
            _ => matches!(answer.refusal().1, "sold-out" | "payment-declined"),
        };
        match &asked.answer {
            Some(first) if answer.status != 503 && answer.status != 500 => {
                assert_eq!((answer.status, &answer.bytes), (first.status, &first.bytes));
            }
            None if is_kept => asked.answer = Some(answer),
            Some(_) | None => {}
        }
    }

    async fn happen(&mut self, event: &Event) {
        let shop = self.shop;
        match event {
            Event::CheckOut { token, quantity } => {
                // It may be in it already, or not be for sale in such numbers: then less is ordered, or nothing.
                shop.try_to_put(&self.buyer, &self.product, *quantity).await;
                self.ask(token, 0, true).await;
            }
            Event::Buy { token, quantity } => self.ask(token, *quantity, false).await,
            Event::Repeat(which) if !self.asked.is_empty() => self.repeat(which.index(self.asked.len())).await,
            Event::Change(which, change) => {
                if let Some(order) = self.order(which).await {
                    drop(shop.change(&Who::admin(), &order, change).await);
                }
            }
            Event::TakeAway(which) => {
                if let Some(order) = self.order(which).await {
                    shop.try_to_take_away(&order, 1).await;
                }
            }
            Event::Repeat(_) => {}
            Event::Strike(call, fault) => shop.faults.strike(*call, *fault),
            Event::Break(call, how) => shop.database.break_at(*call, *how),
            Event::Mend => drop(shop.faults.mend()),
            Event::Leave(call) => shop.faults.leave(call),
            Event::Wait(seconds) => shop.pass(*seconds),
            Event::Resume => {
                shop.services.payments.resolve().await.expect("the provider is there");
                drop(shop.orders.resume().await);
            }
        }
    }

    /// The id of one of the orders, as far as the database is there.
    async fn order(&self, which: &Index) -> Option<String> {
        let orders = order::store::listing::walk(&self.shop.context, &self.buyer.who.account, None, 100).await.ok()?;
        (!orders.is_empty()).then(|| which.get(&orders).id.as_str().to_owned())
    }

    /// All is well again, and each order has ended as all services say.
    async fn check(&mut self, what: &str) -> [u32; 3] {
        let shop = self.shop;
        shop.faults.mend();
        shop.faults.come_back();
        shop.mend_provider().await;
        shop.settle().await;
        let (mut ended, mut sold) = ([0; 3], 0);
        for order in shop.orders_of(&self.buyer.who).await {
            let order = shop.check(order.id.as_str(), what).await;
            let quantity: i64 = order.lines.as_slice().iter().map(|line| line.quantity).sum();
            match order.status {
                Status::Cancelled => ended[1] += 1,
                Status::Rejected => ended[2] += 1,
                _ => {
                    ended[0] += 1;
                    sold += quantity;
                }
            }
        }
        assert_eq!(shop.stock(&self.product).await, (STOCK - sold, STOCK - sold), "{what}");
        let orders = shop.orders_of(&self.buyer.who).await.len();
        assert!(orders <= self.asked.len(), "{what}");
        for number in 0..self.asked.len() {
            if self.asked[number].answer.is_some() {
                self.repeat(number).await;
            }
        }
        assert_eq!(shop.orders_of(&self.buyer.who).await.len(), orders, "{what}: a repetition makes no order");
        ended
    }
}

async fn run(shop: &Shop, name: String, events: &[Event]) -> [u32; 3] {
    let product = shop.product(&name, 450, STOCK).await;
    let buyer = shop.buyer(&name).await;
    let mut case = Case { shop, product, buyer, asked: Vec::new() };
    for event in events {
        case.happen(event).await;
    }
    case.check(&name).await
}

fn event() -> impl Strategy<Value = Event> {
    let how = || select(vec![Break::Before, Break::After]);
    prop_oneof![
        4 => (select(&TOKENS[..]), 1..4_u32).prop_map(|(token, quantity)| Event::CheckOut { token, quantity }),
        4 => (select(&TOKENS[..]), 1..4_i64).prop_map(|(token, quantity)| Event::Buy { token, quantity }),
        3 => any::<Index>().prop_map(Event::Repeat),
        3 => (any::<Index>(), select(vec!["cancel", "cancel", "ship", "deliver"]))
            .prop_map(|(which, change)| Event::Change(which, change)),
        1 => any::<Index>().prop_map(Event::TakeAway),
        3 => (0..8_u32, select(Fault::ALL.to_vec())).prop_map(|(call, fault)| Event::Strike(call, fault)),
        1 => (0..10_u32, how()).prop_map(|(call, how)| Event::Break(call, how)),
        2 => Just(Event::Mend),
        1 => select(&AWAY[..]).prop_map(Event::Leave),
        3 => select(vec![1, 5, 11, 61, 130, 400, 901]).prop_map(Event::Wait),
        4 => Just(Event::Resume),
    ]
}

/// `SOUK_LONG=1` asks for thirty times as many. A case that fails is made small and shown.
#[test]
fn no_order_of_events_loses_money_or_goods() {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("threads can be started");
    let shop = runtime.block_on(Shop::open());
    let cases = if std::env::var_os("SOUK_LONG").is_some() { 30 * 48 } else { 48 };
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let ended = std::cell::Cell::new([0; 3]);
    let outcome = TestRunner::new(config).run(&proptest::collection::vec(event(), 1..40), |events| {
        let name = format!("case-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let [paid, cancelled, rejected] = runtime.block_on(run(&shop, name, &events));
        let [before_paid, before_cancelled, before_rejected] = ended.get();
        ended.set([before_paid + paid, before_cancelled + cancelled, before_rejected + rejected]);
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
    let ended = ended.get();
    assert!(ended.iter().all(|count| *count > 0), "there are orders of each end: {ended:?}");
}
