//! An order that nothing stands in the way of.

use order::domain::order::Status;
use serde_json::{Value, json};
use souk_kit::native::GivenSettings;
use souk_test_services::caller::Who;

use crate::shop::{ORDERS, Shop, TRANSACTIONS, purchase};

#[tokio::test]
async fn a_cart_becomes_a_paid_order() {
    let shop = Shop::open().await;
    let (green, black) = (shop.product("G", 450, 10).await, shop.product("B", 99, 10).await);
    let mina = shop.buyer_of("mina", &green, 2).await;
    shop.put(&mina, &black, 3).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    assert_eq!(placed.status, 201, "{placed:?}");
    let id = placed.text("id").to_owned();
    assert_eq!(placed.field("location"), format!("{ORDERS}/{id}"));
    assert_eq!(placed.field("cache-control"), "private, no-cache");
    let line = |id: &str, sku: &str, quantity: i64, cents: i64| {
        let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
        json!({"product_id": id, "sku": sku, "name": format!("Tea {sku}"), "quantity": quantity,
            "unit_price": money(cents), "total": money(quantity * cents)})
    };
    assert_eq!(placed.body["items"], json!([line(&green, "G", 2, 450), line(&black, "B", 3, 99)]));
    assert_eq!(placed.body["total"], json!({"amount": 1197, "currency": "EUR"}));
    assert_eq!(placed.body["customer_id"], mina.customer_id);
    assert_eq!(placed.body["account"], mina.who.account);
    assert_eq!((placed.text("status"), &placed.body["reason"]), ("paid", &Value::Null));
    assert_eq!(placed.body["address"]["city"], "Berlin");
    let order = shop.check(&id, "a cart").await;
    assert_eq!(placed.body["payment_id"], order.payment_id.clone().expect("it is paid"));
    assert_eq!((shop.stock(&green).await, shop.stock(&black).await), ((8, 8), (7, 7)));
    assert!(shop.cart(&mina).await.items().is_empty());
}

#[tokio::test]
async fn each_service_is_called_once_in_this_order() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 1).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let steps = ["reserve", "authorize", "capture", "commit"];
    assert_eq!(shop.faults.calls(), [&["cart", "address", "customer"], &steps[..], &["take_out"]].concat());
    let journal = ["placed", "reserve reserved", "authorize authorized", "capture captured", "commit committed"];
    assert_eq!(shop.journal(placed.text("id")).await, [&journal[..], &["take-out taken-out"]].concat());
    shop.buy(&mina, "l", "tok_visa", &[(&tea, 1)]).await;
    assert_eq!(shop.faults.calls(), [&["customer", "products", "address"], &steps[..]].concat());
}

#[tokio::test]
async fn products_are_bought_without_a_cart() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 5).await;
    let bought = shop.buy(&mina, "k", "tok_visa", &[(&tea, 2)]).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    let id = bought.text("id").to_owned();
    assert_eq!(bought.field("location"), format!("{TRANSACTIONS}/{id}"));
    let order = shop.check(&id, "a purchase").await;
    let expected = json!({
        "id": id, "number": order.number, "customerId": mina.customer_id, "status": "paid",
        "items": [{"productId": tea, "name": "Tea T", "quantity": 2, "unitPrice": 450, "total": 900}],
        "totalAmount": 900, "currency": "EUR", "createdAt": "2026-11-20T10:00:00.000Z",
        "updatedAt": "2026-11-20T10:00:00.000Z",
    });
    assert_eq!(bought.body, expected);
    assert_eq!(shop.get(&mina.who, &format!("{TRANSACTIONS}/{id}")).await.body, expected);
    assert_eq!(shop.stock(&tea).await, (8, 8));
    assert_eq!(shop.cart(&mina).await.items().len(), 1);
    let as_order = shop.get(&mina.who, &format!("{ORDERS}/{id}")).await;
    assert_eq!(as_order.body["total"]["amount"], 900);
    assert_eq!(as_order.body["address"]["city"], "Berlin");
}

#[tokio::test]
async fn others_learn_of_an_order_without_anything_personal() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 2).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let id = placed.text("id");
    let data = |status: &str| {
        json!({
            "id": id, "number": placed.body["number"], "status": status, "customer_id": mina.customer_id,
            "payment_id": placed.body["payment_id"], "total": {"amount": 900, "currency": "EUR"},
            "items": [{"product_id": tea, "quantity": 2, "unit_price": 450}],
        })
    };
    let events = shop.database.whole_events();
    let told = |event: &souk_database::contract::Event| {
        assert_eq!((event.subject.as_deref(), event.key.as_str()), (Some(id), id));
        (event.r#type.clone(), serde_json::from_str::<Value>(&event.data).expect("data is JSON"))
    };
    let told: Vec<_> = events.iter().map(told).collect();
    assert_eq!(told, [("order.placed", data("confirmed")), ("order.paid", data("paid"))].map(named));
    shop.change(&mina.who, id, "cancel").await;
    let [(name, cancelled)] = &shop.database.events()[..] else { panic!("one event for one change") };
    assert_eq!((name.as_str(), &cancelled["reason"]), ("order.cancelled", &json!({"kind": "cancelled"})));
}

