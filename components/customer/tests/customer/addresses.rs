//! One's own addresses: added, read, changed, taken away.

use std::sync::Arc;

use http::Request;
use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;
use souk_test_services::patiently;
use souk_test_services::request::json_request;

use crate::shop::{ADDRESSES, ME, Shop, address};

#[tokio::test]
async fn an_address_is_added_read_changed_and_taken_away() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let id = shop.customer(&mina, "Mina").await;
    shop.events();
    let body = json!({
        "label": "Home", "recipient": "Mina Harker", "lines": ["Hauptstr. 1", "2. Stock"], "postal_code": "10115",
        "city": "Berlin", "region": "Berlin", "country": "DE",
    });
    let added = shop.post(&mina, ADDRESSES, &body).await;
    let path = format!("{ADDRESSES}/{}", added.text("id"));
    assert_eq!((added.status, added.field("location")), (201, &*path));
    let now = "2026-11-20T10:00:00.000Z";
    let mut expected = body.clone();
    let set = json!({
        "id": added.body["id"], "default_delivery": true, "default_invoice": true, "version": 1, "created_at": now,
        "updated_at": now,
    });
    expected.as_object_mut().expect("an object").extend(set.as_object().expect("an object").clone());
    assert_eq!(added.body, expected);
    let read = shop.get(&mina, &path).await;
    assert_eq!((&read.body, read.tag(), read.field("cache-control")), (&expected, added.tag(), "private, no-cache"));
    let unseen = Request::get(&path).header("if-none-match", read.tag());
    assert_eq!(shop.send(&mina, unseen, "").await.status, 304);

    shop.clock.advance_seconds(5);
    let changed = shop.put(&mina, &path, read.tag(), &address("Bonn", &json!({}))).await;
    assert_eq!((changed.status, &changed.body["region"], changed.text("city")), (200, &Value::Null, "Bonn"));
    assert_eq!((&changed.body["version"], changed.text("updated_at")), (&json!(2), "2026-11-20T10:00:05.000Z"));
    let stale = shop.put(&mina, &path, read.tag(), &address("Köln", &json!({}))).await;
    assert_eq!(stale.refusal(), (412, "about:blank"));
    assert_eq!(shop.delete(&mina, &path, read.tag()).await.refusal(), (412, "about:blank"));
    // The same again is no change.
    let same = shop.put(&mina, &path, changed.tag(), &address("Bonn", &json!({"default_invoice": true}))).await;
    assert_eq!((same.status, same.tag()), (200, changed.tag()));

    let gone = shop.delete(&mina, &path, changed.tag()).await;
    assert_eq!((gone.status, gone.bytes.len()), (204, 0));
    assert_eq!(shop.get(&mina, &path).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.delete(&mina, &path, "*").await.refusal(), (404, "about:blank"));
    assert_eq!(shop.get(&mina, ADDRESSES).await.body["total"], 0);

    // The profile is the same, and others are told no more than that something was changed.
    assert_eq!(shop.get(&mina, ME).await.body["version"], 1);
    let told = ("customer.changed".to_owned(), json!({"id": id, "version": 1, "fields": ["addresses"]}));
    assert_eq!(shop.events(), [told.clone(), told.clone(), told]);
}

#[tokio::test]
async fn what_changes_an_address_names_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let path = format!("{ADDRESSES}/{}", shop.add(&mina, "Berlin", &json!({})).await);
    let body = address("Bonn", &json!({})).to_string();
    assert_eq!(shop.send(&mina, json_request("PUT", &path), body).await.refusal(), (428, "about:blank"));
    assert_eq!(shop.call(&mina, "DELETE", &path).await.refusal(), (428, "about:blank"));
    let profile = shop.tag(&mina, ME).await;
    assert_eq!(shop.delete(&mina, &path, &profile).await.refusal(), (412, "about:blank"));
    assert_eq!(shop.delete(&mina, &path, "*").await.status, 204);
}

#[tokio::test]
async fn addresses_are_listed_in_pages_in_the_order_in_which_they_were_added() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    for city in ["Ulm", "Bonn", "Aachen"] {
        shop.add(&mina, city, &json!({})).await;
        shop.clock.advance_seconds(1);
    }
    let all = shop.get(&mina, ADDRESSES).await;
    assert_eq!((all.each("city"), &all.body["total"]), (vec!["Ulm", "Bonn", "Aachen"], &json!(3)));
    assert_eq!(all.field("cache-control"), "private, no-cache");
    let second = shop.get(&mina, &format!("{ADDRESSES}?size=2&page=2")).await;
    assert_eq!((second.each("city"), &second.body["total"]), (vec!["Aachen"], &json!(3)));
    assert!(second.field("link").contains("rel=\"prev\""));
    let beyond = shop.get(&mina, &format!("{ADDRESSES}?size=2&page=9")).await;
    assert_eq!((beyond.each("city"), &beyond.body["total"]), (vec![], &json!(3)));
    assert_eq!(shop.get(&mina, &format!("{ADDRESSES}?size=0&city=Ulm")).await.faults(), ["size", "city"]);
}

#[tokio::test]
async fn who_has_no_profile_has_no_addresses() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let path = format!("{ADDRESSES}/01919191-0000-7000-8000-000000000000");
    assert_eq!(shop.get(&mina, ADDRESSES).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.get(&mina, &path).await.refusal(), (404, "no-profile"));
    let body = address("Bonn", &json!({}));
    assert_eq!(shop.post(&mina, ADDRESSES, &body).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.put(&mina, &path, "*", &body).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.delete(&mina, &path, "*").await.refusal(), (404, "no-profile"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nobody_has_more_addresses_than_the_limit_however_many_are_added_at_once() {
    let shop = Arc::new(Shop::open().await);
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    for number in 0..18 {
        shop.add(&mina, &format!("City {number}"), &json!({})).await;
    }
    let answers = at_once(6, |number| {
        let (shop, mina) = (Arc::clone(&shop), mina.clone());
        async move { patiently!(shop.post(&mina, ADDRESSES, &address(&format!("Late {number}"), &json!({})))) }
    });
    let mut answers = answers.await;
    answers.sort_unstable();
    assert_eq!(answers, [201, 201, 409, 409, 409, 409]);
    let refused = shop.post(&mina, ADDRESSES, &address("One more", &json!({}))).await;
    assert_eq!((refused.refusal(), refused.text("detail")), ((409, "too-many-addresses"), "a customer has at most 20"));
    assert_eq!(shop.count("addresses").await, 20);
    let last = shop.get(&mina, ADDRESSES).await.items()[19]["id"].as_str().expect("text").to_owned();
    assert_eq!(shop.delete(&mina, &format!("{ADDRESSES}/{last}"), "*").await.status, 204);
    shop.add(&mina, "One more", &json!({})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_changes_of_the_same_address_one_is_kept() {
    let shop = Arc::new(Shop::open().await);
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let path = format!("{ADDRESSES}/{}", shop.add(&mina, "Berlin", &json!({})).await);
    for round in 0..10 {
        let tag = shop.tag(&mina, &path).await;
        let answers = at_once(2, |number| {
            let (shop, mina, tag, path) = (Arc::clone(&shop), mina.clone(), tag.clone(), path.clone());
            let body = address(&format!("City {round} {number}"), &json!({}));
            async move { shop.put(&mina, &path, &tag, &body).await.status }
        });
        let answers = answers.await;
        assert!(matches!(answers[..], [200, 412] | [412, 200]), "{answers:?}");
        let kept = format!("City {round} {}", usize::from(answers[0] != 200));
        assert_eq!(shop.get(&mina, &path).await.text("city"), kept);
    }
}
