//! The default address for deliveries, and the one for invoices: one of each as long as there are addresses.

use std::sync::Arc;

use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::crowd::at_once;
use souk_test_services::patiently;

use crate::shop::{ADDRESSES, Shop, address};

async fn shop_with(cities: &[&str]) -> (Shop, Who, Vec<String>) {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    shop.customer(&mina, "Mina").await;
    let mut paths = Vec::new();
    for city in cities {
        paths.push(format!("{ADDRESSES}/{}", shop.add(&mina, city, &json!({})).await));
        shop.clock.advance_seconds(1);
    }
    (shop, mina, paths)
}

fn are(delivery: &str, invoice: &str) -> (Vec<String>, Vec<String>) {
    (vec![delivery.to_owned()], vec![invoice.to_owned()])
}

#[tokio::test]
async fn the_first_address_is_both_defaults_whatever_it_says() {
    let (shop, mina, _) = shop_with(&[]).await;
    let flags = json!({"default_delivery": false, "default_invoice": false});
    shop.add(&mina, "Berlin", &flags).await;
    assert_eq!(shop.defaults(&mina).await, are("Berlin", "Berlin"));
    shop.add(&mina, "Bonn", &flags).await;
    assert_eq!(shop.defaults(&mina).await, are("Berlin", "Berlin"));
    shop.add(&mina, "Ulm", &json!({"default_delivery": true})).await;
    assert_eq!(shop.defaults(&mina).await, are("Ulm", "Berlin"));
    shop.add(&mina, "Köln", &json!({"default_delivery": true, "default_invoice": true})).await;
    assert_eq!(shop.defaults(&mina).await, are("Köln", "Köln"));
}

#[tokio::test]
async fn an_address_becomes_a_default_instead_of_another_whose_tag_is_then_old() {
    let (shop, mina, paths) = shop_with(&["Berlin", "Bonn"]).await;
    let (first, second) = (shop.tag(&mina, &paths[0]).await, shop.tag(&mina, &paths[1]).await);
    let changed = shop.put(&mina, &paths[1], &second, &address("Bonn", &json!({"default_invoice": true}))).await;
    assert_eq!(
        (changed.status, &changed.body["default_delivery"], &changed.body["default_invoice"]),
        (200, &json!(false), &json!(true))
    );
    assert_eq!(shop.defaults(&mina).await, are("Berlin", "Bonn"));
    assert_ne!(shop.tag(&mina, &paths[0]).await, first);
    let stale = shop.put(&mina, &paths[0], &first, &address("Berlin", &json!({}))).await;
    assert_eq!(stale.refusal(), (412, "about:blank"));
    // What is left out stays.
    let moved = shop.put(&mina, &paths[1], changed.tag(), &address("Trier", &json!({}))).await;
    assert_eq!((moved.status, &moved.body["default_invoice"]), (200, &json!(true)));
}

#[tokio::test]
async fn a_default_does_not_stop_being_one_by_itself() {
    let (shop, mina, paths) = shop_with(&["Berlin", "Bonn"]).await;
    for flag in ["default_delivery", "default_invoice"] {
        let tag = shop.tag(&mina, &paths[0]).await;
        let refused = shop.put(&mina, &paths[0], &tag, &address("Berlin", &json!({flag: false}))).await;
        assert_eq!(refused.refusal(), (409, "default-address"));
        let tag = shop.tag(&mina, &paths[1]).await;
        assert_eq!(shop.put(&mina, &paths[1], &tag, &address("Bonn", &json!({flag: false}))).await.status, 200);
    }
    assert_eq!(shop.defaults(&mina).await, are("Berlin", "Berlin"));
}

