//! Whose a profile is: nobody but its owner and admins learns that it exists.

use http::Request;
use serde_json::{Value, json};
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::request::json_request;

use crate::shop::{ADDRESSES, CUSTOMERS, ME, Shop, address};

const UNKNOWN: &str = "01919191-0000-7000-8000-000000000000";

/// Each route and method that is about a customer by id, with a body that would be good.
fn requests(customer: &str, address_id: &str) -> Vec<(&'static str, String, Option<Value>)> {
    let one = format!("{CUSTOMERS}/{customer}");
    let (addresses, place) = (format!("{one}/addresses"), format!("{one}/addresses/{address_id}"));
    let body = address("Taken", &json!({"default_delivery": true}));
    vec![
        ("GET", one.clone(), None),
        ("PATCH", one.clone(), Some(json!({"name": "Taken"}))),
        ("PATCH", one.clone(), Some(json!({"name": 7}))),
        ("DELETE", one.clone(), None),
        ("GET", addresses.clone(), None),
        ("POST", addresses, Some(body.clone())),
        ("GET", place.clone(), None),
        ("PUT", place.clone(), Some(body)),
        ("DELETE", place, None),
        ("GET", format!("{one}/changes"), None),
        ("GET", format!("{one}/changes?size=0"), None),
    ]
}

