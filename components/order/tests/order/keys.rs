//! Keys: what is asked for twice is done once, and answered in the same way.

use order::domain::order::Status;
use order::store::key;
use serde_json::json;
use souk_kit::database::{attempt_again, sql};
use souk_test_services::caller::Who;
use souk_test_services::database::Break;
use souk_test_services::request::json_request;

use crate::faults::Fault;
use crate::shop::{ORDERS, Shop, purchase};

const DAY_S: i64 = 86_400;

#[tokio::test]
async fn a_repetition_has_the_first_answer_to_the_byte_whatever_has_become_of_the_order() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let first = shop.check_out(&mina, "k", "tok_visa").await;
    let bought = shop.buy(&mina, "t", "tok_visa", &[(&tea, 1)]).await;
    let id = first.text("id");
    for change in ["ship", "deliver"] {
        assert_eq!(shop.change(&Who::admin(), id, change).await.status, 200);
    }
    shop.change(&mina.who, bought.text("id"), "cancel").await;
    shop.pass(3_600);
    shop.faults.calls();
    let again = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!((again.status, &again.bytes), (201, &first.bytes));
    assert_eq!(again.headers, first.headers);
    let again = shop.buy(&mina, "t", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!((again.status, &again.bytes, &again.headers), (201, &bought.bytes, &bought.headers));
    assert!(shop.faults.calls().is_empty(), "nobody is asked");
}

#[tokio::test]
async fn a_refusal_and_a_request_to_wait_are_answers_too() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    for (name, token, status) in [("mina", "tok_declined", 402), ("lucy", "tok_slow", 202)] {
        let buyer = shop.buyer_of(name, &tea, 1).await;
        let first = shop.check_out(&buyer, "k", token).await;
        assert_eq!(first.status, status);
        shop.settle().await;
        let again = shop.check_out(&buyer, "k", token).await;
        assert_eq!((again.status, again.bytes, again.headers), (status, first.bytes, first.headers));
    }
}

#[tokio::test]
async fn a_repetition_waits_while_somebody_is_at_it_and_takes_over_when_nobody_is() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.strike(5, Fault::Death(Break::After));
    shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!(shop.faults.mend(), Some("capture"));
    let id = shop.orders_of(&mina.who).await[0].id.as_str().to_owned();
    for _ in 0..10 {
        let waits = shop.check_out(&mina, "k", "tok_visa").await;
        assert_eq!((waits.refusal(), waits.text("order_id")), ((409, "request-under-way"), id.as_str()));
        assert_eq!(waits.field("retry-after"), "2");
        shop.pass(1);
    }
    let taken_over = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!((taken_over.status, taken_over.text("id")), (201, id.as_str()));
    shop.check(&id, "taken over").await;
    assert_eq!(shop.check_out(&mina, "k", "tok_visa").await.bytes, taken_over.bytes);
}

#[tokio::test]
async fn a_key_is_for_one_request_and_for_one_account() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let (mina, lucy) = (shop.buyer_of("mina", &tea, 1).await, shop.buyer_of("lucy", &tea, 1).await);
    assert_eq!(shop.check_out(&mina, "k", "tok_visa").await.status, 201);
    for body in [
        json!({"payment_token": "tok_slow"}),
        json!({"payment_token": "tok_visa", "address_id": mina.address_id}),
        json!({"payment_token": "tok_visa", "cart_version": 1}),
        json!({"payment_token": "tok_visa", "total": {"amount": 450, "currency": "EUR"}}),
    ] {
        let other = shop.order_with(&mina.who, "k", &body).await;
        assert_eq!(other.refusal(), (422, "idempotency-key-reused"), "{body}");
    }
    let other = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!(other.refusal(), (422, "idempotency-key-reused"));
    assert_eq!(shop.check_out(&lucy, "k", "tok_visa").await.status, 201);
    assert_eq!((shop.count("orders").await, shop.stock(&tea).await), (2, (8, 8)));
}

#[tokio::test]
async fn another_body_is_refused_also_while_the_first_is_under_way() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer("mina").await;
    shop.faults.strike(4, Fault::Death(Break::Before));
    shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!(shop.faults.mend(), Some("authorize"));
    for quantity in [2, 3] {
        let other = shop.buy(&mina, "k", "tok_visa", &[(&tea, quantity)]).await;
        assert_eq!(other.refusal(), (422, "idempotency-key-reused"));
        shop.pass(10);
    }
    assert_eq!(shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await.status, 201);
}

#[tokio::test]
async fn a_cart_is_bought_once_whatever_the_keys() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let waiting = shop.check_out(&mina, "k", "tok_slow").await;
    let second = shop.check_out(&mina, "l", "tok_visa").await;
    assert_eq!((second.refusal(), second.text("order_id")), ((409, "already-ordered"), waiting.text("id")));
    // The key is unused: it serves for what comes next.
    shop.put(&mina, &tea, 1).await;
    let third = shop.check_out(&mina, "l", "tok_visa").await;
    assert_eq!(third.status, 201, "another cart is another order: {third:?}");
}

