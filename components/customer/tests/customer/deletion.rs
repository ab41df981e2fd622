//! What is left of a customer who was deleted: an id.

use std::sync::Arc;

use customer::domain::address::Claims;
use customer::domain::change::Actor;
use customer::domain::{Details, Refusal};
use customer::profiles::{self, of_account};
use customer::store;
use serde_json::{Value, json};
use souk_database::contract::{Error, Transaction};
use souk_kit::database::sql;
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;
use souk_test_services::patiently;

use crate::shop::{ADDRESSES, CUSTOMERS, ME, Shop, address};

/// Each a word that stands nowhere else.
const PERSONAL: [&str; 16] = [
    "id.example/|quincey",
    "Quincey",
    "quincey",
    "Renfield",
    "renfield",
    "asylum.example",
    "+4930999888",
    "+4930777666",
    "gsw-CH",
    "Whitby",
    "Carfax",
    "Purfleet",
    "EX1 2ZZ",
    "Essex",
    "Attic",
    "GB",
];

/// A customer with a past: each of the words was somewhere, some of them long ago.
async fn customer_with_a_past(shop: &Shop, who: &Who) -> String {
    let first = json!({
        "name": "Quincey", "email": "Quincey@asylum.example", "phone": "+4930999888", "language": "gsw-CH",
    });
    let id = shop.create(who, &first).await.text("id").to_owned();
    shop.clock.advance_seconds(7);
    let second = json!({
        "name": "Renfield", "email": "renfield@asylum.example", "phone": "+4930777666", "marketing_consent": true,
    });
    let tag = shop.tag(who, ME).await;
    assert_eq!(shop.patch(who, ME, &tag, &second).await.status, 200);
    shop.clock.advance_seconds(1);
    let written = json!({
        "recipient": "Quincey", "lines": ["Carfax", "Attic 4"], "postal_code": "EX1 2ZZ", "region": "Essex",
        "country": "GB", "label": "Attic",
    });
    let place = shop.add(who, "Purfleet", &written).await;
    let moved = shop.put(who, &format!("{ADDRESSES}/{place}"), "*", &address("Whitby", &written)).await;
    assert_eq!(moved.status, 200);
    let gone = shop.add(who, "Whitby", &written).await;
    assert_eq!(shop.delete(who, &format!("{ADDRESSES}/{gone}"), "*").await.status, 204);
    id
}

/// Which of the words are somewhere in the tables.
async fn found(shop: &Shop) -> Vec<(String, &'static str)> {
    let cells = shop.all_cells().await;
    let words_in = |cell: &str| PERSONAL.into_iter().filter(|word| cell.contains(word)).collect::<Vec<_>>();
    let found = cells.iter().flat_map(|(table, cell)| words_in(cell).into_iter().map(|word| (table.clone(), word)));
    found.collect()
}

#[tokio::test]
async fn nothing_is_left_in_any_table_and_nothing_was_ever_published() {
    for is_admin in [false, true] {
        let shop = Shop::open().await;
        let who = Who::named("quincey");
        let id = customer_with_a_past(&shop, &who).await;
        let before = found(&shop).await;
        for word in PERSONAL {
            assert!(before.iter().any(|(_, found)| *found == word), "{word} was nowhere");
        }
        shop.clock.advance_seconds(60);
        let one = format!("{CUSTOMERS}/{id}");
        let deleted = if is_admin {
            shop.delete(&Who::admin(), &one, "*").await
        } else {
            shop.delete(&who, ME, &shop.tag(&who, ME).await).await
        };
        assert_eq!((deleted.status, deleted.bytes.len()), (204, 0));
        assert_eq!(found(&shop).await, []);
        assert_eq!(shop.count("addresses").await, 0);

        let left = shop.get(&Who::admin(), &one).await;
        let expected = json!({
            "id": id, "status": "deleted", "name": null, "email": null, "phone": null, "language": null,
            "marketing_consent": false, "marketing_consent_at": null, "version": 3,
            "created_at": "2026-11-20T10:00:00.000Z", "updated_at": "2026-11-20T10:01:08.000Z",
        });
        assert_eq!(left.body, expected);
        let changes = shop.get(&Who::admin(), &format!("{one}/changes")).await;
        let actor = if is_admin { "admin" } else { "own" };
        assert_eq!((changes.each("kind")[0], changes.each("actor")[0], changes.items().len()), ("deleted", actor, 7));
        assert!(changes.items().iter().all(|change| change["previous"] == Value::Null), "{changes:?}");
        let kinds: Vec<&str> = changes.each("kind").into_iter().rev().collect();
        assert_eq!(kinds[..3], ["created", "changed", "address-added"]);

        // What was told to others can't be taken back, so nothing personal is told.
        let events = shop.events();
        assert_eq!(events.last(), Some(&("customer.deleted".to_owned(), json!({"id": id, "version": 3}))));
        for (name, data) in &events {
            let text = data.to_string();
            assert!(!PERSONAL.iter().any(|word| text.contains(word)), "{name}: {text}");
        }
    }
}

