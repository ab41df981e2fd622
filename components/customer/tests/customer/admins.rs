//! What only admins see: the list of all customers, and what was changed about one.

use serde_json::{Value, json};
use souk_kit::database::sql;
use souk_test_services::caller::Who;

use crate::shop::{ADDRESSES, CUSTOMERS, ME, Shop, address};

#[tokio::test]
async fn only_admins_see_the_list() {
    let shop = Shop::open().await;
    assert_eq!(shop.get(&Who::nobody(), CUSTOMERS).await.refusal(), (401, "about:blank"));
    for roles in [&["customer"][..], &["merchant"], &["Admin"], &[]] {
        assert_eq!(shop.get(&Who::with_roles("sam", roles), CUSTOMERS).await.refusal(), (403, "about:blank"));
    }
    assert_eq!(shop.get(&Who::admin(), CUSTOMERS).await.body["total"], 0);
}

#[tokio::test]
async fn customers_are_listed_in_the_order_of_their_creation() {
    let shop = Shop::open().await;
    for (name, email) in [
        ("Åsa Öberg", json!("Zoe@shop.example")),
        ("zoe_%", Value::Null),
        ("Ada", json!("ada@other.example")),
        ("Zo", json!("tia@shop.example")),
    ] {
        shop.clock.advance_seconds(1);
        let created = shop.create(&Who::named(name), &json!({"name": name, "email": email})).await;
        assert_eq!(created.status, 201, "{created:?}");
    }
    shop.clock.advance_seconds(1);
    let gone = Who::named("gone");
    shop.customer(&gone, "Zoltan").await;
    assert_eq!(shop.delete(&gone, ME, "*").await.status, 204);
    let (asa, zoe, ada, zo, deleted) = ("Åsa Öberg", "zoe_%", "Ada", "Zo", "");
    for (query, expected) in [
        ("", vec![asa, zoe, ada, zo, deleted]),
        ("?q=", vec![asa, zoe, ada, zo, deleted]),
        ("?q=ZO", vec![asa, zoe, zo]),
        ("?q=zoe_%25", vec![zoe]),
        ("?q=_", vec![]),
        ("?q=%25", vec![]),
        ("?q=%C3%A5sa", vec![asa]),
        ("?q=%C3%85SA+%C3%96", vec![asa]),
        ("?q=shop", vec![]),
        ("?q=tia@shop.example", vec![zo]),
        ("?q=ad", vec![ada]),
        ("?q=%F4%8F%BF%BF", vec![]),
        ("?status=deleted", vec![deleted]),
        ("?status=deleted&q=zo", vec![]),
        ("?status=active", vec![asa, zoe, ada, zo]),
        ("?status=active&q=ZO", vec![asa, zoe, zo]),
    ] {
        let list = shop.get(&Who::admin(), &format!("{CUSTOMERS}{query}")).await;
        assert_eq!((list.each("name"), &list.body["total"]), (expected.clone(), &json!(expected.len())), "{query}");
        assert_eq!(list.field("cache-control"), "private, no-cache");
    }
    let second = shop.get(&Who::admin(), &format!("{CUSTOMERS}?size=2&page=2&q=zo")).await;
    assert_eq!((second.each("name"), &second.body["total"]), (vec![zo], &json!(3)));
    assert!(second.field("link").contains("q=zo&page=1&size=2>; rel=\"prev\""), "{second:?}");
    let beyond = shop.get(&Who::admin(), &format!("{CUSTOMERS}?size=2&page=3&q=zo")).await;
    assert_eq!((beyond.each("name"), &beyond.body["total"]), (vec![], &json!(3)));
    for (query, fault) in [
        ("status=gone", "status"),
        ("page=0", "page"),
        ("size=101", "size"),
        ("sort=name", "sort"),
        (&*format!("q={}", "x".repeat(101)), "q"),
        ("q=a%00b", "q"),
    ] {
        let refused = shop.get(&Who::admin(), &format!("{CUSTOMERS}?{query}")).await;
        assert_eq!((refused.refusal(), refused.faults()), ((400, "invalid-query"), vec![fault]), "{query}");
    }
}

