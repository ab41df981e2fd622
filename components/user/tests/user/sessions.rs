//! Sessions, seen and ended by their owner.

use serde_json::json;

use crate::shop::{Shop, Who};

const SESSIONS: &str = "/api/v1/me/sessions";

#[tokio::test]
async fn sessions_are_listed_newest_first_in_pages() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    shop.member("other@shop.example").await;
    shop.clock.advance_seconds(60);
    let second = shop.sign_in("mina@shop.example").await;
    shop.clock.advance_seconds(60);
    shop.refresh(&first.refresh_token).await;
    let list = shop.get(&second.who, SESSIONS).await;
    let expected = json!([
        {"id": second.id, "created_at": "2026-11-20T10:01:00.000Z", "last_used_at": "2026-11-20T10:01:00.000Z", "current": true},
        {"id": first.id, "created_at": "2026-11-20T10:00:00.000Z", "last_used_at": "2026-11-20T10:02:00.000Z", "current": false},
    ]);
    assert_eq!((list.status, &list.body["items"], &list.body["total"]), (200, &expected, &json!(2)));
    assert_eq!(list.field("cache-control"), "private, no-cache");
    let page = shop.get(&first.who, &format!("{SESSIONS}?size=1&page=2")).await;
    assert_eq!((page.items().len(), &page.items()[0]["current"]), (1, &json!(true)));
    assert!(page.field("link").contains("rel=\"prev\""));
    let refused = shop.get(&first.who, &format!("{SESSIONS}?q=x")).await;
    assert_eq!(refused.refusal(), (400, "invalid-query"));
}

#[tokio::test]
async fn what_is_over_is_not_listed() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    shop.clock.advance_seconds(13 * 86_400);
    let second = shop.sign_in("mina@shop.example").await;
    shop.clock.advance_seconds(86_400);
    let list = shop.get(&second.who, SESSIONS).await;
    assert_eq!((list.items().len(), &list.items()[0]["id"]), (1, &json!(second.id)));
    assert_eq!(shop.refresh(&first.refresh_token).await.status, 401);
}

#[tokio::test]
async fn signing_out_ends_the_session_of_the_request() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    // Twice: whoever lost the answer repeats the request.
    for _ in 0..2 {
        assert_eq!(shop.call(&first.who, "POST", "/api/v1/logout").await.status, 204);
        assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
    }
    assert_eq!(shop.refresh(&first.refresh_token).await.refusal(), (401, "invalid-refresh-token"));
    assert_eq!(shop.get(&first.who, "/api/v1/me").await.refusal(), (401, "session-over"));
    assert_eq!(shop.refresh(&second.refresh_token).await.status, 200);
}

#[tokio::test]
async fn signing_out_everywhere_ends_them_all() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    let other = shop.member("other@shop.example").await;
    assert_eq!(shop.call(&first.who, "POST", "/api/v1/logout/everywhere").await.status, 204);
    let mut revoked = shop.identity.revoked();
    revoked.sort_unstable();
    assert_eq!(revoked, [first.id.as_str(), second.id.as_str()]);
    for session in [&first, &second] {
        assert_eq!(shop.refresh(&session.refresh_token).await.status, 401);
    }
    assert_eq!(shop.refresh(&other.refresh_token).await.status, 200);
}

#[tokio::test]
async fn a_session_is_ended_by_its_id() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    let path = format!("{SESSIONS}/{}", first.id);
    assert_eq!(shop.call(&second.who, "DELETE", &path).await.status, 204);
    assert_eq!(shop.identity.revoked(), [first.id.as_str()]);
    assert_eq!(shop.refresh(&first.refresh_token).await.status, 401);
    assert_eq!(shop.refresh(&second.refresh_token).await.status, 200);
    assert_eq!(shop.get(&second.who, SESSIONS).await.body["total"], 1);
}

#[tokio::test]
async fn another_ones_session_is_none() {
    let shop = Shop::open().await;
    let mina = shop.member("mina@shop.example").await;
    let other = shop.member("other@shop.example").await;
    let mut seen = Vec::new();
    for id in [other.id.as_str(), "01919191-0000-7000-8000-000000000000", "x", "%ff", "a%2Fb"] {
        let refused = shop.call(&mina.who, "DELETE", &format!("{SESSIONS}/{id}")).await;
        assert_eq!(refused.refusal(), (404, "about:blank"), "{id}");
        seen.push(refused.bytes);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(shop.identity.revoked(), Vec::<String>::new());
    assert_eq!(shop.refresh(&other.refresh_token).await.status, 200);
}

#[tokio::test]
async fn what_could_not_be_revoked_is_ended_all_the_same_and_repeating_revokes_it() {
    for (method, path) in [
        ("POST", "/api/v1/logout".to_owned()),
        ("POST", "/api/v1/logout/everywhere".to_owned()),
        ("DELETE", SESSIONS.to_owned()),
        ("DELETE", "own".to_owned()),
    ] {
        let shop = Shop::open().await;
        let first = shop.member("mina@shop.example").await;
        let second = shop.sign_in("mina@shop.example").await;
        let (who, ended, path) = match (method, &*path) {
            ("DELETE", "own") => (&first.who, &first, format!("{SESSIONS}/{}", first.id)),
            ("DELETE", _) => (&second.who, &first, format!("{path}/{}", first.id)),
            _ => (&first.who, &first, path),
        };
        shop.identity.set_away(true);
        let refused = shop.call(who, method, &path).await;
        assert_eq!((refused.refusal(), refused.field("retry-after")), ((503, "about:blank"), "2"));
        assert!(refused.headers.get("set-cookie").is_none());
        shop.identity.set_away(false);
        assert_eq!(shop.refresh(&ended.refresh_token).await.status, 401);
        assert_eq!(shop.call(who, method, &path).await.status, 204);
        assert!(shop.identity.revoked().contains(&ended.id));
    }
}

#[tokio::test]
async fn a_session_that_was_ended_long_ago_is_none() {
    let shop = Shop::open().await;
    let first = shop.member("mina@shop.example").await;
    let second = shop.sign_in("mina@shop.example").await;
    let path = format!("{SESSIONS}/{}", first.id);
    assert_eq!(shop.call(&second.who, "DELETE", &path).await.status, 204);
    shop.clock.advance_seconds(3_599);
    assert_eq!(shop.call(&second.who, "DELETE", &path).await.status, 204);
    shop.clock.advance_seconds(1);
    assert_eq!(shop.call(&second.who, "DELETE", &path).await.status, 404);
    assert_eq!(shop.get(&Who::nobody(), SESSIONS).await.status, 401);
}
