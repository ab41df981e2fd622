//! What people do with an order, and when they may.

use order::domain::order::{Reason, Status};
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;

use crate::shop::{Buyer, Shop};

/// An order that stands so, and whose it is.
async fn order_that_is(shop: &Shop, status: Status) -> (String, Buyer) {
    let tea = shop.product(status.as_str(), 450, 10).await;
    let buyer = shop.buyer_of(status.as_str(), &tea, 1).await;
    let token = match status {
        Status::Pending => "tok_slow",
        Status::Confirmed => "tok_capture_slow",
        Status::Rejected => "tok_declined",
        Status::Cancelling => "tok_refund_slow",
        Status::Paid | Status::Shipped | Status::Delivered | Status::Cancelled => "tok_visa",
    };
    shop.check_out(&buyer, "k", token).await;
    let id = shop.orders_of(&buyer.who).await[0].id.as_str().to_owned();
    let changes: &[&str] = match status {
        Status::Shipped => &["ship"],
        Status::Delivered => &["ship", "deliver"],
        Status::Cancelling | Status::Cancelled => &["cancel"],
        Status::Pending | Status::Confirmed | Status::Paid | Status::Rejected => &[],
    };
    for change in changes {
        assert!(shop.change(&Who::admin(), &id, change).await.status < 300);
    }
    assert_eq!(shop.order(&id).await.status, status);
    shop.database.events();
    (id, buyer)
}

#[tokio::test]
async fn what_is_not_the_next_thing_in_an_orders_life_is_refused() {
    let shop = Shop::open().await;
    for (status, cancel, ship, deliver) in [
        (Status::Pending, 409, 409, 409),
        (Status::Confirmed, 409, 409, 409),
        (Status::Paid, 200, 200, 409),
        (Status::Shipped, 409, 200, 200),
        (Status::Delivered, 409, 409, 200),
        (Status::Cancelling, 202, 409, 409),
        (Status::Cancelled, 200, 409, 409),
        (Status::Rejected, 409, 409, 409),
    ] {
        for (change, expected) in [("cancel", cancel), ("ship", ship), ("deliver", deliver)] {
            let shop = if status == Status::Paid { &Shop::open().await } else { &shop };
            let id = match shop.orders_of(&Who::named(status.as_str())).await.first() {
                Some(order) => order.id.as_str().to_owned(),
                None => order_that_is(shop, status).await.0,
            };
            let before = shop.order(&id).await;
            let answer = shop.change(&Who::admin(), &id, change).await;
            assert_eq!(answer.status, expected, "{status:?} {change}: {answer:?}");
            if expected == 409 {
                assert_eq!((answer.refusal().1, answer.text("status_of_order")), ("illegal-state", status.as_str()));
                assert_eq!(shop.order(&id).await, before);
            }
            if status == Status::Shipped && change == "deliver" {
                assert_eq!(answer.text("status"), "delivered");
            }
        }
    }
}

#[tokio::test]
async fn an_order_goes_its_way_and_each_step_is_told_once() {
    let shop = Shop::open().await;
    let (id, _) = order_that_is(&shop, Status::Paid).await;
    let merchant = Who::with_roles("max", &["merchant"]);
    for (change, status) in
        [("ship", "shipped"), ("ship", "shipped"), ("deliver", "delivered"), ("deliver", "delivered")]
    {
        let changed = shop.change(&merchant, &id, change).await;
        assert_eq!((changed.status, changed.text("status")), (200, status));
    }
    assert_eq!(shop.database.event_types(), ["order.shipped", "order.delivered"]);
    let journal = shop.journal(&id).await;
    assert_eq!(journal[journal.len() - 2..], ["shipped", "delivered"]);
    shop.check(&id, "delivered").await;
}

#[tokio::test]
async fn a_cancelled_order_gives_money_and_goods_back_once() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 2).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let id = placed.text("id");
    assert_eq!(shop.stock(&tea).await, (8, 8));
    for _ in 0..3 {
        let cancelled = shop.change(&mina.who, id, "cancel").await;
        assert_eq!((cancelled.status, cancelled.text("status")), (200, "cancelled"));
        assert_eq!(cancelled.body["reason"]["kind"], "cancelled");
    }
    let order = shop.check(id, "cancelled").await;
    assert_eq!((order.status, order.reason), (Status::Cancelled, Some(Reason::Cancelled)));
    assert_eq!((shop.stock(&tea).await, shop.keys("refund", id).await.len()), ((10, 10), 1));
    assert_eq!(shop.database.event_types(), ["order.placed", "order.paid", "order.cancelled"]);
    let journal = shop.journal(id).await;
    assert_eq!(journal[journal.len() - 3..], ["cancelled", "refund refunded", "release released"]);
}

#[tokio::test]
async fn who_cancels_before_the_cart_was_taken_out_finds_it_as_it_was() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("take_out");
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let cancelled = shop.change(&mina.who, placed.text("id"), "cancel").await;
    assert_eq!((cancelled.status, cancelled.text("status")), (200, "cancelled"));
    shop.faults.come_back();
    shop.settle().await;
    shop.check(placed.text("id"), "cancelled").await;
    assert_eq!((shop.cart(&mina).await.items().len(), shop.stock(&tea).await), (1, (10, 10)));
}

#[tokio::test]
async fn what_is_sent_before_the_cart_was_taken_out_is_taken_out_later() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("take_out");
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let id = placed.text("id");
    for change in ["ship", "deliver"] {
        assert_eq!(shop.change(&Who::admin(), id, change).await.status, 200);
        assert_eq!(shop.left().await, 1);
        shop.pass(10);
        shop.resume().await;
    }
    shop.faults.come_back();
    shop.settle().await;
    assert_eq!(shop.check(id, "sent").await.status, Status::Delivered);
    assert!(shop.cart(&mina).await.items().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_sent_and_taken_back_at_once_is_one_of_both() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    for round in 0..10 {
        let mina = shop.buyer_of(&format!("mina-{round}"), &tea, 1).await;
        let placed = shop.check_out(&mina, "k", "tok_visa").await;
        let id = placed.text("id").to_owned();
        let answers = at_once(2, |number| {
            let (shop, id) = (shop.clone(), id.clone());
            async move { shop.change(&Who::admin(), &id, ["ship", "cancel"][number]).await }
        });
        let answers = answers.await;
        shop.settle().await;
        let order = shop.check(&id, "at once").await;
        let done = answers.iter().map(|answer| answer.status < 300).collect::<Vec<_>>();
        assert_eq!(done, [order.status == Status::Shipped, order.status == Status::Cancelled], "{answers:?}");
    }
}

#[tokio::test]
async fn who_asks_again_after_everything_stopped_hears_that_it_is_on_its_way() {
    let shop = Shop::open().await;
    let (id, buyer) = order_that_is(&shop, Status::Cancelling).await;
    let asked = shop.change(&buyer.who, &id, "cancel").await;
    assert_eq!((asked.status, asked.text("status")), (202, "cancelling"));
    shop.settle().await;
    let asked = shop.change(&buyer.who, &id, "cancel").await;
    assert_eq!((asked.status, asked.text("status")), (200, "cancelled"));
    shop.check(&id, "again").await;
}
