//! Payments without an outcome for longer than the shop waits: the order turns back, and no money stays where it should not.

use order::domain::order::Status;
use souk_test_services::database::Break;

use crate::faults::Fault;
use crate::shop::Shop;

#[tokio::test]
async fn a_provider_that_is_away_for_longer_than_the_shop_waits_gets_nothing() {
    for token in ["tok_unavailable", "tok_capture_unavailable"] {
        let shop = Shop::open().await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer_of("mina", &tea, 1).await;
        let waiting = shop.check_out(&mina, "k", token).await;
        let id = waiting.text("id");
        shop.pass(59);
        shop.resume().await;
        assert!(shop.order(id).await.saga.is_some(), "{token}");
        shop.settle().await;
        let order = shop.check(id, token).await;
        assert_eq!(order.status, Status::Rejected, "{token}");
        assert_eq!(shop.stock(&tea).await, (10, 10), "{token}");
        let again = shop.check_out(&mina, "k-2", "tok_visa").await;
        assert_eq!(again.status, 201, "the cart is as it was: {again:?}");
    }
}

#[tokio::test]
async fn money_that_was_taken_meanwhile_is_given_back() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    // Reading takes three calls, reserving and authorizing one each: the answer of the capture is lost, and lost again when it is too late.
    shop.faults.leave("capture");
    let waiting = shop.check_out(&mina, "k", "tok_visa").await;
    shop.faults.come_back();
    shop.pass(61);
    shop.faults.strike(0, Fault::Once(Break::After));
    shop.resume().await;
    assert_eq!(shop.faults.mend(), Some("capture"));
    shop.settle().await;
    let order = shop.check(waiting.text("id"), "taken too late").await;
    assert_eq!((order.status, order.is_captured), (Status::Rejected, false));
    let journal = shop.journal(waiting.text("id")).await;
    for line in ["capture no-answer", "void was-captured", "refund refunded", "release released"] {
        assert!(journal.iter().any(|told| told == line), "{line}: {journal:?}");
    }
    assert_eq!(shop.stock(&tea).await, (10, 10));
}

#[tokio::test]
async fn an_authorization_of_which_nobody_knows_may_turn_up_for_a_while() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("authorize");
    let waiting = shop.check_out(&mina, "k", "tok_visa").await;
    let id = waiting.text("id");
    shop.pass(61);
    shop.resume().await;
    assert_eq!(shop.journal(id).await.last().map(String::as_str), Some("inquire not-found"));
    shop.pass(35);
    shop.resume().await;
    assert!(shop.order(id).await.saga.is_some(), "what was sent just before is on its way still");
    shop.settle().await;
    let order = shop.check(id, "nothing turned up").await;
    assert_eq!((order.status, order.payment_id), (Status::Rejected, None));
    assert_eq!(shop.stock(&tea).await, (10, 10));
}

#[tokio::test]
async fn an_authorization_that_turned_up_is_let_go() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("authorize");
    let waiting = shop.check_out(&mina, "k", "tok_visa").await;
    shop.faults.come_back();
    shop.pass(61);
    // It is held, and the answer is lost.
    shop.faults.strike(0, Fault::Once(Break::After));
    shop.resume().await;
    assert_eq!(shop.faults.mend(), Some("authorize"));
    shop.settle().await;
    let order = shop.check(waiting.text("id"), "held too late").await;
    assert_eq!(order.status, Status::Rejected);
    assert!(order.payment_id.is_some(), "the order names the payment that was let go");
    assert_eq!(shop.stock(&tea).await, (10, 10));
}