#[tokio::test]
async fn the_history_tells_who_changed_what_and_what_it_was() {
    let shop = Shop::open().await;
    let (mina, ada) = (Who::named("mina"), Who::admin());
    let id = shop.customer(&mina, "Mina").await;
    let one = format!("{CUSTOMERS}/{id}");
    shop.clock.advance_seconds(1);
    let tag = shop.tag(&ada, &one).await;
    assert_eq!(shop.patch(&ada, &one, &tag, &json!({"name": "Mina Harker", "phone": "+12345"})).await.status, 200);
    let place = shop.add(&mina, "Berlin", &json!({})).await;
    let path = format!("{ADDRESSES}/{place}");
    assert_eq!(shop.put(&mina, &path, "*", &address("Bonn", &json!({}))).await.status, 200);
    assert_eq!(shop.delete(&mina, &path, "*").await.status, 204);
    let changes = shop.get(&ada, &format!("{one}/changes")).await;
    assert_eq!((&changes.body["total"], changes.field("cache-control")), (&json!(5), "private, no-cache"));
    let (first, second) = ("2026-11-20T10:00:00.000Z", "2026-11-20T10:00:01.000Z");
    let removed = json!({
        "id": place, "label": null, "recipient": "Mina Harker", "lines": ["Hauptstr. 1"], "postal_code": null,
        "city": "Bonn", "region": null, "country": "DE", "default_delivery": true, "default_invoice": true,
    });
    let expected = json!([
        {"number": 5, "changed_at": second, "actor": "own", "kind": "address-removed", "fields": [],
            "previous": removed},
        {"number": 4, "changed_at": second, "actor": "own", "kind": "address-changed", "fields": ["city"],
            "previous": {"city": "Berlin", "id": place}},
        {"number": 3, "changed_at": second, "actor": "own", "kind": "address-added", "fields": [], "previous": null},
        {"number": 2, "changed_at": second, "actor": "admin", "kind": "changed", "fields": ["name", "phone"],
            "previous": {"name": "Mina", "phone": null}},
        {"number": 1, "changed_at": first, "actor": "own", "kind": "created", "fields": ["name"], "previous": null},
    ]);
    assert_eq!(changes.body["items"], expected);
    let second = shop.get(&ada, &format!("{one}/changes?size=2&page=3")).await;
    assert_eq!((second.each("kind"), &second.body["total"]), (vec!["created"], &json!(5)));
    // A refused change is none.
    assert_eq!(shop.patch(&mina, ME, "\"old\"", &json!({"name": "X"})).await.status, 412);
    assert_eq!(shop.put(&mina, &path, "*", &address("Ulm", &json!({}))).await.status, 404);
    assert_eq!(shop.get(&ada, &format!("{one}/changes")).await.body["total"], 5);
}

#[tokio::test]
async fn the_history_is_bounded() {
    let shop = Shop::open().await;
    let mina = Who::named("mina");
    let id = shop.customer(&mina, "Mina").await;
    // As if there had been so many changes before.
    let skip = sql("UPDATE customers SET changes = 999").anything();
    let transaction = souk_database::contract::Transaction { steps: vec![skip], events: vec![] };
    shop.context.database().transact(transaction).await.expect("it can be written");
    let changes = format!("{CUSTOMERS}/{id}/changes");
    for (name, numbers) in [("Mina 1", vec![1000, 1]), ("Mina 2", vec![1001, 1000]), ("Mina 3", vec![1002, 1001, 1000])]
    {
        let tag = shop.tag(&mina, ME).await;
        assert_eq!(shop.patch(&mina, ME, &tag, &json!({"name": name})).await.status, 200);
        let list = shop.get(&Who::admin(), &changes).await;
        let kept: Vec<i64> = list.items().iter().filter_map(|change| change["number"].as_i64()).collect();
        assert_eq!(kept, numbers);
    }
}
