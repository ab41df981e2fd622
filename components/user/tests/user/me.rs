//! What the owner of an account does with it.

use std::sync::Arc;

use http::Request;
use serde_json::{Value, json};

use crate::shop::{Answer, PASSWORD, Session, Shop, Who, at_once, json_request};

const ME: &str = "/api/v1/me";

async fn put_password(shop: &Shop, session: &Session, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new}).to_string();
    shop.send(&session.who, json_request("PUT", "/api/v1/me/password"), body).await
}

#[tokio::test]
async fn an_account_is_read_by_its_owner_and_not_again_while_it_is_the_same() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let read = shop.get(&mina.who, ME).await;
    assert_eq!(
        (read.status, read.text("email"), read.field("cache-control")),
        (200, "mina@shop.example", "private, no-cache")
    );
    let again = Request::get(ME).header("if-none-match", read.tag());
    assert_eq!(shop.send(&mina.who, again, "").await.status, 304);
}

#[tokio::test]
async fn the_owner_changes_the_name_of_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let read = shop.get(&mina.who, ME).await;
    shop.events();
    shop.clock.advance_seconds(5);
    let renamed = shop.patch(&mina.who, ME, read.tag(), &json!({"name": "Mina Harker"})).await;
    assert_eq!((renamed.status, renamed.text("name"), &renamed.body["version"]), (200, "Mina Harker", &json!(2)));
    assert_eq!(renamed.text("updated_at"), "2026-11-20T10:00:05.000Z");
    let told = json!({
        "id": mina.account, "email": "mina@shop.example", "name": "Mina Harker", "roles": ["customer"],
        "status": "active", "version": 2,
    });
    assert_eq!(shop.events(), [("user.changed".to_owned(), told)]);
    assert_eq!(shop.patch(&mina.who, ME, read.tag(), &json!({"name": "Late"})).await.refusal(), (412, "about:blank"));
    let bare = Request::patch(ME).header("content-type", "application/merge-patch+json");
    assert_eq!(shop.send(&mina.who, bare, r#"{"name":"X"}"#).await.refusal(), (428, "about:blank"));
    assert_eq!(shop.patch(&mina.who, ME, renamed.tag(), &json!({"name": null})).await.faults(), ["/name"]);
    let plain = json_request("PATCH", ME).header("if-match", renamed.tag());
    assert_eq!(shop.send(&mina.who, plain, r#"{"name":"X"}"#).await.refusal(), (415, "about:blank"));
    assert_eq!(shop.get(&mina.who, ME).await.body, renamed.body);
    assert_eq!(shop.identity.revoked(), Vec::<String>::new());
}

#[tokio::test]
async fn nobody_gives_themselves_a_role() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let before = shop.get(&mina.who, ME).await;
    for (member, value) in [
        ("roles", json!(["admin"])),
        ("id", json!("other")),
        ("email", json!("other@shop.example")),
        ("status", json!("disabled")),
        ("version", json!(7)),
        ("password", json!("another long one")),
        ("is_admin", json!(1)),
        ("family", json!("x")),
    ] {
        let refused = shop.patch(&mina.who, ME, before.tag(), &json!({"name": "Other", member: value})).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![&*format!("/{member}")]));
    }
    let reason = shop.patch(&mina.who, ME, before.tag(), &json!({"roles": ["admin"]})).await;
    assert_eq!(reason.body["errors"][0]["detail"], "are given by an admin");
    let after = shop.get(&mina.who, ME).await;
    assert_eq!((&after.body, after.tag()), (&before.body, before.tag()));
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    let other = shop.member("other@shop.example").await;
    let answer = put_password(&shop, &second, PASSWORD, "another long one").await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0));
    assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
    assert_eq!(shop.refresh(&first.refresh_token).await.status, 401);
    assert_eq!(shop.get(&first.who, ME).await.refusal(), (401, "session-over"));
    assert_eq!(shop.refresh(&second.refresh_token).await.status, 200);
    assert_eq!(shop.refresh(&other.refresh_token).await.status, 200);
    assert_eq!(shop.login("mina@shop.example", PASSWORD).await.status, 401);
    assert_eq!(shop.login("mina@shop.example", "another long one").await.status, 200);
}

