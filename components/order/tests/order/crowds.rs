//! Many at once: one key, one cart, one unit, one order.

use order::domain::order::{Reason, Status};
use order::domain::saga::Step;
use order::store;
use souk_test_services::answer::Answer;
use souk_test_services::crowd::at_once;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::Shop;

/// Every one of them has the same order, or has to wait for it.
fn check_one_answer(answers: &[Answer]) {
    let first = answers.iter().find(|answer| answer.status == 201).expect("one of them bought it");
    for answer in answers {
        match answer.status {
            201 => assert_eq!(answer.bytes, first.bytes),
            _ => assert!(matches!(answer.refusal(), (409, "request-under-way" | "busy")), "{answer:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_with_one_key_one_buys_the_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let answers = at_once(50, |_| {
        let (shop, mina) = (shop.clone(), mina.clone());
        async move { shop.check_out(&mina, "k", "tok_visa").await }
    });
    check_one_answer(&answers.await);
    let orders = shop.orders_of(&mina.who).await;
    assert_eq!((orders.len(), shop.stock(&tea).await), (1, (99, 99)));
    shop.settle().await;
    shop.check(orders[0].id.as_str(), "fifty").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_with_one_key_one_buys_without_a_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mina = shop.buyer("mina").await;
    let answers = at_once(50, |_| {
        let (shop, mina, tea) = (shop.clone(), mina.clone(), tea.clone());
        async move { shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await }
    });
    check_one_answer(&answers.await);
    assert_eq!((shop.orders_of(&mina.who).await.len(), shop.stock(&tea).await), (1, (99, 99)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_keys_one_buys_the_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let answers = at_once(20, |number| {
        let (shop, mina) = (shop.clone(), mina.clone());
        async move { shop.check_out(&mina, &number.to_string(), "tok_visa").await }
    });
    let answers = answers.await;
    assert_eq!(answers.iter().filter(|answer| answer.status < 300).count(), 1);
    for refused in answers.iter().filter(|answer| answer.status >= 300) {
        assert!(matches!(refused.refusal(), (409, "already-ordered" | "cart-empty" | "busy")), "{refused:?}");
    }
    assert_eq!((shop.orders_of(&mina.who).await.len(), shop.stock(&tea).await), (1, (99, 99)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_who_buy_the_last_unit_one_gets_it() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 1).await;
    let mut buyers = Vec::new();
    for number in 0..100 {
        buyers.push(shop.buyer(&format!("buyer-{number}")).await);
    }
    let answers = at_once(100, |number| {
        let (shop, buyer, tea) = (shop.clone(), buyers[number].clone(), tea.clone());
        async move { shop.buy(&buyer, "k", "tok_visa", &[(&tea, 1)]).await }
    });
    for answer in answers.await {
        // Where too many want the same product at once, an engine with concurrent writers makes some wait.
        assert!(matches!(answer.status, 201 | 202) || answer.refusal() == (409, "sold-out"), "{answer:?}");
    }
    shop.settle().await;
    let (mut paid, mut captured) = (0, 0);
    for buyer in &buyers {
        let [order] = &shop.orders_of(&buyer.who).await[..] else { panic!("one order each") };
        let order = shop.check(order.id.as_str(), "a hundred").await;
        paid += usize::from(order.status == Status::Paid);
        captured += shop.payments(order.id.as_str()).await.iter().filter(|of| of.state.captured() > 0).count();
        assert!(order.status == Status::Paid || matches!(order.reason, Some(Reason::SoldOut { .. })), "{order:?}");
    }
    assert_eq!((paid, captured, shop.stock(&tea).await), (1, 1, (0, 0)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_take_the_same_step_have_one_effect() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    for (step, call, token) in [
        (Step::Reserve, "reserve", "tok_visa"),
        (Step::Authorize, "authorize", "tok_visa"),
        (Step::Capture, "capture", "tok_visa"),
        (Step::Commit, "commit", "tok_visa"),
        (Step::TakeOut, "take_out", "tok_visa"),
        (Step::Void, "void", "tok_capture_fails"),
        (Step::Release, "release", "tok_declined"),
    ] {
        let before = shop.stock(&tea).await.0;
        let mina = shop.buyer_of(call, &tea, 1).await;
        shop.faults.leave(call);
        shop.check_out(&mina, "k", token).await;
        shop.faults.come_back();
        let order = shop.orders_of(&mina.who).await.remove(0);
        assert_eq!(order.saga.as_ref().map(|saga| saga.step), Some(step));
        let (one, two) = tokio::join!(shop.orders.work(order.clone()), shop.orders.work(order.clone()));
        // On an engine with concurrent writers both may find the other in their way.
        assert!(one.is_ok() || two.is_ok(), "{call}: {one:?} {two:?}");
        shop.settle().await;
        let order = shop.check(order.id.as_str(), call).await;
        let sold = i64::from(order.status == Status::Paid);
        assert_eq!(shop.stock(&tea).await, (before - sold, before - sold), "{call}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_who_take_an_order_back_give_the_money_back_once() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let id = placed.text("id").to_owned();
    let answers = at_once(10, |_| {
        let (shop, mina, id) = (shop.clone(), mina.clone(), id.clone());
        async move { shop.change(&mina.who, &id, "cancel").await }
    });
    for answer in answers.await {
        let is_fine = match answer.status {
            200 => answer.text("status") == "cancelled",
            202 => answer.text("status") == "cancelling",
            _ => answer.refusal() == (409, "busy"),
        };
        assert!(is_fine, "{answer:?}");
    }
    shop.settle().await;
    assert_eq!(shop.check(&id, "taken back").await.status, Status::Cancelled);
    assert_eq!((shop.stock(&tea).await, shop.keys("refund", &id).await.len()), ((10, 10), 1));
}

#[tokio::test]
async fn who_lost_an_order_to_another_stops_after_one_step() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.strike(3, Fault::Death(Break::Before));
    shop.check_out(&mina, "k", "tok_visa").await;
    shop.faults.mend();
    let slow = shop.orders_of(&mina.who).await.remove(0);
    shop.pass(10);
    let claimed = store::claim(&shop.context, slow.clone()).await.expect("the database is there").expect("it is due");
    assert_eq!(store::claim(&shop.context, slow.clone()).await, Ok(None), "of two one takes it up");
    shop.faults.calls();
    shop.pass(9);
    shop.resume().await;
    assert!(shop.faults.calls().is_empty(), "whoever took it up has ten seconds for a step");
    let left = shop.orders.work(slow).await.expect("the database is there");
    assert_eq!((shop.faults.calls(), left.version), (vec!["reserve"], claimed.version));
    let done = shop.orders.work(claimed).await.expect("the database is there");
    assert_eq!(done.status, Status::Paid);
    assert_eq!(shop.stock(&tea).await, (9, 9));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_jobs_at_once_end_each_order_once() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    shop.faults.leave("commit");
    let mut ids = Vec::new();
    for number in 0..12 {
        let buyer = shop.buyer_of(&format!("buyer-{number}"), &tea, 1).await;
        ids.push(shop.check_out(&buyer, "k", "tok_visa").await.text("id").to_owned());
    }
    shop.faults.come_back();
    shop.pass(60);
    at_once(3, |_| {
        let shop = shop.clone();
        // What one finds in its way the other ends.
        async move { drop(shop.orders.resume().await) }
    })
    .await;
    shop.settle().await;
    for id in &ids {
        assert_eq!(shop.check(id, "two jobs").await.status, Status::Paid);
    }
    assert_eq!(shop.stock(&tea).await, (88, 88));
}

#[tokio::test]
async fn what_can_not_go_on_does_not_stand_before_what_can() {
    let shop = Shop::patient().await;
    let tea = shop.product("T", 450, 100).await;
    shop.faults.leave("capture");
    for number in 0..2 * order::orders::RESUMED_MAX {
        let buyer = shop.buyer(&format!("buyer-{number}")).await;
        assert_eq!(shop.buy(&buyer, "k", "tok_visa", &[(&tea, 1)]).await.status, 202);
    }
    shop.pass(1);
    shop.faults.leave("take_out");
    shop.faults.come_back();
    shop.faults.leave("take_out");
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    shop.faults.come_back();
    shop.faults.leave("capture");
    shop.pass(60);
    shop.resume().await;
    assert_eq!(shop.order(placed.text("id")).await.saga, None);
    shop.faults.come_back();
    shop.settle().await;
    let left = shop.stock(&tea).await.0;
    assert_eq!(left, 100 - 1 - 2 * i64::from(order::orders::RESUMED_MAX));
}

#[tokio::test]
async fn an_order_that_can_not_be_taken_up_leaves_the_others_alone() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    shop.faults.leave("capture");
    let (mina, lucy) = (shop.buyer("mina").await, shop.buyer("lucy").await);
    let broken = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    let whole = shop.buy(&lucy, "k", "tok_visa", &[(&tea, 1)]).await;
    shop.faults.come_back();
    // The line that its next transaction would write is there already.
    let next = shop.order(broken.text("id")).await.version + 1;
    let statement =
        souk_kit::database::sql("INSERT INTO journal (order_id, version, at, what) VALUES ($1, $2, '', '')");
    let steps = vec![statement.bind(broken.text("id")).bind(next).exactly(1)];
    let transaction = souk_database::contract::Transaction { steps, events: vec![] };
    souk_kit::database::attempt_again(shop.context.database(), transaction).await.expect("it can be written");
    shop.pass(60);
    assert!(shop.orders.resume().await.is_err(), "it is told");
    assert_eq!(shop.check(whole.text("id"), "whole").await.status, Status::Paid);
    assert_eq!(shop.order(broken.text("id")).await.status, Status::Confirmed);
}