async fn send(shop: &Shop, who: &Who, request: &(&'static str, String, Option<Value>), tag: Option<&str>) -> Answer {
    let (method, path, body) = request;
    let media = if *method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let builder = Request::builder().method(*method).uri(path).header("content-type", media);
    let builder = tag.iter().fold(builder, |builder, tag| builder.header("if-match", *tag));
    shop.send(who, builder, body.as_ref().map(Value::to_string).unwrap_or_default()).await
}

#[tokio::test]
async fn anothers_id_is_to_customers_the_id_of_nobody() {
    let shop = Shop::open().await;
    let (mina, sam) = (Who::named("mina"), Who::named("sam"));
    let (id, own) = (shop.customer(&mina, "Mina").await, shop.customer(&sam, "Sam").await);
    let place = shop.add(&mina, "Berlin", &json!({})).await;
    let before = shop.all_cells().await;
    let tag = shop.tag(&mina, ME).await;
    let strangers = [
        sam,
        Who::named("has-no-profile"),
        Who::with_roles("merchant", &["merchant", "customer"]),
        Who::with_roles("nothing", &[]),
        Who::with_roles("shouts", &["Admin", "administrator", "admin "]),
        // Another issuer's, with the same subject.
        Who::of("https://other.example/|mina", &["customer"]),
        // Not even the owner, who has a route of their own.
        mina.clone(),
    ];
    for who in &strangers {
        for tag in [None, Some("*"), Some(tag.as_str()), Some("nonsense")] {
            let known = requests(&id, &place);
            for (known, unknown) in known.iter().zip(requests(UNKNOWN, UNKNOWN)) {
                let (known_answer, unknown_answer) =
                    (send(&shop, who, known, tag).await, send(&shop, who, &unknown, tag).await);
                assert_eq!(known_answer.refusal(), (404, "about:blank"), "{known:?} {who:?}");
                assert_eq!(known_answer.bytes, unknown_answer.bytes, "{known:?} {who:?}");
                assert_eq!(known_answer.headers, unknown_answer.headers, "{known:?} {who:?}");
            }
        }
    }
    // What is no id at all, and methods that no route has, are the same for everybody's ids, too.
    for (method, rest) in [("PUT", ""), ("POST", ""), ("PATCH", "/addresses"), ("DELETE", "/changes")] {
        let [known, unknown, own] = [&*id, UNKNOWN, &*own].map(|id| format!("{CUSTOMERS}/{id}{rest}"));
        let known = shop.call(&strangers[0], method, &known).await;
        assert_eq!(known.status, 405, "{method} {rest}");
        for other in [unknown, own] {
            let other = shop.call(&strangers[0], method, &other).await;
            assert_eq!((&known.bytes, &known.headers), (&other.bytes, &other.headers), "{method} {rest}");
        }
    }
    assert_eq!(shop.get(&strangers[0], &format!("{CUSTOMERS}/a%20b")).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.all_cells().await, before);
}

#[tokio::test]
async fn anothers_address_is_no_address_of_ones_own() {
    let shop = Shop::open().await;
    let (mina, sam) = (Who::named("mina"), Who::named("sam"));
    for (who, name) in [(&mina, "Mina"), (&sam, "Sam")] {
        shop.customer(who, name).await;
    }
    let theirs = shop.add(&mina, "Berlin", &json!({})).await;
    shop.add(&sam, "Bonn", &json!({})).await;
    let before = shop.all_cells().await;
    let tag = shop.tag(&mina, &format!("{ADDRESSES}/{theirs}")).await;
    let body = address("Taken", &json!({"default_delivery": true, "default_invoice": true}));
    let sams_id = shop.get(&sam, ME).await.text("id").to_owned();
    for (who, base) in [(&sam, ADDRESSES.to_owned()), (&Who::admin(), format!("{CUSTOMERS}/{sams_id}/addresses"))] {
        let [known, unknown] = [&*theirs, UNKNOWN].map(|id| format!("{base}/{id}"));
        for tag in ["*", tag.as_str(), "\"x\""] {
            for (known, unknown) in [
                (shop.get(who, &known).await, shop.get(who, &unknown).await),
                (shop.put(who, &known, tag, &body).await, shop.put(who, &unknown, tag, &body).await),
                (shop.delete(who, &known, tag).await, shop.delete(who, &unknown, tag).await),
            ] {
                assert_eq!(known.refusal(), (404, "about:blank"));
                assert_eq!((&known.bytes, &known.headers), (&unknown.bytes, &unknown.headers));
            }
        }
    }
    assert_eq!(shop.all_cells().await, before);
}

#[tokio::test]
async fn nobody_is_asked_to_sign_in_wherever_they_come() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let id = shop.customer(&mina, "Mina").await;
    let place = shop.add(&mina, "Berlin", &json!({})).await;
    let mut all = requests(&id, &place);
    all.extend(requests(UNKNOWN, UNKNOWN));
    all.extend(requests("me", &place));
    all.extend([("GET", CUSTOMERS.to_owned(), None), ("PUT", ME.to_owned(), Some(json!({"name": "Taken"})))]);
    for request in &all {
        for tag in [None, Some("*")] {
            let refused = send(&shop, &Who::nobody(), request, tag).await;
            let said = (refused.refusal(), refused.field("www-authenticate"));
            assert_eq!(said, ((401, "about:blank"), "Bearer"), "{request:?}");
        }
    }
    let created = json_request("PUT", ME).header("if-none-match", "*");
    assert_eq!(shop.send(&Who::nobody(), created, r#"{"name":"Nobody"}"#).await.status, 401);
    assert_eq!(shop.count("customers").await, 1);
}

#[tokio::test]
async fn an_admin_does_by_id_what_the_owner_does() {
    let shop = Shop::open().await;
    let (mina, ada) = (Who::named("mina"), Who::admin());
    let id = shop.customer(&mina, "Mina").await;
    let one = format!("{CUSTOMERS}/{id}");
    let own = shop.get(&mina, ME).await;
    let read = shop.get(&ada, &one).await;
    assert_eq!((read.status, &read.body, read.tag()), (200, &own.body, own.tag()));
    assert_eq!(read.field("cache-control"), "private, no-cache");
    let renamed = shop.patch(&ada, &one, read.tag(), &json!({"name": "Mina Harker"})).await;
    assert_eq!((renamed.status, renamed.text("name")), (200, "Mina Harker"));
    assert_eq!(shop.patch(&ada, &one, read.tag(), &json!({"name": "Late"})).await.refusal(), (412, "about:blank"));

    let added = shop.post(&ada, &format!("{one}/addresses"), &address("Berlin", &json!({}))).await;
    let place = format!("{one}/addresses/{}", added.text("id"));
    assert_eq!((added.status, added.field("location")), (201, &*place));
    let seen = shop.get(&mina, &format!("{ADDRESSES}/{}", added.text("id"))).await;
    assert_eq!((&seen.body, seen.tag()), (&added.body, added.tag()));
    assert_eq!(shop.get(&ada, &format!("{one}/addresses")).await.each("city"), ["Berlin"]);
    let moved = shop.put(&ada, &place, added.tag(), &address("Bonn", &json!({}))).await;
    assert_eq!(moved.text("city"), "Bonn");
    assert_eq!(shop.delete(&ada, &place, moved.tag()).await.status, 204);
    // What an admin has of their own is another profile.
    assert_eq!(shop.get(&ada, ME).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.delete(&ada, &one, renamed.tag()).await.status, 204);
    assert_eq!(shop.get(&mina, ME).await.refusal(), (404, "no-profile"));
}

#[tokio::test]
async fn to_an_admin_an_id_that_nobody_has_is_unknown() {
    let shop = Shop::open().await;
    for request in requests(UNKNOWN, UNKNOWN) {
        let answer = send(&shop, &Who::admin(), &request, Some("*")).await;
        let status = if request.1.contains("size=0") { 400 } else { 404 };
        assert_eq!(answer.status, status, "{request:?} {answer:?}");
    }
    for id in ["me%20", "a%2Fb", "%00", &"x".repeat(65)] {
        assert_eq!(shop.get(&Who::admin(), &format!("{CUSTOMERS}/{id}")).await.refusal(), (404, "about:blank"));
    }
    // A profile is made by its owner only.
    let creation = Request::patch(format!("{CUSTOMERS}/{UNKNOWN}"))
        .header("content-type", "application/merge-patch+json")
        .header("if-none-match", "*");
    assert_eq!(shop.send(&Who::admin(), creation, r#"{"name":"X"}"#).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.count("customers").await, 0);
}

#[tokio::test]
async fn a_caller_without_an_issuer_is_a_fault_of_the_gateway() {
    let shop = Shop::open().await;
    let bare = Who::of("mina", &["customer"]);
    assert_eq!(shop.get(&bare, ME).await.refusal(), (500, "about:blank"));
    assert_eq!(shop.create(&bare, &json!({"name": "Mina"})).await.status, 500);
}
