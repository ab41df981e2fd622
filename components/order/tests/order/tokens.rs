//! What providers do: they decline, fail, are slow, or do not answer.

use order::domain::order::{Reason, Status};
use serde_json::json;
use souk_test_services::caller::Who;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::{ORDERS, Shop};

#[tokio::test]
async fn a_refusal_of_the_provider_is_told_with_its_reason() {
    for (token, reason) in [
        ("tok_declined", "declined"),
        ("tok_insufficient_funds", "insufficient-funds"),
        ("tok_expired", "expired"),
        ("tok_nothing", "invalid-method"),
    ] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let declined = shop.check_out(&mina, "k", token).await;
        assert_eq!(declined.refusal(), (402, "payment-declined"), "{token}");
        assert_eq!(declined.text("reason"), reason);
        let order = shop.check(declined.text("order_id"), token).await;
        assert_eq!(order.reason, Some(Reason::Declined { reason: reason.to_owned() }));
        assert_eq!(shop.stock(&tea).await, (10, 10));
        assert_eq!(shop.cart(&mina).await.items().len(), 1);
        assert_eq!(shop.database.event_types(), ["order.rejected"]);
    }
}

#[tokio::test]
async fn who_pays_with_anothers_money_does_not_learn_that_it_was_noticed() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let declined = shop.check_out(&mina, "k", "tok_stolen").await;
    assert_eq!((declined.refusal(), declined.text("reason")), ((402, "payment-declined"), "declined"));
    let id = declined.text("order_id");
    for path in [format!("{ORDERS}/{id}"), ORDERS.to_owned(), format!("/api/v1/transactions/{id}")] {
        let read = shop.get(&mina.who, &path).await;
        assert!(!String::from_utf8_lossy(&read.bytes).contains("fraud"), "{read:?}");
    }
    // Those who look into it do.
    assert_eq!(shop.order(id).await.reason, Some(Reason::Declined { reason: "suspected-fraud".to_owned() }));
    let [(_, rejected)] = &shop.database.events()[..] else { panic!("one event") };
    assert_eq!(rejected["reason"], json!({"kind": "declined", "reason": "suspected-fraud"}));
}

#[tokio::test]
async fn what_the_provider_can_not_do_is_no_fault_of_the_customer() {
    for (token, voids) in [("tok_error", 0), ("tok_capture_fails", 1)] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let failed = shop.check_out(&mina, "k", token).await;
        assert_eq!(failed.refusal(), (502, "payment-failed"), "{token}");
        let id = failed.text("order_id");
        assert_eq!(shop.check(id, token).await.reason, Some(Reason::PaymentFailed));
        assert_eq!(shop.keys("void", id).await.len(), voids, "{token}");
    }
}

#[tokio::test]
async fn a_provider_that_does_not_answer_makes_the_customer_wait() {
    for (token, status, end) in [
        ("tok_timeout", "pending", Status::Rejected),
        ("tok_timeout_after_effect", "pending", Status::Paid),
        ("tok_slow", "pending", Status::Paid),
        ("tok_capture_timeout", "confirmed", Status::Rejected),
        ("tok_capture_timeout_after_effect", "confirmed", Status::Paid),
        ("tok_capture_slow", "confirmed", Status::Paid),
    ] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let waiting = shop.check_out(&mina, "k", token).await;
        assert_eq!((waiting.status, waiting.text("status")), (202, status), "{token}");
        let id = waiting.text("id").to_owned();
        assert_eq!(waiting.field("location"), format!("{ORDERS}/{id}"));
        assert_eq!(waiting.field("retry-after"), "2");
        assert_eq!(shop.stock(&tea).await, (10, 9), "it is set aside meanwhile");
        shop.settle().await;
        assert_eq!(shop.check(&id, token).await.status, end, "{token}");
        assert_eq!(shop.cart(&mina).await.items().is_empty(), end == Status::Paid);
    }
}

#[tokio::test]
async fn an_answer_that_comes_soon_ends_the_waiting_soon() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_timeout_after_effect").await;
    shop.resume().await;
    assert_eq!(shop.order(waiting.text("id")).await.status, Status::Pending, "not before it is due");
    shop.pass(1);
    shop.resume().await;
    assert_eq!(shop.check(waiting.text("id"), "soon").await.status, Status::Paid);
}

#[tokio::test]
async fn pauses_grow_up_to_a_minute() {
    let shop = Shop::patient().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("capture");
    let waiting = shop.check_out(&mina, "k", "tok_visa").await;
    let mut pauses = Vec::new();
    for _ in 0..9 {
        let due = shop.order(waiting.text("id")).await.saga.expect("it waits").due;
        let pause = due.seconds_from(shop.context.now());
        pauses.push(pause);
        shop.pass(pause.into());
        shop.resume().await;
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    shop.faults.come_back();
    shop.settle().await;
    assert_eq!(shop.check(waiting.text("id"), "away for long").await.status, Status::Paid);
}

#[tokio::test]
async fn a_provider_that_is_away_is_waited_for_as_long_as_the_shop_wants() {
    let shop = Shop::patient().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_capture_unavailable").await;
    for _ in 0..120 {
        shop.pass(61);
        shop.services.payments.resolve().await.expect("it can be asked");
        shop.resume().await;
    }
    assert_eq!(shop.order(waiting.text("id")).await.status, Status::Confirmed);
    shop.mend_provider().await;
    shop.settle().await;
    let order = shop.check(waiting.text("id"), "two hours later").await;
    // The reservation's time was over long before.
    assert_eq!((order.status, order.reservation), (Status::Paid, 2));
    assert_eq!(shop.stock(&tea).await, (9, 9));
}

#[tokio::test]
async fn a_refund_that_is_not_answered_is_asked_about_until_it_is() {
    for token in ["tok_refund_timeout_after_effect", "tok_refund_slow"] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let placed = shop.check_out(&mina, "k", token).await;
        let id = placed.text("id");
        let cancelling = shop.change(&mina.who, id, "cancel").await;
        assert_eq!((cancelling.status, cancelling.text("status")), (202, "cancelling"), "{token}");
        assert_eq!(shop.change(&mina.who, id, "cancel").await.status, 202);
        shop.settle().await;
        assert_eq!(shop.check(id, token).await.status, Status::Cancelled);
        assert_eq!(shop.keys("refund", id).await, [format!("refund:{id}:refund:1")], "{token}");
        assert_eq!(shop.stock(&tea).await, (10, 10));
    }
}

