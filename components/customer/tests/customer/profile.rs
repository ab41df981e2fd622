//! One's own profile: made, read, changed.

use std::sync::Arc;

use http::Request;
use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;
use souk_test_services::request::json_request;

use crate::shop::{ME, Shop};

#[tokio::test]
async fn a_profile_is_made_once_by_whoever_has_none() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    assert_eq!(shop.get(&mina, ME).await.refusal(), (404, "no-profile"));
    let body = json!({
        "name": "Mina Harker", "email": "Mina@Shop.Example", "phone": "+49 30/12 34 56", "language": "de-ch",
        "marketing_consent": true,
    });
    let created = shop.create(&mina, &body).await;
    let now = "2026-11-20T10:00:00.000Z";
    let expected = json!({
        "id": created.body["id"], "status": "active", "name": "Mina Harker", "email": "Mina@Shop.Example",
        "phone": "+4930123456", "language": "de-CH", "marketing_consent": true, "marketing_consent_at": now,
        "version": 1, "created_at": now, "updated_at": now,
    });
    assert_eq!((created.status, created.field("location"), &created.body), (201, ME, &expected));
    let read = shop.get(&mina, ME).await;
    assert_eq!((&read.body, read.tag(), read.field("cache-control")), (&expected, created.tag(), "private, no-cache"));
    let unseen = Request::get(ME).header("if-none-match", read.tag());
    let again = shop.send(&mina, unseen, "").await;
    assert_eq!((again.status, again.tag(), again.field("cache-control")), (304, read.tag(), "private, no-cache"));
    assert_eq!(shop.create(&mina, &body).await.refusal(), (412, "about:blank"));
    let told = json!({"id": created.body["id"], "version": 1});
    assert_eq!(shop.events(), [("customer.created".to_owned(), told)]);
    // The id is none of the account's parts, which two issuers could give to two people.
    assert!(!mina.account.contains(created.text("id")));
    let other_issuer = Who::of("https://other.example/|mina", &["customer"]);
    assert_eq!(shop.get(&other_issuer, ME).await.status, 404);
    assert_ne!(shop.customer(&other_issuer, "Mina").await, created.text("id"));
}

#[tokio::test]
async fn a_whole_profile_replaces_the_one_that_was_seen() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let first = shop.create(&mina, &json!({"name": "Mina", "phone": "+12125550100"})).await;
    shop.events();
    shop.clock.advance_seconds(5);
    let second = shop.put(&mina, ME, first.tag(), &json!({"name": "Mina", "email": "mina@shop.example"})).await;
    assert_eq!((second.status, &second.body["phone"], &second.body["version"]), (200, &Value::Null, &json!(2)));
    assert_eq!(second.text("updated_at"), "2026-11-20T10:00:05.000Z");
    assert_eq!(second.text("created_at"), "2026-11-20T10:00:00.000Z");
    let told = json!({"id": first.body["id"], "version": 2, "fields": ["email", "phone"]});
    assert_eq!(shop.events(), [("customer.changed".to_owned(), told)]);
    assert_eq!(shop.put(&mina, ME, first.tag(), &json!({"name": "Late"})).await.refusal(), (412, "about:blank"));
    // The same again is no change.
    let third = shop.put(&mina, ME, second.tag(), &json!({"name": "Mina", "email": "mina@shop.example"})).await;
    assert_eq!((third.status, &third.body, third.tag()), (200, &second.body, second.tag()));
    assert_eq!(shop.events(), []);
    assert_eq!(shop.put(&mina, ME, second.tag(), &json!({"email": "m@shop.example"})).await.faults(), ["/name"]);
    let unconditional = shop.send(&mina, json_request("PUT", ME), r#"{"name":"Mina"}"#).await;
    assert_eq!(unconditional.refusal(), (428, "about:blank"));
    let nobodys = shop.put(&Who::named("sam"), ME, "*", &json!({"name": "Sam"})).await;
    assert_eq!(nobodys.refusal(), (404, "no-profile"));
}

