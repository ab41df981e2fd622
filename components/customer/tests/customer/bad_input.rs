//! What is refused, and how: all faults at once, none of them with what was sent.

use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::request::json_request;

use crate::shop::{ADDRESSES, ME, Shop, address};

#[tokio::test]
async fn all_faults_of_a_profile_are_told_at_once() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let body = json!({
        "email": "mina", "phone": "030 123", "language": "german", "marketing_consent": "yes", "status": "deleted",
        "id": "x", "account": "a|b", "addresses": [], "version": 7,
    });
    let refused = shop.create(&mina, &body).await;
    assert_eq!(refused.refusal(), (422, "invalid-body"));
    let mut faults = refused.faults();
    faults.sort_unstable();
    let expected = [
        "/account",
        "/addresses",
        "/email",
        "/id",
        "/language",
        "/marketing_consent",
        "/name",
        "/phone",
        "/status",
        "/version",
    ];
    assert_eq!(faults, expected);
    assert_eq!(shop.count("customers").await, 0);
}

#[tokio::test]
async fn a_profile_holds_what_is_within_the_limits() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let tag = shop.create(&mina, &json!({"name": "茶".repeat(100)})).await.tag().to_owned();
    let long_email = format!("{}@b.example", "a".repeat(245));
    for (member, value) in [
        ("name", json!("ü".repeat(101))),
        ("name", json!("")),
        ("name", json!(" Mina")),
        ("name", json!("Mi\u{0}na")),
        ("name", json!("Mi\u{202}na\u{7f}")),
        ("name", json!(7)),
        ("email", json!(long_email)),
        ("email", json!("a b@c.example")),
        ("email", json!(["a@b.example"])),
        ("phone", json!("+0301234567")),
        ("phone", json!("+1234567890123456")),
        ("language", json!("de_DE")),
        ("marketing_consent", json!(1)),
        ("marketing_consent_at", json!("2026-11-20T10:00:00.000Z")),
        ("created_at", json!("2026-11-20T10:00:00.000Z")),
        ("colour", json!("blue")),
    ] {
        let refused = shop.patch(&mina, ME, &tag, &json!({member: value})).await;
        let fault = format!("/{member}");
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![&*fault]), "{member} {value}");
    }
    assert_eq!(shop.tag(&mina, ME).await, tag);
}

#[tokio::test]
async fn all_faults_of_an_address_are_told_at_once() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let body = json!({
        "label": "", "lines": ["a", "", "c\n", 7], "postal_code": "x".repeat(21), "city": "x".repeat(101),
        "region": " ", "country": "de", "default_delivery": 1, "default_invoice": "true", "id": "x", "version": 1,
        "default": true,
    });
    let refused = shop.post(&mina, ADDRESSES, &body).await;
    assert_eq!(refused.refusal(), (422, "invalid-body"));
    let mut faults = refused.faults();
    faults.sort_unstable();
    let expected = [
        "/city",
        "/country",
        "/default",
        "/default_delivery",
        "/default_invoice",
        "/id",
        "/label",
        "/lines/1",
        "/lines/2",
        "/lines/3",
        "/postal_code",
        "/recipient",
        "/region",
        "/version",
    ];
    assert_eq!(faults, expected);
    for (lines, fault) in [
        (json!([]), "/lines"),
        (json!(["a", "b", "c", "d", "e"]), "/lines"),
        (json!("a"), "/lines"),
        (Value::Null, "/lines"),
        (json!(["x".repeat(101)]), "/lines/0"),
    ] {
        let refused = shop.post(&mina, ADDRESSES, &address("Bonn", &json!({"lines": lines}))).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![fault]), "{lines}");
    }
    assert_eq!(shop.count("addresses").await, 0);
    let longest = json!({
        "label": "ü".repeat(50), "recipient": "茶".repeat(100), "lines": vec!["茶".repeat(100); 4],
        "postal_code": "9".repeat(20), "region": "茶".repeat(100),
    });
    let id = shop.add(&mina, &"茶".repeat(100), &longest).await;
    let read = shop.get(&mina, &format!("{ADDRESSES}/{id}")).await;
    assert_eq!((&read.body["lines"], &read.body["region"]), (&longest["lines"], &longest["region"]));
}

#[tokio::test]
async fn no_refusal_repeats_what_was_sent() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let secret = "s3cret-".repeat(40);
    let profile = json!({"name": secret, "email": secret, "phone": secret, "language": secret});
    let place = json!({"recipient": secret, "lines": [secret], "city": secret, "country": secret, "label": secret});
    for refused in [
        shop.create(&Who::named("sam"), &profile).await,
        shop.patch(&mina, ME, "*", &profile).await,
        shop.post(&mina, ADDRESSES, &place).await,
        shop.get(&mina, &format!("{ADDRESSES}/{secret}")).await,
    ] {
        assert!(refused.status >= 400 && !String::from_utf8_lossy(&refused.bytes).contains("s3cret"), "{refused:?}");
    }
}

#[tokio::test]
async fn routes_methods_and_conditions_that_do_not_exist() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    for path in ["/", "/api/v1/customer", "/api/v1/customers/", "/api/v1/customers/me/", "/api/v1/customers/a/b/c/d"] {
        assert_eq!(shop.get(&mina, path).await.refusal(), (404, "about:blank"), "{path}");
    }
    for (path, allow) in
        [(ME, "GET,HEAD,PATCH,DELETE,PUT"), (ADDRESSES, "GET,HEAD,POST"), ("/api/v1/customers", "GET,HEAD")]
    {
        let answer = shop.call(&mina, "TRACE", path).await;
        assert_eq!((answer.refusal(), answer.field("allow")), ((405, "about:blank"), allow));
        assert_eq!(shop.call(&mina, "OPTIONS", path).await.status, 204);
    }
    let both = json_request("PUT", ME).header("if-match", "*").header("if-none-match", "*");
    assert_eq!(shop.send(&mina, both, r#"{"name":"Mina"}"#).await.refusal(), (400, "about:blank"));
    let broken = json_request("PUT", ME).header("if-match", "1");
    assert_eq!(shop.send(&mina, broken, r#"{"name":"Mina"}"#).await.refusal(), (400, "about:blank"));
}
