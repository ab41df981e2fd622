//! Staying signed in: a refresh token gives the next one, once.

use std::sync::Arc;

use serde_json::{Value, json};
use souk_database::contract::Transaction;
use souk_kit::database::{attempt, sql};

use crate::shop::{Answer, Shop, Who, at_once};

const DAY_S: i64 = 86_400;

fn is_refused(answer: &Answer) -> bool {
    answer.refusal() == (401, "invalid-refresh-token") && answer.field("www-authenticate") == "Bearer"
}

#[tokio::test]
async fn each_token_gives_the_next_and_the_session_stays() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let mut token = first.refresh_token.clone();
    for _ in 0..3 {
        let answer = shop.refresh(&token).await;
        assert_eq!((answer.status, answer.field("cache-control")), (200, "no-store"));
        let next = shop.session(&answer);
        assert_eq!((&next.id, &next.account), (&first.id, &first.account));
        assert_ne!(next.refresh_token, token);
        token = next.refresh_token;
    }
    assert_eq!(shop.get(&first.who, "/api/v1/me/sessions").await.body["total"], 1);
}

#[tokio::test]
async fn a_second_use_ends_the_session_and_is_told_once() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let other = shop.sign_in("mina@shop.example").await;
    let next = shop.session(&shop.refresh(&first.refresh_token).await);
    shop.events();
    assert!(is_refused(&shop.refresh(&first.refresh_token).await));
    assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
    let told = json!({"id": first.account, "session_id": first.id});
    assert_eq!(shop.events(), [("user.session-reused".to_owned(), told)]);
    assert!(is_refused(&shop.refresh(&next.refresh_token).await));
    assert!(is_refused(&shop.refresh(&first.refresh_token).await));
    assert_eq!(shop.events(), []);
    assert_eq!(shop.get(&first.who, "/api/v1/me").await.refusal(), (401, "session-over"));
    assert_eq!(shop.refresh(&other.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_token_from_long_ago_is_still_known_as_used() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let mut token = first.refresh_token.clone();
    for _ in 0..2 {
        shop.clock.advance_seconds(13 * DAY_S);
        token = shop.session(&shop.refresh(&token).await).refresh_token;
    }
    assert!(is_refused(&shop.refresh(&first.refresh_token).await));
    assert!(is_refused(&shop.refresh(&token).await));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_sixteen_uses_at_once_one_wins_and_the_session_is_over() {
    let shop = Arc::new(Shop::open().await);
    for _ in 0..4 {
        let email = format!("mina{}@shop.example", shop.count("accounts").await);
        let session = shop.member(&email).await;
        shop.events();
        let answers = at_once(16, |_| {
            let (shop, token) = (Arc::clone(&shop), session.refresh_token.clone());
            async move { shop.refresh(&token).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = answers.await.into_iter().partition(|answer| answer.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 15));
        assert!(lost.iter().all(is_refused));
        assert!(is_refused(&shop.refresh(won[0].text("refresh_token")).await));
        assert!(shop.identity.revoked().contains(&session.id));
        assert_eq!(shop.events().len(), 1);
    }
}

#[tokio::test]
async fn a_token_is_good_for_fourteen_days_unused() {
    for (seconds, status) in [(14 * DAY_S - 1, 200), (14 * DAY_S, 401)] {
        let shop = Shop::open().await;
        let session = shop.member("mina@shop.example").await;
        shop.clock.advance_seconds(seconds);
        assert_eq!(shop.refresh(&session.refresh_token).await.status, status, "{seconds}");
    }
}

#[tokio::test]
async fn a_session_is_over_after_thirty_days_however_much_it_is_used() {
    let shop = Shop::open().await;
    let mut session = shop.member("mina@shop.example").await;
    for _ in 0..2 {
        shop.clock.advance_seconds(13 * DAY_S);
        let answer = shop.refresh(&session.refresh_token).await;
        session = shop.session(&answer);
    }
    shop.clock.advance_seconds(DAY_S);
    let answer = shop.refresh(&session.refresh_token).await;
    assert_eq!(answer.body["refresh_expires_in"], json!(3 * DAY_S));
    shop.clock.advance_seconds(3 * DAY_S - 1);
    let answer = shop.refresh(answer.text("refresh_token")).await;
    assert_eq!(answer.body["refresh_expires_in"], json!(1));
    shop.clock.advance_seconds(1);
    assert!(is_refused(&shop.refresh(answer.text("refresh_token")).await));
}

#[tokio::test]
async fn whatever_is_no_good_token_is_refused_alike() {
    let shop = Shop::open().await;
    let session = shop.member("mina@shop.example").await;
    let unknown = format!("souk_rt_{}", "A".repeat(43));
    let mut seen = Vec::new();
    for body in [
        json!({"refresh_token": unknown}),
        json!({"refresh_token": ""}),
        json!({"refresh_token": "x".repeat(100_000)}),
        json!({"refresh_token": session.refresh_token.replace("souk_rt_", "")}),
        json!({"refresh_token": format!("{}=", session.refresh_token)}),
        json!({"refresh_token": Value::Null}),
        json!({}),
    ] {
        let answer = shop.post(&Who::nobody(), "/api/v1/token/refresh", &body).await;
        assert!(is_refused(&answer), "{answer:?}");
        seen.push(answer.bytes);
    }
    let bare = shop.call(&Who::nobody(), "POST", "/api/v1/token/refresh").await;
    assert!(is_refused(&bare));
    assert!(seen.iter().all(|bytes| *bytes == bare.bytes));
    let refused = shop.post(&Who::nobody(), "/api/v1/token/refresh", &json!({"refresh_token": 5, "x": 1})).await;
    assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec!["/refresh_token", "/x"]));
}

#[tokio::test]
async fn a_host_that_cannot_sign_uses_no_token_up() {
    let shop = Shop::open().await;
    let session = shop.member("mina@shop.example").await;
    shop.identity.set_away(true);
    let refused = shop.refresh(&session.refresh_token).await;
    assert_eq!((refused.refusal(), refused.field("retry-after")), ((503, "about:blank"), "2"));
    shop.identity.set_away(false);
    assert_eq!(shop.refresh(&session.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_second_use_is_repeated_until_it_is_revoked() {
    let shop = Shop::open().await;
    let session = shop.member("mina@shop.example").await;
    assert_eq!(shop.refresh(&session.refresh_token).await.status, 200);
    shop.identity.set_away(true);
    assert_eq!(shop.refresh(&session.refresh_token).await.status, 503);
    shop.identity.set_away(false);
    assert!(is_refused(&shop.refresh(&session.refresh_token).await));
    assert_eq!(shop.identity.revoked(), [session.id.as_str()]);
}

#[tokio::test]
async fn a_session_that_ends_while_its_token_is_signed_gives_none() {
    let shop = Arc::new(Shop::open().await);
    let session = shop.member("mina@shop.example").await;
    let (there, who) = (Arc::clone(&shop), session.who.clone());
    shop.identity.before_signing(async move {
        assert_eq!(there.call(&who, "POST", "/api/v1/logout").await.status, 204);
    });
    assert!(is_refused(&shop.refresh(&session.refresh_token).await));
}

#[tokio::test]
async fn roles_that_change_while_a_token_is_signed_are_in_it() {
    let shop = Arc::new(Shop::open().await);
    let session = shop.staff("sam@shop.example", &["merchant"]).await;
    let (there, id, tag) = (Arc::clone(&shop), session.account.clone(), shop.tag(&session.account).await);
    shop.identity.before_signing(async move {
        let path = format!("/api/v1/users/{id}");
        let patched = there.patch(&Who::foreigner(&["admin"]), &path, &tag, &json!({"roles": ["customer"]})).await;
        assert_eq!(patched.status, 200);
    });
    let answer = shop.refresh(&session.refresh_token).await;
    assert_eq!(shop.identity.caller(answer.text("access_token")).roles, ["customer"]);
}

#[tokio::test]
async fn a_session_has_so_many_refreshes() {
    let shop = Shop::open().await;
    let session = shop.member("mina@shop.example").await;
    let almost = sql("UPDATE sessions SET refreshes = 9999").anything();
    let transaction = Transaction { steps: vec![almost], events: vec![] };
    attempt(shop.context.database(), transaction).await.expect("it can be written");
    let last = shop.refresh(&session.refresh_token).await;
    assert_eq!(last.status, 200);
    assert!(is_refused(&shop.refresh(last.text("refresh_token")).await));
}

#[tokio::test]
async fn what_is_over_is_swept_in_small_pieces() {
    let shop = Shop::open().await;
    for number in 0..15 {
        let session = shop.member(&format!("mina{number}@shop.example")).await;
        if number == 0 {
            let mut token = session.refresh_token;
            for _ in 0..120 {
                token = shop.session(&shop.refresh(&token).await).refresh_token;
            }
        }
    }
    assert_eq!((shop.count("sessions").await, shop.count("refresh_tokens").await), (15, 135));
    // The last access token may be good for an hour after the end.
    shop.clock.advance_seconds(14 * DAY_S + 3_599);
    shop.sign_in("mina0@shop.example").await;
    assert_eq!((shop.count("sessions").await, shop.count("refresh_tokens").await), (16, 136));
    shop.clock.advance_seconds(1);
    shop.sign_in("mina0@shop.example").await;
    assert_eq!(shop.count("refresh_tokens").await, 136 - 100 + 1);
    let left = shop.count("sessions").await;
    assert!((7..=17).contains(&left), "{left}");
    for _ in 0..3 {
        shop.sign_in("mina0@shop.example").await;
    }
    assert_eq!((shop.count("sessions").await, shop.count("refresh_tokens").await), (5, 5));
}
