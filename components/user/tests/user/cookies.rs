//! Tokens in cookies, for browsers.

use http::Request;
use serde_json::json;

use crate::shop::{Answer, PASSWORD, Shop, Who};

/// The cookies of an answer: name, value, attributes.
fn cookies(answer: &Answer) -> Vec<(String, String, String)> {
    let lines = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().expect("it is ASCII"));
    let parts = lines.map(|line| {
        let (pair, attributes) = line.split_once("; ").expect("it has attributes");
        let (name, value) = pair.split_once('=').expect("it has a value");
        (name.to_owned(), value.to_owned(), attributes.to_owned())
    });
    parts.collect()
}

async fn signed_in(shop: &Shop) -> Vec<(String, String, String)> {
    let body = json!({"email": "mina@shop.example", "password": PASSWORD, "session": "cookie"});
    let answer = shop.post(&Who::nobody(), "/api/v1/login", &body).await;
    assert_eq!((answer.status, answer.field("cache-control")), (200, "no-store"));
    assert_eq!(answer.body, json!({"expires_in": 600, "refresh_expires_in": 1_209_600}));
    cookies(&answer)
}

async fn refresh(shop: &Shop, cookie: &str, fields: &[(&str, &str)]) -> Answer {
    let request = Request::post("/api/v1/token/refresh").header("host", "shop.example").header("cookie", cookie);
    let request = fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    shop.send(&Who::nobody(), request, "").await
}

#[tokio::test]
async fn cookies_have_all_their_attributes() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let cookies = signed_in(&shop).await;
    let [(access, token, access_attributes), (refresh, refresh_token, refresh_attributes)] = &cookies[..] else {
        panic!("{cookies:?}");
    };
    assert_eq!(access, "__Host-souk-access");
    assert_eq!(access_attributes, "Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=600");
    assert_eq!(shop.identity.caller(token).roles, ["customer"]);
    assert_eq!(refresh, "__Secure-souk-refresh");
    assert_eq!(refresh_attributes, "Path=/api/v1/token; HttpOnly; Secure; SameSite=Strict; Max-Age=1209600");
    assert!(refresh_token.starts_with("souk_rt_"));
}

#[tokio::test]
async fn a_refresh_cookie_gives_cookies_again() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let token = signed_in(&shop).await.remove(1).1;
    let same = [("sec-fetch-site", "same-origin")];
    let answer = refresh(&shop, &format!("a=b; __Secure-souk-refresh={token}; c=d"), &same).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"expires_in": 600, "refresh_expires_in": 1_209_600})));
    let next = cookies(&answer);
    assert_eq!((next.len(), &*next[0].0), (2, "__Host-souk-access"));
    // The empty object is an empty body, too.
    let request = Request::post("/api/v1/token/refresh").header("content-type", "application/json");
    let request = request.header("cookie", format!("__Secure-souk-refresh={}", next[1].1)).header(same[0].0, same[0].1);
    let third = shop.send(&Who::nobody(), request, "{}").await;
    assert_eq!((third.status, cookies(&third).len()), (200, 2));
    // The second use of the first one ends the session in either form.
    assert_eq!(shop.refresh(&token).await.refusal(), (401, "invalid-refresh-token"));
    let last = cookies(&third).remove(1).1;
    assert_eq!(refresh(&shop, &format!("__Secure-souk-refresh={last}"), &same).await.status, 401);
}

#[tokio::test]
async fn a_token_in_the_body_needs_no_cookie_and_gives_none() {
    let shop = Shop::open().await;
    let session = shop.member("mina@shop.example").await;
    let request = Request::post("/api/v1/token/refresh").header("content-type", "application/json");
    let request = request.header("cookie", "__Secure-souk-refresh=other").header("sec-fetch-site", "cross-site");
    let body = json!({"refresh_token": session.refresh_token}).to_string();
    let answer = shop.send(&Who::nobody(), request, body).await;
    assert_eq!((answer.status, cookies(&answer).len()), (200, 0));
    assert_eq!(answer.text("token_type"), "Bearer");
}

#[tokio::test]
async fn a_page_of_another_site_cannot_use_the_cookie() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let token = signed_in(&shop).await.remove(1).1;
    let cookie = format!("__Secure-souk-refresh={token}");
    for fields in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "Same-Origin")],
        &[("sec-fetch-site", "cross-site"), ("origin", "https://shop.example")],
        &[("origin", "https://evil.example")],
        &[("origin", "https://evil.shop.example")],
        &[("origin", "https://shop.example.evil.example")],
        &[("origin", "https://shop.example:8443")],
        &[("origin", "null")],
        &[("origin", "shop.example")],
        &[("origin", "")],
    ] {
        let refused = refresh(&shop, &cookie, fields).await;
        assert_eq!(refused.refusal(), (403, "cross-site"), "{fields:?}");
    }
    for (number, fields) in [
        &[("sec-fetch-site", "same-origin")][..],
        &[("sec-fetch-site", "none")],
        &[("origin", "https://shop.example")],
        &[("origin", "https://SHOP.example")],
    ]
    .into_iter()
    .enumerate()
    {
        // None of those above used a token up.
        let token = if number == 0 { token.clone() } else { signed_in(&shop).await.remove(1).1 };
        let answer = refresh(&shop, &format!("__Secure-souk-refresh={token}"), fields).await;
        assert_eq!(answer.status, 200, "{fields:?}");
    }
}

#[tokio::test]
async fn of_two_cookies_none_is_taken() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    let token = signed_in(&shop).await.remove(1).1;
    let same = [("sec-fetch-site", "same-origin")];
    let two = format!("__Secure-souk-refresh={token}; __Secure-souk-refresh={token}");
    assert_eq!(refresh(&shop, &two, &same).await.refusal(), (401, "invalid-refresh-token"));
    assert_eq!(refresh(&shop, &format!("__Secure-souk-refresh={token}"), &same).await.status, 200);
}

#[tokio::test]
async fn signing_out_takes_both_cookies_away() {
    let shop = Shop::open().await;
    shop.register("mina@shop.example").await;
    for path in ["/api/v1/logout", "/api/v1/logout/everywhere"] {
        let session = shop.sign_in("mina@shop.example").await;
        let answer = shop.call(&session.who, "POST", path).await;
        assert_eq!(answer.status, 204);
        let cleared = cookies(&answer);
        let expected = [
            ("__Host-souk-access", "", "Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=0"),
            ("__Secure-souk-refresh", "", "Path=/api/v1/token; HttpOnly; Secure; SameSite=Strict; Max-Age=0"),
        ];
        let expected = expected.map(|(name, value, rest)| (name.to_owned(), value.to_owned(), rest.to_owned()));
        assert_eq!(cleared, expected);
    }
}