#[tokio::test]
async fn a_patch_changes_what_it_names() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let first = shop.create(&mina, &json!({"name": "Mina", "phone": "+12125550100", "language": "en"})).await;
    let second = shop.patch(&mina, ME, first.tag(), &json!({"phone": null, "email": "mina@shop.example"})).await;
    assert_eq!(second.status, 200, "{second:?}");
    for (member, value) in [
        ("name", json!("Mina")),
        ("phone", Value::Null),
        ("language", json!("en")),
        ("email", json!("mina@shop.example")),
    ] {
        assert_eq!(second.body[member], value, "{member}");
    }
    assert_eq!(shop.patch(&mina, ME, first.tag(), &json!({"name": "Late"})).await.refusal(), (412, "about:blank"));
    let empty = shop.patch(&mina, ME, second.tag(), &json!({})).await;
    assert_eq!((empty.status, empty.tag()), (200, second.tag()));
    let unnamed = shop.patch(&mina, ME, second.tag(), &json!({"name": null, "phone": "1"})).await;
    assert_eq!((unnamed.refusal(), unnamed.faults()), ((422, "invalid-body"), vec!["/name", "/phone"]));
    let bare = Request::patch(ME).header("content-type", "application/merge-patch+json");
    assert_eq!(shop.send(&mina, bare, "{}").await.refusal(), (428, "about:blank"));
    let plain = json_request("PATCH", ME).header("if-match", second.tag());
    assert_eq!(shop.send(&mina, plain, "{}").await.refusal(), (415, "about:blank"));
    assert_eq!(shop.get(&mina, ME).await.body, second.body);
}

#[tokio::test]
async fn the_first_patch_makes_a_profile_too_and_a_name_can_follow() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let patch = |condition: &'static str, value: &str| {
        let request = Request::patch(ME).header("content-type", "application/merge-patch+json");
        request.header(condition, value)
    };
    assert_eq!(shop.send(&mina, patch("if-match", "*"), "{}").await.refusal(), (404, "no-profile"));
    let made = shop.send(&mina, patch("if-none-match", "*"), r#"{"language":"de","name":null}"#).await;
    assert_eq!((made.status, &made.body["name"], &made.body["language"]), (201, &Value::Null, &json!("de")));
    assert_eq!(made.field("location"), ME);
    assert_eq!(shop.send(&mina, patch("if-none-match", "*"), "{}").await.refusal(), (412, "about:blank"));
    let nameless = shop.patch(&mina, ME, made.tag(), &json!({"language": "fr"})).await;
    assert_eq!((nameless.status, &nameless.body["name"]), (200, &Value::Null));
    let named = shop.patch(&mina, ME, nameless.tag(), &json!({"name": "Mina"})).await;
    assert_eq!(named.text("name"), "Mina");
    assert_eq!(shop.patch(&mina, ME, named.tag(), &json!({"name": null})).await.faults(), ["/name"]);
}

#[tokio::test]
async fn a_consent_has_the_time_at_which_it_was_given_or_withdrawn() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let mut seen = shop.create(&mina, &json!({"name": "Mina", "marketing_consent": false})).await;
    let (given, withdrawn) = ("2026-11-20T10:00:10.000Z", "2026-11-20T10:00:30.000Z");
    for (change, is_given, at) in [
        (json!({}), false, Value::Null),
        (json!({"marketing_consent": true}), true, json!(given)),
        (json!({"name": "Other", "marketing_consent": true}), true, json!(given)),
        (json!({"marketing_consent": null}), false, json!(withdrawn)),
        (json!({"phone": "+12125550100"}), false, json!(withdrawn)),
    ] {
        assert_eq!(seen.status / 100, 2, "{seen:?}");
        seen = shop.patch(&mina, ME, seen.tag(), &change).await;
        let said = (&seen.body["marketing_consent"], &seen.body["marketing_consent_at"]);
        assert_eq!(said, (&json!(is_given), &at), "{change}");
        shop.clock.advance_seconds(10);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_of_the_same_version_one_is_kept() {
    let shop = Arc::new(Shop::open().await);
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    for round in 0..10 {
        let tag = shop.tag(&mina, ME).await;
        let answers = at_once(2, |number| {
            let (shop, mina, tag) = (Arc::clone(&shop), mina.clone(), tag.clone());
            async move { shop.patch(&mina, ME, &tag, &json!({"name": format!("Mina {round} {number}")})).await.status }
        });
        let answers = answers.await;
        assert!(matches!(answers[..], [200, 412] | [412, 200]), "{answers:?}");
        let kept = format!("Mina {round} {}", usize::from(answers[0] != 200));
        assert_eq!(shop.get(&mina, ME).await.text("name"), kept);
    }
    assert_eq!(shop.get(&mina, ME).await.body["version"], 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_make_the_same_profile_one_does() {
    let shop = Arc::new(Shop::open().await);
    let mina = Who::named("mina");
    let answers = at_once(8, |number| {
        let (shop, mina) = (Arc::clone(&shop), mina.clone());
        async move { shop.create(&mina, &json!({"name": format!("Mina {number}")})).await.status }
    });
    let mut answers = answers.await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 412, 412, 412, 412, 412, 412, 412]);
    assert_eq!((shop.count("customers").await, shop.events().len()), (1, 1));
}