#[tokio::test]
async fn after_a_rejection_the_same_cart_can_be_ordered_again() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    for key in ["a", "b"] {
        assert_eq!(shop.check_out(&mina, key, "tok_declined").await.refusal(), (402, "payment-declined"));
    }
    let placed = shop.check_out(&mina, "c", "tok_visa").await;
    assert_eq!(placed.status, 201, "{placed:?}");
    assert_eq!((shop.count("orders").await, shop.stock(&tea).await), (3, (9, 9)));
}

#[tokio::test]
async fn after_a_cancellation_what_is_in_the_cart_still_can_be_ordered() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    shop.faults.leave("take_out");
    let placed = shop.check_out(&mina, "a", "tok_visa").await;
    assert_eq!(shop.change(&mina.who, placed.text("id"), "cancel").await.status, 200);
    shop.faults.come_back();
    shop.settle().await;
    let again = shop.check_out(&mina, "b", "tok_visa").await;
    assert_eq!((again.status, again.text("status")), (201, "paid"), "{again:?}");
    assert!(shop.cart(&mina).await.items().is_empty());
    assert_eq!(shop.stock(&tea).await, (9, 9));
}

#[tokio::test]
async fn a_refusal_of_what_was_only_looked_at_leaves_the_key_unused() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer("mina").await;
    assert_eq!(shop.check_out(&mina, "k", "tok_visa").await.refusal(), (409, "cart-empty"));
    assert_eq!(shop.count("keys").await, 0);
    shop.put(&mina, &tea, 1).await;
    assert_eq!(shop.check_out(&mina, "k", "tok_visa").await.status, 201);
    assert_eq!(shop.check_out(&mina, "l", "tok_visa").await.refusal(), (409, "cart-empty"));
}

#[tokio::test]
async fn a_key_must_be_there_once_and_fit_on_a_line() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let body = json!({"payment_token": "tok_visa"}).to_string();
    assert_eq!(shop.send(&mina.who, json_request("POST", ORDERS), body.clone()).await.status, 400);
    let two = json_request("POST", ORDERS).header("idempotency-key", "a").header("idempotency-key", "a");
    assert_eq!(shop.send(&mina.who, two, body).await.status, 400);
    let (longest, too_long) = ("x".repeat(128), "x".repeat(129));
    for (key, status) in [("", 400), ("é", 400), ("\"\"", 400), (too_long.as_str(), 400), (&longest, 201)] {
        assert_eq!(shop.check_out(&mina, key, "tok_visa").await.status, status, "{key}");
        if status == 400 {
            assert_eq!(shop.buy(&mina, key, "tok_visa", &[(&tea, 1)]).await.status, 400, "{key}");
        }
    }
    assert_eq!(
        shop.check_out(&mina, &format!("\"{longest}\""), "tok_visa").await.status,
        201,
        "quotes are no part of it"
    );
}

#[tokio::test]
async fn a_key_is_forgotten_after_thirty_days_and_the_order_is_not() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer("mina").await;
    let first = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    shop.pass(30 * DAY_S);
    assert_eq!(key::forget(&shop.context).await, Ok(false));
    assert_eq!(shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await.bytes, first.bytes);
    shop.pass(1);
    assert_eq!(key::forget(&shop.context).await, Ok(false));
    assert_eq!(shop.count("keys").await, 0);
    assert_eq!(shop.order(first.text("id")).await.status, Status::Paid);
    let second = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
    assert_ne!(second.text("id"), first.text("id"));
}

#[tokio::test]
async fn keys_are_forgotten_some_at_a_time() {
    let shop = Shop::open().await;
    let total = i64::from(key::FORGOTTEN_MAX) + 1;
    let rows: Vec<_> = (0..total).map(|n| format!("('a', 'k{n}', 'f', 'o{n}', '2026-01-01T00:00:00.000Z')")).collect();
    let text = format!("INSERT INTO keys (account, key, fingerprint, order_id, created_at) VALUES {}", rows.join(", "));
    let steps = vec![sql(text).anything()];
    let transaction = souk_database::contract::Transaction { steps, events: vec![] };
    attempt_again(shop.context.database(), transaction).await.expect("they can be written");
    assert_eq!((key::forget(&shop.context).await, shop.count("keys").await), (Ok(true), 1));
    assert_eq!((key::forget(&shop.context).await, shop.count("keys").await), (Ok(false), 0));
    assert_eq!(key::forget(&shop.context).await, Ok(false));
}

#[tokio::test]
async fn who_names_another_customer_under_a_used_key_learns_nothing() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let (mina, lucy) = (shop.buyer("mina").await, shop.buyer("lucy").await);
    assert_eq!(shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await.status, 201);
    let as_mina = purchase(&mina, "tok_visa", &[(&tea, 1)]);
    assert_eq!(shop.buy_with(&lucy.who, Some("k"), &as_mina).await.refusal(), (422, "unknown-customer"));
}
