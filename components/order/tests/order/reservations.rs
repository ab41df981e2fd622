//! Goods that are set aside for a time, and services that are away for a while.

use order::domain::order::{Reason, Status};
use serde_json::json;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::{ORDERS, Shop};

#[tokio::test]
async fn goods_that_are_let_go_before_they_are_sold_are_set_aside_anew() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 1).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_capture_slow").await;
    let id = waiting.text("id");
    shop.take_away(id, 1).await;
    shop.settle().await;
    let order = shop.check(id, "anew").await;
    assert_eq!((order.status, order.reservation), (Status::Paid, 2));
    assert_eq!(shop.stock(&tea).await, (0, 0));
    let told = shop.journal(id).await;
    let [.., gone, anew, sold, _] = &told[..] else { panic!("{told:?}") };
    assert_eq!([gone, anew, sold], ["commit reservation-gone", "reserve reserved", "commit committed"]);
}

#[tokio::test]
async fn who_has_paid_for_what_is_gone_gets_the_money_back() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 1).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_capture_slow").await;
    let id = waiting.text("id");
    shop.take_away(id, 1).await;
    let lucy = shop.buyer("lucy").await;
    assert_eq!(shop.buy(&lucy, "k", "tok_visa", &[(&tea, 1)]).await.status, 201);
    shop.settle().await;
    let order = shop.check(id, "gone").await;
    let Some(Reason::SoldOut { lines }) = order.reason else { panic!("{order:?}") };
    assert_eq!((lines[0].product_id.as_str(), lines[0].available), (tea.as_str(), 0));
    let read = shop.get(&mina.who, &format!("{ORDERS}/{id}")).await;
    let lines = json!([{"product_id": tea, "available": 0}]);
    assert_eq!((read.text("status"), &read.body["reason"]), ("rejected", &json!({"kind": "sold-out", "lines": lines})));
    assert_eq!(shop.stock(&tea).await, (0, 0));
}

#[tokio::test]
async fn what_is_sold_out_is_told_with_what_there_is() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer("mina").await;
    let refused = shop.buy(&mina, "k", "tok_visa", &[(&tea, 4)]).await;
    assert_eq!(refused.refusal(), (409, "sold-out"));
    assert_eq!(refused.body["lines"], json!([{"product_id": tea, "available": 3}]));
    assert!(shop.faults.calls().iter().all(|call| *call != "authorize"));
    shop.check(refused.text("order_id"), "sold out").await;
}

#[tokio::test]
async fn what_is_taken_from_sale_while_it_is_ordered_is_not_sold() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer("mina").await;
    shop.faults.strike(3, Fault::Death(Break::Before));
    shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!(shop.faults.mend(), Some("reserve"));
    shop.patch_product(&tea, &json!({"status": "draft"})).await;
    shop.pass(10);
    let refused = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!(refused.refusal(), (422, "unknown-product"));
    assert_eq!(refused.body["product_ids"], json!([tea]));
    shop.check(refused.text("order_id"), "a draft").await;
}

#[tokio::test]
async fn an_order_is_given_up_when_products_are_away_for_minutes() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.strike(3, Fault::Death(Break::After));
    shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!(shop.faults.mend(), Some("reserve"));
    shop.faults.leave("reserve");
    shop.pass(119);
    shop.resume().await;
    let id = shop.orders_of(&mina.who).await[0].id.as_str().to_owned();
    assert_eq!(shop.order(&id).await.reason, None);
    shop.pass(1);
    shop.resume().await;
    assert_eq!(shop.order(&id).await.reason, Some(Reason::Unavailable));
    shop.settle().await;
    assert_eq!(shop.check(&id, "away").await.status, Status::Rejected);
    assert_eq!(shop.stock(&tea).await, (3, 3));
    let told = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!((told.refusal(), told.text("order_id")), ((503, "order-given-up"), id.as_str()));
}

#[tokio::test]
async fn what_is_paid_and_can_not_be_sold_for_ten_minutes_is_given_back() {
    for how in [Break::Before, Break::After] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 3).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        // Afterwards it is sold, though nobody knows: it has to be taken back.
        shop.faults.strike(6, Fault::Once(how));
        let waiting = shop.check_out(&mina, "k", "tok_visa").await;
        assert_eq!(shop.faults.mend(), Some("commit"));
        shop.faults.leave("commit");
        shop.pass(599);
        shop.resume().await;
        let id = waiting.text("id");
        assert!(shop.order(id).await.is_captured);
        shop.pass(60);
        shop.resume().await;
        let order = shop.check(id, "away").await;
        assert_eq!((order.status, order.reason), (Status::Rejected, Some(Reason::Unavailable)));
        assert_eq!(shop.stock(&tea).await, (3, 3), "{how:?}");
        let undone = shop.journal(id).await;
        assert_eq!(undone[undone.len() - 3..], ["commit no-answer", "refund refunded", "release released"]);
    }
}

#[tokio::test]
async fn an_undo_is_never_given_up() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("void");
    let waiting = shop.check_out(&mina, "k", "tok_capture_fails").await;
    assert_eq!((waiting.status, waiting.text("status")), (202, "confirmed"));
    shop.faults.leave("release");
    for _ in 0..24 {
        shop.pass(3_600);
        shop.resume().await;
    }
    assert_eq!(shop.left().await, 1);
    shop.faults.come_back();
    shop.settle().await;
    assert_eq!(shop.check(waiting.text("id"), "a day later").await.reason, Some(Reason::PaymentFailed));
}

#[tokio::test]
async fn without_the_cart_an_order_is_paid_all_the_same() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("take_out");
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!((placed.status, placed.text("status")), (201, "paid"));
    assert_eq!((shop.left().await, shop.cart(&mina).await.items().len()), (1, 1));
    shop.pass(60);
    shop.faults.come_back();
    shop.resume().await;
    shop.check(placed.text("id"), "back").await;
    assert!(shop.cart(&mina).await.items().is_empty());
}

#[tokio::test]
async fn a_cart_that_is_away_for_an_hour_is_left_as_it_is() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 3).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("take_out");
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    shop.pass(3_600);
    shop.resume().await;
    assert_eq!(shop.check(placed.text("id"), "away").await.status, Status::Paid);
    // What it still shows was bought: it is not bought again by a second click.
    let again = shop.check_out(&mina, "l", "tok_visa").await;
    assert_eq!((again.refusal(), again.text("order_id")), ((409, "already-ordered"), placed.text("id")));
}

#[tokio::test]
async fn what_is_put_in_while_the_order_is_worked_at_stays_in_the_cart() {
    let shop = Shop::open().await;
    let (green, black) = (shop.product("G", 450, 3).await, shop.product("B", 450, 3).await);
    let mina = shop.buyer_of("mina", &green, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_capture_slow").await;
    shop.put(&mina, &black, 1).await;
    shop.put(&mina, &green, 1).await;
    shop.settle().await;
    shop.check(waiting.text("id"), "more").await;
    let cart = shop.cart(&mina).await;
    let left: Vec<_> = cart.items().iter().map(|item| (item["product_id"].clone(), item["quantity"].clone())).collect();
    assert_eq!(left, [(json!(green), json!(1)), (json!(black), json!(1))]);
}

#[tokio::test]
async fn an_authorization_that_comes_late_finds_goods_that_are_there_still() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 1).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_slow").await;
    shop.pass(1_000);
    assert_eq!(shop.stock(&tea).await, (1, 1), "its time is over");
    shop.resume().await;
    let order = shop.check(waiting.text("id"), "late").await;
    assert_eq!((order.status, order.reservation), (Status::Paid, 2));
}
