//! Wrong passwords: how many are looked at, and how long none is.

use std::sync::Arc;

use http::Request;
use serde_json::json;
use souk_database::contract::Transaction;
use souk_kit::database::{attempt, sql};

use crate::shop::{Answer, PASSWORD, Shop, Who, at_once, json_request};

const MINA: &str = "mina@shop.example";

fn blocked_s(answer: &Answer) -> u32 {
    assert_eq!(answer.refusal(), (429, "too-many-attempts"));
    answer.field("retry-after").parse().expect("it is a number of seconds")
}

async fn shop() -> Shop {
    let shop = Shop::open().await;
    shop.register(MINA).await;
    shop
}

async fn fail(shop: &Shop, times: u32) {
    for _ in 0..times {
        assert_eq!(shop.login(MINA, "wrong").await.status, 401);
    }
}

#[tokio::test]
async fn of_twenty_wrong_passwords_in_a_row_six_are_looked_at() {
    for email in [MINA, "nobody@shop.example"] {
        let shop = shop().await;
        for number in 1..=20 {
            let answer = shop.login(email, "wrong").await;
            if number <= 6 {
                assert_eq!(answer.refusal(), (401, "wrong-credentials"), "{number}");
            } else {
                assert_eq!(blocked_s(&answer), 1);
            }
        }
        assert_eq!(shop.identity.verified(), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_wrong_passwords_at_once_six_are_looked_at() {
    let shop = Arc::new(shop().await);
    let answers = at_once(20, |_| {
        let shop = Arc::clone(&shop);
        async move { shop.login_from(MINA, "wrong", Some("192.0.2.1")).await }
    });
    let mut statuses: Vec<u16> = answers.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!((&statuses[..6], &statuses[6..]), (&[401; 6][..], &[429; 14][..]));
    assert_eq!(shop.identity.verified(), 6);
}

#[tokio::test]
async fn each_further_failure_doubles_the_wait_up_to_a_minute() {
    let shop = shop().await;
    fail(&shop, 5).await;
    for wait_s in [1, 2, 4, 8, 16, 32, 60, 60] {
        fail(&shop, 1).await;
        assert_eq!(blocked_s(&shop.login(MINA, "wrong").await), wait_s);
        // The right one is not looked at either: else the wait would be none.
        shop.identity.verified();
        assert_eq!(blocked_s(&shop.login(MINA, PASSWORD).await), wait_s);
        assert_eq!(shop.identity.verified(), 0);
        shop.clock.advance_seconds(i64::from(wait_s) - 1);
        assert_eq!(blocked_s(&shop.login(MINA, "wrong").await), 1);
        shop.clock.advance_seconds(1);
    }
    // The wait is over, and the right password ends the count.
    shop.sign_in(MINA).await;
    fail(&shop, 6).await;
    assert_eq!(blocked_s(&shop.login(MINA, PASSWORD).await), 1);
}

#[tokio::test]
async fn a_right_password_is_no_failure() {
    let shop = shop().await;
    for _ in 0..50 {
        let answer = shop.login_from(MINA, PASSWORD, Some("192.0.2.1")).await;
        assert_eq!(answer.status, 200);
    }
    assert_eq!(shop.count("attempts").await, 0);
}

#[tokio::test]
async fn a_day_without_failures_is_forgotten() {
    let shop = shop().await;
    fail(&shop, 6).await;
    shop.clock.advance_seconds(86_399);
    fail(&shop, 1).await;
    assert_eq!(blocked_s(&shop.login(MINA, "wrong").await), 2);
    shop.clock.advance_seconds(86_400);
    fail(&shop, 6).await;
    assert_eq!(blocked_s(&shop.login(MINA, "wrong").await), 1);
}

#[tokio::test]
async fn counters_hold_over_a_restart() {
    let shop = shop().await;
    fail(&shop, 6).await;
    let router = user::http::router(shop.context.clone(), shop.identity.clone());
    let body = json!({"email": MINA, "password": PASSWORD}).to_string();
    let request = json_request("POST", "/api/v1/login").body(body.into()).expect("it is well-formed");
    assert_eq!(souk_kit::native::call(&router, request).await.status(), 429);
}

#[tokio::test]
async fn one_address_cannot_try_one_account_after_another() {
    let shop = shop().await;
    let try_account = |number: u32, address: &'static str| {
        let (shop, email) = (&shop, format!("user{number}@shop.example"));
        async move { shop.login_from(&email, "wrong", Some(address)).await }
    };
    for number in 0..21 {
        assert_eq!(try_account(number, "192.0.2.1").await.status, 401, "{number}");
    }
    for (number, wait_s) in (21..).zip([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
        assert_eq!(blocked_s(&try_account(number, "192.0.2.1").await), wait_s);
        shop.clock.advance_seconds(i64::from(wait_s));
        assert_eq!(try_account(number, "192.0.2.1").await.status, 401);
    }
    let blocked = shop.login_from(MINA, PASSWORD, Some("192.0.2.1")).await;
    assert_eq!(blocked_s(&blocked), 900);
    assert_eq!(shop.login_from(MINA, PASSWORD, Some("192.0.2.2")).await.status, 200);
    assert_eq!(shop.login(MINA, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn who_has_an_account_cannot_wipe_the_count_of_an_address() {
    let shop = shop().await;
    let address = Some("2001:db8:0:1::1");
    for number in 0..20 {
        let email = format!("user{number}@shop.example");
        assert_eq!(shop.login_from(&email, "wrong", address).await.status, 401);
        assert_eq!(shop.login_from(MINA, PASSWORD, address).await.status, 200);
    }
    assert_eq!(shop.login_from("other@shop.example", "wrong", address).await.status, 401);
    // The same network; and a right password leaves the wait as it was.
    let neighbour = Some("2001:db8:0:1:ffff::2");
    assert_eq!(blocked_s(&shop.login_from(MINA, PASSWORD, neighbour).await), 1);
    shop.clock.advance_seconds(1);
    assert_eq!(shop.login_from(MINA, PASSWORD, neighbour).await.status, 200);
    assert_eq!(shop.login_from(MINA, PASSWORD, neighbour).await.status, 200);
    assert_eq!(shop.login_from(MINA, PASSWORD, Some("2001:db8:0:2::1")).await.status, 200);
}

#[tokio::test]
async fn an_attempt_that_is_refused_counts_nowhere() {
    let shop = shop().await;
    fail(&shop, 6).await;
    for _ in 0..30 {
        assert_eq!(shop.login_from(MINA, "wrong", Some("192.0.2.1")).await.status, 429);
    }
    assert_eq!(shop.count("attempts").await, 1);
    assert_eq!(shop.column("attempts", "failures").await, ["6"]);
}

#[tokio::test]
async fn an_address_that_cannot_be_read_is_the_gateways_fault() {
    let shop = shop().await;
    assert_eq!(shop.login_from(MINA, PASSWORD, Some("unknown")).await.refusal(), (500, "about:blank"));
}

#[tokio::test]
async fn a_wrong_current_password_counts_like_a_wrong_login() {
    let shop = shop().await;
    let session = shop.sign_in(MINA).await;
    let put = |current: &'static str| {
        let request = Request::put("/api/v1/me/password").header("content-type", "application/json");
        let body = json!({"current_password": current, "new_password": "another long one"}).to_string();
        shop.send(&session.who, request, body)
    };
    for _ in 0..3 {
        assert_eq!(put("wrong").await.refusal(), (403, "wrong-password"));
        assert_eq!(shop.login(MINA, "wrong").await.status, 401);
    }
    assert_eq!(blocked_s(&put(PASSWORD).await), 1);
    assert_eq!(blocked_s(&shop.login(MINA, PASSWORD).await), 1);
    shop.clock.advance_seconds(1);
    assert_eq!(put(PASSWORD).await.status, 204);
    assert_eq!(shop.count("attempts").await, 0);
}

#[tokio::test]
async fn forgotten_counters_are_swept_in_small_pieces() {
    let shop = shop().await;
    for number in 0..50 {
        let counter = sql("INSERT INTO attempts (key, failures, blocked_until, forget_at) VALUES ($1, 1, $2, $2)");
        let counter = counter.bind(format!("{number:02}")).bind("2026-11-20T10:00:00.000Z").exactly(1);
        let transaction = Transaction { steps: vec![counter], events: vec![] };
        attempt(shop.context.database(), transaction).await.expect("it can be written");
    }
    for left in [31, 11, 1, 1] {
        assert_eq!(shop.login(MINA, "wrong").await.status, 401);
        assert_eq!(shop.count("attempts").await, left);
    }
    assert_eq!(shop.get(&Who::nobody(), "/api/v1/login").await.status, 405);
}