#[tokio::test]
async fn a_new_password_follows_the_rules_and_the_old_one_must_be_right() {
    let shop = Shop::open().await;
    let mina = shop.member("mina.harker@shop.example").await;
    for (new, faults) in [
        ("short", ["/new_password"]),
        ("password123", ["/new_password"]),
        ("Mina.Harker@shop.example", ["/new_password"]),
        ("mina.harker", ["/new_password"]),
    ] {
        let refused = put_password(&shop, &mina, PASSWORD, new).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), faults.to_vec()), "{new}");
    }
    assert_eq!(put_password(&shop, &mina, "wrong", "another long one").await.refusal(), (403, "wrong-password"));
    shop.identity.set_busy(true);
    assert_eq!(put_password(&shop, &mina, PASSWORD, "another long one").await.refusal(), (503, "about:blank"));
    shop.identity.set_busy(false);
    assert_eq!(shop.column("attempts", "failures").await, ["1"]);
    // The right one ends the count, also where the new one can't be hashed now.
    shop.identity.set_busy_hashing(true);
    assert_eq!(put_password(&shop, &mina, PASSWORD, "another long one").await.refusal(), (503, "about:blank"));
    shop.identity.set_busy_hashing(false);
    assert_eq!(shop.count("attempts").await, 0);
    assert_eq!(shop.login("mina.harker@shop.example", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_new_password_can_be_repeated_when_the_old_tokens_could_not_be_revoked() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    shop.identity.set_away(true);
    assert_eq!(put_password(&shop, &second, PASSWORD, "another long one").await.status, 503);
    shop.identity.set_away(false);
    assert_eq!(put_password(&shop, &second, "another long one", "another long one").await.status, 204);
    assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_new_passwords_at_once_one_is_kept() {
    let shop = Arc::new(Shop::open().await);
    let mina = shop.member("mina@shop.example").await;
    let answers = at_once(2, |number| {
        let (shop, mina) = (Arc::clone(&shop), mina.clone());
        async move { put_password(&shop, &mina, PASSWORD, &format!("another long one {number}")).await.status }
    });
    let answers = answers.await;
    // The second looks at the old password or at the new one: it comes too late, or is wrong.
    assert!(matches!(answers[..], [204, 409 | 403] | [409 | 403, 204]), "{answers:?}");
    let kept = format!("another long one {}", usize::from(answers[0] != 204));
    assert_eq!(shop.login("mina@shop.example", &kept).await.status, 200);
}

#[tokio::test]
async fn who_is_kept_elsewhere_has_no_account_here() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let sub = format!("https://id.example/|{}", mina.account);
    let no_family = Who::said(&json!({"sub": sub, "roles": ["customer"]}));
    let no_issuer = Who::said(&json!({"sub": mina.account, "roles": ["customer"], "family": mina.id}));
    for (method, path) in [
        ("GET", ME),
        ("PATCH", ME),
        ("PUT", "/api/v1/me/password"),
        ("GET", "/api/v1/me/sessions"),
        ("DELETE", "/api/v1/me/sessions/x"),
        ("POST", "/api/v1/logout"),
        ("POST", "/api/v1/logout/everywhere"),
    ] {
        for elsewhere in [&no_family, &no_issuer, &Who::foreigner(&["admin"])] {
            assert_eq!(
                shop.call(elsewhere, method, path).await.refusal(),
                (403, "account-elsewhere"),
                "{method} {path}"
            );
        }
        assert_eq!(shop.call(&Who::nobody(), method, path).await.refusal(), (401, "about:blank"), "{method} {path}");
    }
    // A session of somebody else's account opens nothing.
    let sam = shop.member("sam@shop.example").await;
    let mixed = Who::said(&json!({"sub": format!("https://shop.example/|{}", mina.account), "family": sam.id}));
    assert_eq!(shop.get(&mixed, ME).await.refusal(), (401, "session-over"));
    assert_eq!(shop.call(&mixed, "POST", "/api/v1/logout").await.status, 204);
    assert_eq!(shop.get(&sam.who, ME).await.status, 200);
}

#[tokio::test]
async fn routes_and_methods_that_do_not_exist() {
    let shop = Shop::open().await;
    for path in ["/", "/api/v1/nothing", "/api/v1/me/", "/api/v1/users/x/y", "/api/v1/token"] {
        assert_eq!(shop.get(&Who::nobody(), path).await.refusal(), (404, "about:blank"), "{path}");
    }
    for (path, allow) in [(ME, "GET,HEAD,PATCH"), ("/api/v1/login", "POST"), ("/api/v1/users/x", "GET,HEAD,PATCH")] {
        let answer = shop.call(&Who::nobody(), "DELETE", path).await;
        assert_eq!((answer.refusal(), answer.field("allow")), ((405, "about:blank"), allow));
    }
    assert_eq!(shop.post(&Who::nobody(), "/api/v1/login", &Value::Null).await.status, 422);
}
