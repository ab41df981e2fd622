//! Every step fails, before its effect and after it, and every call to the service's own database does: once, or with the end of the process. Time
//! passes, the jobs run, whoever asked asks again, and the order has ended as it would have without the fault, with each effect once.

use std::collections::BTreeSet;

use order::domain::order::Status;
use serde_json::json;
use souk_test_services::answer::Answer;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::{Buyer, Shop};

/// A way that an order can go: each of the steps and undos is in one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    /// A cart is bought.
    Cart,
    /// Products are bought without a cart.
    Purchase,
    /// What costs nothing.
    Free,
    /// More than there is.
    SoldOut,
    /// The provider declines.
    Declined,
    /// The money is held and can't be taken.
    CaptureFails,
    /// The provider tells so late that the money is held that the goods are with others.
    TooLate,
    /// The provider is away, for longer than the shop waits.
    Away,
    /// The money is taken, and the goods are gone.
    Lost,
    /// It is paid, and taken back.
    Cancelled,
}

/// What somebody asked for.
struct Case {
    story: Story,
    name: String,
    buyer: Buyer,
    product: String,
    /// Where there is one before the part that is struck.
    order: Option<String>,
}

/// What is struck.
#[derive(Clone, Copy, Debug)]
enum Strike {
    /// A call to another service.
    Call(u32, Fault),
    /// A call to the database.
    Statement(u32, Break),
}

/// So many there are of each product.
const STOCK: i64 = 5;

impl Story {
    fn token(self) -> &'static str {
        match self {
            Self::Cart | Self::Purchase | Self::Free | Self::SoldOut | Self::Cancelled => "tok_visa",
            Self::Declined => "tok_declined",
            Self::CaptureFails => "tok_capture_fails",
            Self::TooLate => "tok_slow",
            Self::Away => "tok_unavailable",
            Self::Lost => "tok_capture_slow",
        }
    }

    fn end(self) -> Status {
        match self {
            Self::Cart | Self::Purchase | Self::Free => Status::Paid,
            Self::SoldOut | Self::Declined | Self::CaptureFails | Self::TooLate | Self::Away | Self::Lost => {
                Status::Rejected
            }
            Self::Cancelled => Status::Cancelled,
        }
    }

    /// The calls of the part that is struck that have an effect, or undo one.
    fn steps(self) -> &'static [&'static str] {
        match self {
            Self::Cart => &["reserve", "authorize", "capture", "commit", "take_out"],
            Self::Purchase => &["reserve", "authorize", "capture", "commit"],
            Self::Free => &["reserve", "commit", "take_out"],
            Self::SoldOut => &["reserve", "release"],
            Self::Declined => &["reserve", "authorize", "release"],
            Self::CaptureFails => &["reserve", "authorize", "capture", "void", "release"],
            Self::TooLate => &["authorize", "reserve", "void", "release"],
            Self::Away => &["authorize", "find", "void", "release"],
            Self::Lost => &["capture", "commit", "reserve", "refund", "release"],
            Self::Cancelled => &["refund", "release"],
        }
    }

    /// The operations of the payment service: authorizations, captures, voids, refunds.
    fn operations(self) -> [usize; 4] {
        match self {
            Self::Cart | Self::Purchase => [1, 1, 0, 0],
            Self::Free | Self::SoldOut => [0, 0, 0, 0],
            Self::Declined => [1, 0, 0, 0],
            Self::CaptureFails => [1, 1, 1, 0],
            Self::TooLate | Self::Away => [1, 0, 1, 0],
            Self::Lost | Self::Cancelled => [1, 1, 0, 1],
        }
    }

    fn events(self) -> &'static [&'static str] {
        match self {
            Self::Cart | Self::Purchase | Self::Free => &["order.placed", "order.paid"],
            Self::SoldOut | Self::Declined | Self::Away => &["order.rejected"],
            Self::CaptureFails | Self::TooLate | Self::Lost => &["order.placed", "order.rejected"],
            Self::Cancelled => &["order.placed", "order.paid", "order.cancelled"],
        }
    }

    /// What whoever asked for the order hears when they ask again.
    fn answer(self) -> &'static [u16] {
        match self {
            // Those who asked before it was known that the goods are gone were told to wait.
            Self::TooLate | Self::Away | Self::Lost => &[202],
            Self::Cart | Self::Purchase | Self::Free | Self::Cancelled => &[201, 202],
            Self::SoldOut => &[409, 202],
            Self::Declined => &[402, 202],
            Self::CaptureFails => &[502, 202],
        }
    }
}

/// All up to the part that is struck.
async fn prepare(shop: &Shop, story: Story, name: String) -> Case {
    let product = shop.product(&name, if story == Story::Free { 0 } else { 450 }, STOCK).await;
    let buyer = shop.buyer_of(&name, &product, 2).await;
    let mut case = Case { story, name, buyer, product, order: None };
    if matches!(story, Story::TooLate | Story::Away | Story::Lost | Story::Cancelled) {
        let placed = ask(shop, &case).await;
        case.order = Some(placed.text("id").to_owned());
    }
    match (story, &case.order) {
        (Story::TooLate, _) => {
            shop.pass(901);
            shop.count_stock(&case.product, 0).await;
        }
        (Story::Away, _) => shop.pass(61),
        (Story::Lost, Some(order)) => {
            shop.take_away(order, 1).await;
            shop.count_stock(&case.product, 0).await;
            shop.pass(21);
        }
        _ => {}
    }
    case
}

