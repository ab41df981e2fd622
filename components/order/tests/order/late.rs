//! Calls that are on their way for long: when they arrive, another has gone on, and they have no effect of their own.

use order::domain::order::Status;
use souk_test_services::answer::Answer;
use tokio::task::JoinHandle;

use crate::shop::{Buyer, Shop};

/// Asks for the cart, in the background.
fn ask(shop: &Shop, buyer: &Buyer, token: &'static str) -> JoinHandle<Answer> {
    let (shop, buyer) = (shop.clone(), buyer.clone());
    tokio::spawn(async move { shop.check_out(&buyer, "k", token).await })
}

#[tokio::test]
async fn who_finds_the_cart_empty_because_of_their_own_order_hears_of_the_order() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let gate = shop.faults.hold("cart");
    let slow = ask(&shop, &mina, "tok_visa");
    gate.is_reached().await;
    let fast = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!(fast.status, 201);
    gate.open();
    let slow = slow.await.expect("it does not panic");
    assert_eq!((slow.status, slow.bytes), (201, fast.bytes));
    assert_eq!(shop.orders_of(&mina.who).await.len(), 1);
}

#[tokio::test]
async fn a_step_that_arrives_after_another_took_it_has_no_second_effect() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mut left = 100;
    for (step, token, end) in [
        ("reserve", "tok_visa", Status::Paid),
        ("authorize", "tok_visa", Status::Paid),
        ("capture", "tok_visa", Status::Paid),
        ("commit", "tok_visa", Status::Paid),
        ("take_out", "tok_visa", Status::Paid),
        ("void", "tok_capture_fails", Status::Rejected),
        ("release", "tok_declined", Status::Rejected),
    ] {
        let mina = shop.buyer_of(step, &tea, 1).await;
        let gate = shop.faults.hold(step);
        let slow = ask(&shop, &mina, token);
        gate.is_reached().await;
        shop.pass(10);
        shop.resume().await;
        let order = shop.orders_of(&mina.who).await.remove(0);
        assert_eq!(order.status, end, "{step}: the job has ended it");
        // Something else is in the cart by now.
        shop.put(&mina, &tea, 3).await;
        let cart = shop.cart(&mina).await.bytes;
        shop.faults.calls();
        gate.open();
        let answer = slow.await.expect("it does not panic");
        assert!(answer.status < 300 || end == Status::Rejected, "{step}: {answer:?}");
        assert_eq!(shop.faults.calls(), [step], "who lost the order stops");
        left -= i64::from(end == Status::Paid);
        assert_eq!((shop.order(order.id.as_str()).await, shop.stock(&tea).await), (order.clone(), (left, left)));
        assert_eq!(shop.cart(&mina).await.bytes, cart, "{step}");
        shop.check(order.id.as_str(), step).await;
    }
}

#[tokio::test]
async fn a_refund_that_arrives_after_another_gave_the_money_back_gives_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let id = placed.text("id").to_owned();
    let gate = shop.faults.hold("refund");
    let (slow_shop, who, slow_id) = (shop.clone(), mina.who.clone(), id.clone());
    let slow = tokio::spawn(async move { slow_shop.change(&who, &slow_id, "cancel").await });
    gate.is_reached().await;
    shop.pass(10);
    shop.resume().await;
    assert_eq!(shop.order(&id).await.status, Status::Cancelled);
    gate.open();
    assert_eq!(slow.await.expect("it does not panic").text("status"), "cancelled");
    shop.check(&id, "refund").await;
    assert_eq!((shop.stock(&tea).await, shop.keys("refund", &id).await.len()), ((10, 10), 1));
}

#[tokio::test]
async fn goods_that_are_set_aside_after_the_order_was_given_up_are_let_go() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let gate = shop.faults.hold("reserve");
    let slow = ask(&shop, &mina, "tok_visa");
    gate.is_reached().await;
    shop.faults.leave("reserve");
    shop.pass(121);
    shop.resume().await;
    let order = shop.orders_of(&mina.who).await.remove(0);
    assert_eq!(order.status, Status::Rejected);
    shop.faults.come_back();
    gate.open();
    let answer = slow.await.expect("it does not panic");
    assert_eq!(answer.refusal(), (503, "order-given-up"));
    assert_eq!(shop.stock(&tea).await, (10, 10), "nobody else has to wait until their time is over");
    shop.check(order.id.as_str(), "given up").await;
}