#[tokio::test]
async fn a_refund_that_fails_for_good_is_tried_under_a_new_key_until_somebody_has_seen_to_it() {
    for token in ["tok_refund_fails", "tok_refund_timeout", "tok_refund_unavailable"] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let placed = shop.check_out(&mina, "k", token).await;
        let id = placed.text("id");
        assert_eq!(shop.change(&mina.who, id, "cancel").await.status, 202);
        for _ in 0..5 {
            shop.pass(61);
            shop.resume().await;
        }
        let order = shop.order(id).await;
        assert_eq!((order.status, order.is_captured), (Status::Cancelling, true), "{token}");
        assert_eq!(shop.stock(&tea).await, (9, 9), "nothing is put back that is not given back");
        let journal = shop.journal(id).await;
        let failed = journal.iter().filter(|line| *line == "refund undo-failed").count();
        let keys = shop.keys("refund", id).await;
        // What never arrives has no outcome, and so no other key.
        let is_told = token != "tok_refund_unavailable";
        assert_eq!((failed > 1, keys.len() > 1), (is_told, is_told), "{token}: {journal:?}, {keys:?}");
        shop.mend_provider().await;
        shop.settle().await;
        assert_eq!(shop.check(id, token).await.status, Status::Cancelled);
    }
}

#[tokio::test]
async fn money_that_is_held_too_late_is_let_go_whatever_the_provider_does() {
    for (token, tries) in [
        ("tok_void_timeout_after_effect", 1),
        ("tok_void_slow", 1),
        ("tok_void_fails", 2),
        ("tok_void_timeout", 2),
        ("tok_void_unavailable", 1),
    ] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 1).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        // The answer to the authorization is lost until the reservation's time is over and another has bought.
        shop.faults.strike(4, Fault::Once(Break::After));
        let waiting = shop.check_out(&mina, "k", token).await;
        assert_eq!(shop.faults.mend(), Some("authorize"));
        shop.pass(901);
        let other = shop.buyer("lucy").await;
        assert_eq!(shop.buy(&other, "o", "tok_visa", &[(&tea, 1)]).await.status, 201);
        for _ in 0..3 {
            shop.resume().await;
            shop.pass(61);
        }
        shop.mend_provider().await;
        shop.settle().await;
        let id = waiting.text("id");
        let order = shop.check(id, token).await;
        assert!(matches!(order.reason, Some(Reason::SoldOut { .. })), "{token}: {order:?}");
        assert!(shop.keys("void", id).await.len() >= tries, "{token}");
        assert_eq!(shop.stock(&tea).await, (0, 0));
    }
}

#[tokio::test]
async fn what_somebody_gave_back_by_hand_is_not_given_back_twice() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    for amount in [450, 100] {
        let mina = shop.buyer_of(&format!("mina-{amount}"), &tea, 1).await;
        let placed = shop.check_out(&mina, "k", "tok_visa").await;
        let path = format!("/api/v1/payments/{}/refunds", placed.text("payment_id"));
        let body = json!({"amount": amount});
        let request = souk_test_services::request::json_request("POST", &path);
        let request = request.header("idempotency-key", format!("by-hand-{amount}"));
        let payments = &shop.services.payment.router;
        let refunded = souk_test_services::request::send(payments, &Who::admin(), request, body.to_string()).await;
        assert!(refunded.status < 300, "{refunded:?}");
        assert_eq!(shop.change(&mina.who, placed.text("id"), "cancel").await.status, 200);
        shop.check(placed.text("id"), "by hand").await;
    }
}

#[tokio::test]
async fn the_way_to_pay_is_forgotten_as_soon_as_it_was_used() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    for token in ["tok_visa", "tok_declined", "tok_capture_slow", "tok_refund_slow"] {
        let mina = shop.buyer_of(&token.replace("tok_", "with-"), &tea, 1).await;
        let placed = shop.check_out(&mina, "k", token).await;
        assert!(placed.status < 500, "{placed:?}");
    }
    // One whose reservation is made anew after the money was held.
    let lucy = shop.buyer_of("lucy", &tea, 1).await;
    shop.faults.strike(4, Fault::Once(Break::After));
    shop.check_out(&lucy, "k", "tok_refund_fails").await;
    shop.faults.mend();
    shop.pass(901);
    shop.faults.leave("reserve");
    shop.resume().await;
    let texts = souk_test_services::database::all_texts(shop.context.database(), order::MIGRATIONS).await;
    let kept: Vec<_> = texts.iter().filter(|(_, text)| text.contains("tok_")).collect();
    assert!(kept.is_empty(), "{kept:?}");
}