/// Asks for the order, or asks again.
async fn ask(shop: &Shop, case: &Case) -> Answer {
    let (key, token) = (&case.name, case.story.token());
    match case.story {
        Story::Purchase => shop.buy(&case.buyer, key, token, &[(&case.product, 2)]).await,
        Story::SoldOut => shop.buy(&case.buyer, key, token, &[(&case.product, STOCK + 1)]).await,
        Story::Cart
        | Story::Free
        | Story::Declined
        | Story::CaptureFails
        | Story::TooLate
        | Story::Away
        | Story::Lost
        | Story::Cancelled => shop.check_out(&case.buyer, key, token).await,
    }
}

/// The part that is struck.
async fn act(shop: &Shop, case: &Case) {
    match (case.story, &case.order) {
        (Story::Cancelled, Some(order)) => drop(shop.change(&case.buyer.who, order, "cancel").await),
        // What comes of it is seen in the end.
        (Story::TooLate | Story::Away | Story::Lost, _) => drop(shop.orders.resume().await),
        _ => drop(ask(shop, case).await),
    }
}

/// What whoever asked does afterwards: the same again.
async fn come_back(shop: &Shop, case: &Case, what: &str) {
    let answer = ask(shop, case).await;
    assert!(case.story.answer().contains(&answer.status), "{what}: {answer:?}");
    assert_eq!(ask(shop, case).await.bytes, answer.bytes, "{what}");
    if let (Story::Cancelled, Some(order)) = (case.story, &case.order) {
        let cancelled = shop.change(&case.buyer.who, order, "cancel").await;
        assert_eq!((cancelled.status, cancelled.text("status")), (200, "cancelled"), "{what}");
    }
}

/// One case with its fault. What was struck; nothing if the fault lies behind the last call.
async fn run(shop: &Shop, story: Story, strike: Strike) -> Option<&'static str> {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let what = format!("{story:?} {strike:?}");
    let case = prepare(shop, story, format!("{story:?}-{number}")).await;
    match strike {
        Strike::Call(call, fault) => shop.faults.strike(call, fault),
        Strike::Statement(call, how) => shop.database.break_at(call, how),
    }
    act(shop, &case).await;
    let struck = match strike {
        Strike::Call(..) => shop.faults.mend(),
        Strike::Statement(..) => shop.database.mend().then_some("database"),
    };
    shop.settle().await;
    come_back(shop, &case, &what).await;
    check(shop, &case, &what).await;
    struck
}

async fn check(shop: &Shop, case: &Case, what: &str) {
    let orders = shop.orders_of(&case.buyer.who).await;
    let [order] = &orders[..] else { panic!("{what}: {orders:?}") };
    let id = order.id.as_str();
    let order = shop.check(id, what).await;
    assert_eq!(order.status, case.story.end(), "{what}: {order:?}");
    let stock = match case.story {
        Story::Cart | Story::Purchase | Story::Free => STOCK - 2,
        Story::TooLate | Story::Lost => 0,
        Story::SoldOut | Story::Declined | Story::CaptureFails | Story::Away | Story::Cancelled => STOCK,
    };
    assert_eq!(shop.stock(&case.product).await, (stock, stock), "{what}");
    for (kind, count) in ["authorize", "capture", "void", "refund"].into_iter().zip(case.story.operations()) {
        // What the payment service has closed by itself needs no void.
        let is_closed = case.story == Story::Away && kind == "void" && shop.keys(kind, id).await.is_empty();
        assert!(is_closed || shop.keys(kind, id).await.len() == count, "{what}: {kind}");
    }
    let told = shop.database.events();
    let told: Vec<_> = told.iter().filter(|(_, data)| data["id"] == json!(id)).map(|(name, _)| name.as_str()).collect();
    assert_eq!(told, case.story.events(), "{what}");
    // What was bought is out of the cart, and what was not is in it still.
    let is_out = matches!(case.story, Story::Cart | Story::Free | Story::Cancelled);
    assert_eq!(shop.cart(&case.buyer).await.items().is_empty(), is_out, "{what}");
    shop.settle().await;
}

/// Each call of a story fails in each way, and each call to the database.
async fn everywhere(story: Story) {
    let shop = if story == Story::Away { Shop::open().await } else { Shop::patient().await };
    for fault in Fault::ALL {
        let mut struck = BTreeSet::new();
        for call in 0.. {
            match run(&shop, story, Strike::Call(call, fault)).await {
                Some(name) => struck.insert(name),
                None => break,
            };
        }
        for step in story.steps() {
            assert!(struck.contains(step), "{story:?} {fault:?}: {step} is not in {struck:?}");
        }
    }
    for how in [Break::Before, Break::After] {
        let mut statements = 0;
        while run(&shop, story, Strike::Statement(statements, how)).await.is_some() {
            statements += 1;
        }
        assert!(statements as usize > story.steps().len(), "{story:?} {how:?}: {statements}");
    }
}

#[tokio::test]
async fn a_cart_that_is_bought() {
    everywhere(Story::Cart).await;
}

#[tokio::test]
async fn products_that_are_bought_without_a_cart() {
    everywhere(Story::Purchase).await;
}

#[tokio::test]
async fn what_costs_nothing() {
    everywhere(Story::Free).await;
}

#[tokio::test]
async fn more_than_there_is() {
    everywhere(Story::SoldOut).await;
}

#[tokio::test]
async fn a_payment_that_is_declined() {
    everywhere(Story::Declined).await;
}

#[tokio::test]
async fn money_that_is_held_and_cannot_be_taken() {
    everywhere(Story::CaptureFails).await;
}

#[tokio::test]
async fn money_that_is_held_too_late() {
    everywhere(Story::TooLate).await;
}

#[tokio::test]
async fn a_provider_that_is_away_for_too_long() {
    everywhere(Story::Away).await;
}

#[tokio::test]
async fn goods_that_are_gone_when_they_are_paid() {
    everywhere(Story::Lost).await;
}

#[tokio::test]
async fn an_order_that_is_taken_back() {
    everywhere(Story::Cancelled).await;
}
