//! Signing in with a password.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::shop::{PASSWORD, Shop, Who, at_once, json_request};

#[tokio::test]
async fn whoever_knows_the_password_gets_tokens_that_no_cache_keeps() {
    let shop = Shop::open().await;
    let id = shop.register("mina@shop.example").await;
    let answer = shop.login("MINA@shop.example", PASSWORD).await;
    assert_eq!((answer.status, answer.field("cache-control")), (200, "no-store"));
    let members: Vec<&String> = answer.body.as_object().expect("it is an object").keys().collect();
    assert_eq!(members, ["access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type"]);
    assert_eq!(answer.text("token_type"), "Bearer");
    assert_eq!((&answer.body["expires_in"], &answer.body["refresh_expires_in"]), (&json!(600), &json!(14 * 86_400)));
    assert!(answer.text("refresh_token").starts_with("souk_rt_"));
    let caller = shop.identity.caller(answer.text("access_token"));
    assert_eq!((caller.subject, caller.roles), (id, vec!["customer".to_owned()]));
    assert!(answer.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn nobody_learns_whether_there_is_an_account() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let mut seen = Vec::new();
    for email in ["mina@shop.example", "nobody@shop.example"] {
        shop.database_calls();
        shop.identity.verified();
        let answer = shop.login(email, "wrong").await;
        assert_eq!((answer.refusal(), answer.field("www-authenticate")), ((401, "wrong-credentials"), "Bearer"));
        seen.push((answer.bytes, answer.headers, shop.database_calls(), shop.identity.verified()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!((seen[0].2, seen[0].3), ((1, 1), 1));
}

#[tokio::test]
async fn the_same_of_somebody_who_is_disabled_unless_the_password_is_right() {
    let shop = Shop::open().await;
    let id = shop.register("mina@shop.example").await;
    let operator = Who::foreigner(&["admin"]);
    let tag = shop.tag(&id).await;
    let path = format!("/api/v1/users/{id}");
    assert_eq!(shop.patch(&operator, &path, &tag, &json!({"status": "disabled"})).await.status, 200);
    let wrong = shop.login("mina@shop.example", "wrong").await;
    assert_eq!(wrong.bytes, shop.login("nobody@shop.example", "wrong").await.bytes);
    let right = shop.login("mina@shop.example", PASSWORD).await;
    assert_eq!(right.refusal(), (403, "account-disabled"));
    assert_eq!(shop.count("sessions").await, 0);
    // A right password is no failure.
    assert_eq!(shop.count("attempts").await, 1);
}

#[tokio::test]
async fn a_dated_hash_is_raised_by_signing_in() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let before = shop.column("accounts", "password_hash").await;
    shop.identity.raise_cost();
    assert_eq!(shop.login("mina@shop.example", "wrong").await.status, 401);
    // Nobody has to wait for it: another time will do.
    shop.identity.set_busy_hashing(true);
    shop.sign_in("mina@shop.example").await;
    shop.identity.set_busy_hashing(false);
    assert_eq!(shop.column("accounts", "password_hash").await, before);
    shop.sign_in("mina@shop.example").await;
    let raised = shop.column("accounts", "password_hash").await;
    assert!(before[0].contains("m=8,") && raised[0].contains("m=16,"), "{before:?} {raised:?}");
    shop.sign_in("mina@shop.example").await;
    assert_eq!(shop.column("accounts", "password_hash").await, raised);
}

#[tokio::test]
async fn what_is_no_login_is_refused_with_all_its_faults() {
    let shop = Shop::open().await;
    for (body, faults) in [
        (json!({}), vec!["/email", "/password"]),
        (
            json!({"email": "x", "password": 5, "session": "jar", "name": ""}),
            vec!["/email", "/password", "/session", "/name"],
        ),
        (json!({"email": "a@b.example", "password": "x".repeat(1_025)}), vec!["/password"]),
        (json!({"email": "a@b.example", "password": Value::Null}), vec!["/password"]),
    ] {
        let refused = shop.post(&Who::nobody(), "/api/v1/login", &body).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), faults));
    }
    let form = http::Request::post("/api/v1/login").header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(shop.send(&Who::nobody(), form, "email=a").await.status, 415);
    assert_eq!(shop.identity.verified(), 0);
    let longest = json!({"email": "a@b.example", "password": "x".repeat(1_024)});
    assert_eq!(shop.post(&Who::nobody(), "/api/v1/login", &longest).await.status, 401);
}