#[tokio::test]
async fn the_same_account_begins_anew_with_another_id() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let first = shop.customer(&mina, "Mina").await;
    let tag = shop.tag(&mina, ME).await;
    shop.add(&mina, "Berlin", &json!({})).await;
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    assert_eq!(shop.get(&mina, ME).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.get(&mina, ADDRESSES).await.refusal(), (404, "no-profile"));
    assert_eq!(shop.delete(&mina, ME, "*").await.refusal(), (404, "no-profile"));
    let second = shop.customer(&mina, "Mina").await;
    assert_ne!(first, second);
    // What was seen of the first is no version of the second.
    assert_eq!(shop.patch(&mina, ME, &tag, &json!({"name": "X"})).await.refusal(), (412, "about:blank"));
    assert_eq!(shop.get(&mina, ADDRESSES).await.body["total"], 0);
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    let list = shop.get(&Who::admin(), CUSTOMERS).await;
    assert_eq!(list.each("status"), ["deleted", "deleted"]);
}

#[tokio::test]
async fn nothing_of_a_deleted_customer_can_be_changed() {
    let shop = Shop::open().await;
    let (mina, ada) = (Who::named("mina"), Who::admin());
    let one = format!("{CUSTOMERS}/{}", shop.customer(&mina, "Mina").await);
    let place = format!("{one}/addresses/{}", shop.add(&mina, "Berlin", &json!({})).await);
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    let before = shop.all_cells().await;
    let body = address("Bonn", &json!({}));
    let deleted = (409, "customer-deleted");
    assert_eq!(shop.patch(&ada, &one, "*", &json!({"name": "Mina"})).await.refusal(), deleted);
    assert_eq!(shop.delete(&ada, &one, "*").await.refusal(), deleted);
    assert_eq!(shop.post(&ada, &format!("{one}/addresses"), &body).await.refusal(), deleted);
    assert_eq!(shop.put(&ada, &place, "*", &body).await.refusal(), deleted);
    assert_eq!(shop.delete(&ada, &place, "*").await.refusal(), deleted);
    assert_eq!(shop.get(&ada, &place).await.refusal(), (404, "about:blank"));
    assert_eq!(shop.get(&ada, &format!("{one}/addresses")).await.body["total"], 0);
    assert_eq!(shop.all_cells().await, before);
}

#[tokio::test]
async fn a_deletion_names_the_version_that_was_seen() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let tag = shop.tag(&mina, ME).await;
    assert_eq!(shop.call(&mina, "DELETE", ME).await.refusal(), (428, "about:blank"));
    assert_eq!(shop.patch(&mina, ME, &tag, &json!({"name": "Mina Harker"})).await.status, 200);
    assert_eq!(shop.delete(&mina, ME, &tag).await.refusal(), (412, "about:blank"));
    assert_eq!(shop.delete(&mina, ME, &shop.tag(&mina, ME).await).await.status, 204);
}