#[tokio::test]
async fn a_default_that_is_deleted_is_passed_on_to_the_address_that_was_added_last() {
    let (shop, mina, paths) = shop_with(&["Berlin", "Bonn", "Ulm", "Köln"]).await;
    let tag = shop.tag(&mina, &paths[1]).await;
    assert_eq!(shop.put(&mina, &paths[1], &tag, &address("Bonn", &json!({"default_invoice": true}))).await.status, 200);
    assert_eq!(shop.delete(&mina, &paths[0], "*").await.status, 204);
    assert_eq!(shop.defaults(&mina).await, are("Köln", "Bonn"));
    assert_eq!(shop.delete(&mina, &paths[2], "*").await.status, 204);
    assert_eq!(shop.defaults(&mina).await, are("Köln", "Bonn"));
    assert_eq!(shop.delete(&mina, &paths[3], "*").await.status, 204);
    assert_eq!(shop.defaults(&mina).await, are("Bonn", "Bonn"));
    assert_eq!(shop.delete(&mina, &paths[1], "*").await.status, 204);
    assert_eq!(shop.defaults(&mina).await, (vec![], vec![]));
    shop.add(&mina, "Trier", &json!({})).await;
    assert_eq!(shop.defaults(&mina).await, are("Trier", "Trier"));
}

#[tokio::test]
async fn the_tables_themselves_refuse_a_customer_with_half_of_the_defaults() {
    let (shop, _, _) = shop_with(&["Berlin"]).await;
    let half = souk_kit::database::sql("UPDATE customers SET invoice_address_id = NULL").anything();
    let transaction = souk_database::contract::Transaction { steps: vec![half], events: vec![] };
    let outcome = shop.context.database().transact(transaction).await;
    assert!(matches!(outcome, Err(souk_database::contract::Error::Constraint(_))), "{outcome:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn there_is_one_of_each_default_whatever_is_done_at_once() {
    for _ in 0..6 {
        let (shop, mina, paths) = shop_with(&["A", "B", "C", "D"]).await;
        let shop = Arc::new(shop);
        let both = json!({"default_delivery": true, "default_invoice": true});
        let done = at_once(6, |number| {
            let (shop, mina, paths, both) = (Arc::clone(&shop), mina.clone(), paths.clone(), both.clone());
            async move {
                match number {
                    0 => patiently!(shop.delete(&mina, &paths[0], "*")),
                    1 => patiently!(shop.put(&mina, &paths[1], "*", &address("B", &both))),
                    2 => patiently!(shop.delete(&mina, &paths[1], "*")),
                    3 => patiently!(shop.put(&mina, &paths[2], "*", &address("C", &both))),
                    4 => patiently!(shop.delete(&mina, &paths[3], "*")),
                    _ => patiently!(shop.post(&mina, ADDRESSES, &address("E", &json!({"default_delivery": true})))),
                }
            }
        });
        let done = done.await;
        assert!(done.iter().all(|status| [200, 201, 204, 404, 412].contains(status)), "{done:?}");
        let (delivery, invoice) = shop.defaults(&mina).await;
        assert_eq!((delivery.len(), invoice.len()), (1, 1), "{done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_first_addresses_at_once_one_is_the_default() {
    let (shop, mina, _) = shop_with(&[]).await;
    let shop = Arc::new(shop);
    let added = at_once(8, |number| {
        let (shop, mina) = (Arc::clone(&shop), mina.clone());
        async move { patiently!(shop.post(&mina, ADDRESSES, &address(&format!("City {number}"), &json!({})))) }
    });
    assert_eq!(added.await, [201; 8]);
    let (delivery, invoice) = shop.defaults(&mina).await;
    assert_eq!((delivery.len(), &delivery), (1, &invoice));
    // All are taken away at once: the last leaves nothing that a default could be.
    let list = shop.get(&mina, ADDRESSES).await;
    let paths: Vec<String> = list.each("id").into_iter().map(|id| format!("{ADDRESSES}/{id}")).collect();
    let gone = at_once(8, |number| {
        let (shop, mina, path) = (Arc::clone(&shop), mina.clone(), paths[number].clone());
        async move { patiently!(shop.delete(&mina, &path, "*")) }
    });
    assert_eq!(gone.await, [204; 8]);
    assert_eq!(shop.get(&mina, ADDRESSES).await.items(), Vec::<Value>::new());
    shop.add(&mina, "Berlin", &json!({})).await;
    assert_eq!(shop.defaults(&mina).await, are("Berlin", "Berlin"));
}