#[tokio::test]
async fn a_host_that_cannot_sign_or_hash_now_is_503_and_no_failure() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    shop.identity.set_busy(true);
    for _ in 0..10 {
        let refused = shop.login_from("mina@shop.example", PASSWORD, Some("192.0.2.1")).await;
        assert_eq!((refused.refusal(), refused.field("retry-after")), ((503, "about:blank"), "2"));
    }
    shop.identity.set_busy(false);
    shop.identity.set_away(true);
    for _ in 0..10 {
        assert_eq!(shop.login("mina@shop.example", PASSWORD).await.refusal(), (503, "about:blank"));
    }
    assert_eq!((shop.count("sessions").await, shop.count("attempts").await), (0, 0));
    shop.identity.set_away(false);
    shop.sign_in("mina@shop.example").await;
}

#[tokio::test]
async fn an_account_has_twenty_sessions_and_the_oldest_makes_room() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    for _ in 0..18 {
        shop.clock.advance_seconds(1);
        shop.sign_in("mina@shop.example").await;
    }
    assert_eq!(shop.identity.revoked(), Vec::<String>::new());
    // Using it does not make it younger.
    let first = shop.session(&shop.refresh(&first.refresh_token).await);
    shop.sign_in("mina@shop.example").await;
    assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
    assert_eq!(shop.refresh(&first.refresh_token).await.refusal(), (401, "invalid-refresh-token"));
    assert_eq!(shop.get(&second.who, "/api/v1/me/sessions").await.body["total"], 20);
}

#[tokio::test]
async fn roles_that_are_taken_away_while_a_token_is_signed_are_not_in_it() {
    let shop = Shop::open().await;
    let id = shop.staff("sam@shop.example", &["merchant"]).await.account;
    let (router, tag) = (shop.router.clone(), shop.tag(&id).await);
    let demoted = move || async move {
        let request = http::Request::patch(format!("/api/v1/users/{id}")).header("if-match", tag);
        let request = request.header("content-type", "application/merge-patch+json");
        let request = request.header("souk-caller", r#"{"sub":"operator","roles":["admin"]}"#);
        let request = request.body(r#"{"roles":["customer"]}"#.into()).expect("it is well-formed");
        assert_eq!(souk_kit::native::call(&router, request).await.status(), 200);
    };
    shop.identity.before_signing(demoted());
    let answer = shop.login("sam@shop.example", PASSWORD).await;
    assert_eq!(shop.identity.caller(answer.text("access_token")).roles, ["customer"]);
}

#[tokio::test]
async fn a_password_is_taken_as_it_is_sent() {
    let shop = Shop::open().await;
    let password = " Ünïcödé\u{0} 🐎 ";
    let body = json!({"email": "mina@shop.example", "password": password, "name": "Mina"});
    assert_eq!(shop.post(&Who::nobody(), "/api/v1/register", &body).await.status, 201);
    assert_eq!(shop.login("mina@shop.example", password).await.status, 200);
    assert_eq!(shop.login("mina@shop.example", password.trim()).await.status, 401);
    let other = json_request("POST", "/api/v1/login");
    let body = json!({"email": " mina@shop.example", "password": password}).to_string();
    assert_eq!(shop.send(&Who::nobody(), other, body).await.status, 422);
}

#[tokio::test]
async fn a_password_that_is_replaced_while_a_token_is_signed_opens_nothing() {
    let shop = Arc::new(Shop::open().await);
    let mina = shop.member("mina@shop.example").await;
    let there = Arc::clone(&shop);
    shop.identity.before_signing(async move {
        let body = json!({"current_password": PASSWORD, "new_password": "another long one"}).to_string();
        let replaced = there.send(&mina.who, json_request("PUT", "/api/v1/me/password"), body).await;
        assert_eq!(replaced.status, 204);
    });
    assert_eq!(shop.login("mina@shop.example", PASSWORD).await.refusal(), (401, "wrong-credentials"));
    assert_eq!(shop.count("sessions").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn people_who_sign_in_at_once_are_not_in_each_others_way() {
    let shop = Arc::new(Shop::open().await);
    for number in 0..24 {
        shop.register(&format!("user{number}@shop.example")).await;
    }
    let answers = at_once(24, |number| {
        let shop = Arc::clone(&shop);
        async move {
            let email = format!("user{number}@shop.example");
            let signed_in = shop.login_from(&email, PASSWORD, Some(&format!("192.0.2.{number}"))).await;
            let refreshed = shop.refresh(signed_in.text("refresh_token")).await;
            (signed_in.status, refreshed.status)
        }
    });
    assert_eq!(answers.await, [(200, 200); 24]);
}

#[tokio::test]
async fn two_who_raise_one_dated_hash_both_sign_in() {
    let shop = Arc::new(Shop::open().await);
    shop.register("mina@shop.example").await;
    shop.identity.raise_cost();
    let there = Arc::clone(&shop);
    shop.identity.before_signing(async move {
        there.sign_in("mina@shop.example").await;
    });
    assert_eq!(shop.login("mina@shop.example", PASSWORD).await.status, 200);
    assert_eq!((shop.count("sessions").await, shop.count("attempts").await), (2, 0));
}