#[tokio::test]
async fn the_tables_themselves_refuse_a_deleted_customer_of_whom_something_is_known() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    for column in [
        "account",
        "name",
        "sort_name",
        "email",
        "email_key",
        "phone",
        "language",
        "marketing_consent_at",
        "delivery_address_id",
    ] {
        let step = sql(format!("UPDATE customers SET {column} = 'x'")).anything();
        let outcome = shop.context.database().transact(Transaction { steps: vec![step], events: vec![] }).await;
        assert!(matches!(outcome, Err(Error::Constraint(_))), "{column}: {outcome:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_beside_changes_leaves_nothing_of_them() {
    for _ in 0..6 {
        let shop = Arc::new(Shop::open().await);
        let who = Who::named("quincey");
        customer_with_a_past(&shop, &who).await;
        let place = format!("{ADDRESSES}/{}", shop.get(&who, ADDRESSES).await.each("id")[0]);
        let done = at_once(5, |number| {
            let (shop, who, place) = (Arc::clone(&shop), who.clone(), place.clone());
            let body = address("Purfleet", &json!({"recipient": "Renfield"}));
            async move {
                match number {
                    0 => delete_whatever_it_is(&shop, &who).await,
                    1 => patiently!(shop.patch(&who, ME, "*", &json!({"name": "Renfield"}))),
                    2 => patiently!(shop.put(&who, &place, "*", &body)),
                    3 => patiently!(shop.delete(&who, &place, "*")),
                    _ => patiently!(shop.post(&who, ADDRESSES, &body)),
                }
            }
        });
        let done = done.await;
        assert_eq!(done[0], 204, "{done:?}");
        assert_eq!(found(&shop).await, [], "{done:?}");
    }
}

/// A change of the profile in between is the reason to try again.
async fn delete_whatever_it_is(shop: &Shop, who: &Who) -> u16 {
    loop {
        let status = patiently!(shop.delete(who, ME, "*"));
        if status != 412 {
            return status;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_deletion_and_a_change_of_the_same_version_one_is_done() {
    for _ in 0..10 {
        let shop = Arc::new(Shop::open().await);
        let mina = Who::named("mina");
        shop.customer(&mina, "Mina").await;
        let tag = shop.tag(&mina, ME).await;
        let done = at_once(2, |number| {
            let (shop, mina, tag) = (Arc::clone(&shop), mina.clone(), tag.clone());
            async move {
                if number == 0 {
                    return patiently!(shop.delete(&mina, ME, &tag));
                }
                patiently!(shop.patch(&mina, ME, &tag, &json!({"name": "Mina Harker"})))
            }
        });
        // A change that comes after the deletion finds no profile, or another version.
        let done = done.await;
        assert!(matches!(done[..], [204, 404 | 412] | [412, 200]), "{done:?}");
        assert_eq!(shop.get(&mina, ME).await.status == 200, done[1] == 200);
    }
}

#[tokio::test]
async fn what_was_read_before_a_deletion_can_not_be_written_after_it() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let place = shop.add(&mina, "Berlin", &json!({})).await;
    let read = of_account(&shop.context, mina.account.clone()).await.expect("there is one");
    let address = profiles::address(&shop.context, mina.account.clone(), Some(place)).await.expect("there is one");
    assert_eq!(shop.delete(&mina, ME, "*").await.status, 204);
    let before = shop.all_cells().await;
    let (claims, own) = (Claims::default(), Actor::Own);
    let added = store::address::add(&shop.context, &read, &address.details, claims, own).await.err();
    assert_eq!(added, Some(Refusal::Deleted));
    let mut wanted = address.details.clone();
    wanted.region = Some("Brandenburg".parse().expect("it is a line"));
    let replaced = store::address::replace(&shop.context, &read, &address, &wanted, claims, own).await.err();
    assert_eq!(replaced, Some(Refusal::Stale));
    assert_eq!(store::address::remove(&shop.context, &read, &address, own).await.err(), Some(Refusal::Stale));
    let renamed = store::profile::replace(&shop.context, &read, &Details::default(), own).await.err();
    assert_eq!(renamed, Some(Refusal::Stale));
    assert_eq!(store::profile::delete(&shop.context, &read, own).await.err(), Some(Refusal::Stale));
    assert_eq!(shop.all_cells().await, before);
}