fn named((name, data): (&str, Value)) -> (String, Value) {
    (name.to_owned(), data)
}

#[tokio::test]
async fn an_order_stays_as_it_was_whatever_becomes_of_product_and_address() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 2).await;
    let placed = shop.check_out(&mina, "k", "tok_visa").await;
    let path = format!("{ORDERS}/{}", placed.text("id"));
    let before = shop.get(&mina.who, &path).await;
    shop.patch_product(&tea, &json!({"name": "Other", "price": {"amount": 9_999}, "status": "draft"})).await;
    let elsewhere = json!({"recipient": "M", "lines": ["Nebenstr. 2"], "city": "Bonn", "country": "DE"});
    let address = format!("/api/v1/customers/me/addresses/{}", mina.address_id);
    let request = souk_test_services::request::json_request("PUT", &address).header("if-match", "*");
    let customers = &shop.services.customer.router;
    let moved = souk_test_services::request::send(customers, &mina.who, request, elsewhere.to_string()).await;
    assert_eq!(moved.status, 200, "{moved:?}");
    assert_eq!(shop.get(&mina.who, &path).await.body, before.body);
}

#[tokio::test]
async fn what_costs_nothing_needs_no_payment() {
    let shop = Shop::open().await;
    let sample = shop.product("S", 0, 10).await;
    let mina = shop.buyer_of("mina", &sample, 1).await;
    let placed = shop.check_out(&mina, "k", "tok_declined").await;
    assert_eq!((placed.status, placed.text("status")), (201, "paid"));
    let order = shop.check(placed.text("id"), "free").await;
    assert_eq!((order.payment_id, shop.payments(placed.text("id")).await.len()), (None, 0));
    assert_eq!(shop.database.event_types(), ["order.placed", "order.paid"]);
    let cancelled = shop.change(&mina.who, placed.text("id"), "cancel").await;
    assert_eq!((cancelled.status, cancelled.text("status")), (200, "cancelled"));
    assert_eq!(shop.check(placed.text("id"), "free").await.status, Status::Cancelled);
    assert_eq!(shop.stock(&sample).await, (10, 10));
}

#[tokio::test]
async fn an_order_has_a_number_of_its_own_that_people_can_say() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 100).await;
    let mina = shop.buyer("mina").await;
    let mut numbers = std::collections::BTreeSet::new();
    for number in 0..40 {
        let bought = shop.buy(&mina, &number.to_string(), "tok_visa", &[(&tea, 1)]).await;
        numbers.insert(bought.text("number").to_owned());
    }
    assert_eq!(numbers.len(), 40);
    assert!(numbers.iter().all(|number| number.len() == 11 && number.find('-') == Some(5)), "{numbers:?}");
}

#[tokio::test]
async fn the_shop_may_pay_for_those_who_name_no_way_to() {
    let shop = Shop::open_with(GivenSettings::default().with("transactions_payment_token", "tok_visa")).await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer("mina").await;
    let mut body = purchase(&mina, "tok_declined", &[(&tea, 1)]);
    assert_eq!(shop.buy_with(&mina.who, Some("a"), &body).await.refusal(), (402, "payment-declined"));
    body.as_object_mut().expect("it is one").remove("paymentToken");
    let bought = shop.buy_with(&mina.who, Some("b"), &body).await;
    assert_eq!((bought.status, bought.text("status")), (201, "paid"));
}

#[tokio::test]
async fn without_a_key_a_repetition_is_another_purchase() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer("mina").await;
    let body = purchase(&mina, "tok_visa", &[(&tea, 1)]);
    for _ in 0..2 {
        assert_eq!(shop.buy_with(&mina.who, None, &body).await.status, 201);
    }
    assert_eq!((shop.orders_of(&mina.who).await.len(), shop.stock(&tea).await), (2, (8, 8)));
}

#[tokio::test]
async fn what_is_bought_without_a_cart_may_be_fetched() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let who = Who::named("mina");
    let context = &shop.services.customer.context;
    let profile = customer::profiles::ensure(context, who.account.clone(), None, None).await.expect("it is made");
    let body =
        json!({"customerId": profile.id, "items": [{"productId": tea, "quantity": 1}], "paymentToken": "tok_visa"});
    let bought = shop.buy_with(&who, None, &body).await;
    assert_eq!(bought.status, 201, "{bought:?}");
    assert_eq!(shop.check(bought.text("id"), "fetched").await.address, None);
}
