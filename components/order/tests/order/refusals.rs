//! What a customer has not seen they do not buy, and what can't be sold is not ordered: nothing is written down.

use serde_json::{Value, json};
use souk_kit::native::GivenSettings;
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::request::{json_request, send};

use crate::shop::{Buyer, Shop, purchase};

/// A shop with some tea, and somebody with two of it in the cart.
async fn shop_with_a_cart() -> (Shop, Buyer, String) {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let mina = shop.buyer_of("mina", &tea, 2).await;
    (shop, mina, tea)
}

/// Asks with these members besides the token.
async fn ask(shop: &Shop, buyer: &Buyer, members: &Value) -> Answer {
    let mut body = json!({"payment_token": "tok_visa"});
    let members = members.as_object().expect("members are an object").clone();
    body.as_object_mut().expect("it is one").extend(members);
    shop.order_with(&buyer.who, "k", &body).await
}

/// Nothing was written down, nobody but for questions was called; then the same key serves for what is right.
async fn check_untouched(shop: &Shop) {
    assert_eq!((shop.count("orders").await, shop.count("keys").await), (0, 0));
    let questions = ["cart", "address", "customer", "products"];
    assert!(shop.faults.calls().iter().all(|call| questions.contains(call)));
}

#[tokio::test]
async fn a_cart_of_another_version_is_not_the_one_that_was_seen() {
    let (shop, mina, _) = shop_with_a_cart().await;
    let version = shop.cart(&mina).await.body["version"].as_i64().expect("it has a version");
    for other in [version - 1, version + 1, 0, -1] {
        let refused = ask(&shop, &mina, &json!({"cart_version": other})).await;
        assert_eq!(refused.refusal(), (409, "cart-changed"), "{other}");
    }
    check_untouched(&shop).await;
    assert_eq!(ask(&shop, &mina, &json!({"cart_version": version})).await.status, 201);
}

#[tokio::test]
async fn a_cart_that_is_not_as_it_was_seen_is_told_with_what_is_different() {
    let (shop, mina, tea) = shop_with_a_cart().await;
    shop.patch_product(&tea, &json!({"price": {"amount": 500}})).await;
    shop.count_stock(&tea, 1).await;
    let refused = ask(&shop, &mina, &json!({})).await;
    assert_eq!(refused.refusal(), (409, "cart-changed"));
    let differences = json!([
        {"kind": "price", "product_id": tea, "price": {"amount": 500, "currency": "EUR"}},
        {"kind": "shortage", "product_id": tea, "available": 1},
    ]);
    assert_eq!(refused.body["differences"], differences);
    shop.patch_product(&tea, &json!({"status": "draft"})).await;
    let refused = ask(&shop, &mina, &json!({})).await;
    assert_eq!(refused.body["differences"], json!([{"kind": "gone", "product_id": tea}]));
    check_untouched(&shop).await;
    shop.patch_product(&tea, &json!({"status": "published", "price": {"amount": 450}})).await;
    shop.count_stock(&tea, 2).await;
    assert_eq!(ask(&shop, &mina, &json!({})).await.status, 201);
}

#[tokio::test]
async fn another_total_is_told() {
    let (shop, mina, _) = shop_with_a_cart().await;
    for (amount, currency) in [(899, "EUR"), (901, "EUR"), (0, "EUR"), (900, "USD"), (900, "")] {
        let seen = json!({"amount": amount, "currency": currency});
        let refused = ask(&shop, &mina, &json!({"total": seen})).await;
        assert_eq!(refused.refusal(), (409, "other-total"), "{seen}");
        assert_eq!(refused.body["total"], json!({"amount": 900, "currency": "EUR"}));
    }
    check_untouched(&shop).await;
    assert_eq!(ask(&shop, &mina, &json!({"total": {"amount": 900, "currency": "EUR"}})).await.status, 201);
}

#[tokio::test]
async fn an_order_is_sent_to_an_address_of_whoever_orders() {
    let (shop, mina, tea) = shop_with_a_cart().await;
    let lucy = shop.buyer("lucy").await;
    for unknown in [lucy.address_id.as_str(), "unknown"] {
        let refused = ask(&shop, &mina, &json!({"address_id": unknown})).await;
        assert_eq!(refused.refusal(), (422, "unknown-address"), "{unknown}");
    }
    // Somebody without a profile has no address, whether one is named or not.
    let nobody = Buyer { who: Who::named("nina"), customer_id: String::new(), address_id: String::new() };
    shop.put(&nobody, &tea, 1).await;
    assert_eq!(ask(&shop, &nobody, &json!({})).await.refusal(), (422, "no-address"));
    assert_eq!(ask(&shop, &nobody, &json!({"address_id": "a"})).await.refusal(), (422, "unknown-address"));
    let context = &shop.services.customer.context;
    customer::profiles::ensure(context, nobody.who.account.clone(), None, None).await.expect("it is made");
    assert_eq!(ask(&shop, &nobody, &json!({})).await.refusal(), (422, "no-address"));
    check_untouched(&shop).await;
    let bonn = json!({"recipient": "M", "lines": ["a"], "city": "Bonn", "country": "DE"});
    let request = json_request("POST", "/api/v1/customers/me/addresses");
    let other = send(&shop.services.customer.router, &mina.who, request, bonn.to_string()).await;
    let placed = ask(&shop, &mina, &json!({"address_id": other.text("id")})).await;
    assert_eq!((placed.status, &placed.body["address"]["city"]), (201, &json!("Bonn")));
}

#[tokio::test]
async fn a_service_that_can_not_be_asked_is_named_and_the_key_stays_unused() {
    let (shop, mina, tea) = shop_with_a_cart().await;
    for (call, service) in [("cart", "cart"), ("address", "customer"), ("customer", "customer")] {
        shop.faults.leave(call);
        let refused = ask(&shop, &mina, &json!({})).await;
        assert_eq!((refused.refusal(), refused.text("service")), ((503, "service-unavailable"), service), "{call}");
        assert_eq!(refused.field("retry-after"), "2");
        shop.faults.come_back();
    }
    for (call, service) in [("customer", "customer"), ("products", "product"), ("address", "customer")] {
        shop.faults.leave(call);
        let refused = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1)]).await;
        assert_eq!((refused.refusal(), refused.text("service")), ((503, "service-unavailable"), service), "{call}");
        shop.faults.come_back();
    }
    check_untouched(&shop).await;
    assert_eq!(ask(&shop, &mina, &json!({})).await.status, 201);
}

#[tokio::test]
async fn a_cart_may_cost_as_much_as_can_be_paid() {
    let shop = Shop::open().await;
    let (dear, cent) = (shop.product("D", 999_999_999_999, 10).await, shop.product("C", 1, 10).await);
    let mina = shop.buyer("mina").await;
    let refused = shop.buy(&mina, "k", "tok_visa", &[(&dear, 1), (&cent, 2)]).await;
    assert_eq!(refused.refusal(), (422, "too-much"));
    assert_eq!(shop.buy(&mina, "k", "tok_visa", &[(&dear, 10)]).await.refusal(), (422, "too-much"));
    check_untouched(&shop).await;
    let bought = shop.buy(&mina, "k", "tok_visa", &[(&dear, 1), (&cent, 1)]).await;
    assert_eq!((bought.status, &bought.body["totalAmount"]), (201, &json!(1_000_000_000_000_i64)));
    shop.check(bought.text("id"), "dear").await;
}

#[tokio::test]
async fn who_buys_is_who_asks() {
    let shop = Shop::open().await;
    let tea = shop.product("T", 450, 10).await;
    let (mina, lucy) = (shop.buyer("mina").await, shop.buyer("lucy").await);
    let for_mina = purchase(&mina, "tok_visa", &[(&tea, 1)]);
    // Also an admin buys for nobody else.
    for who in [&lucy.who, &Who::admin(), &Who::named("nobody")] {
        assert_eq!(shop.buy_with(who, Some("k"), &for_mina).await.refusal(), (422, "unknown-customer"), "{who:?}");
    }
    check_untouched(&shop).await;
}

#[tokio::test]
async fn products_that_nobody_can_buy_are_named() {
    let shop = Shop::open().await;
    let (tea, draft) = (shop.product("T", 450, 10).await, shop.product("D", 450, 10).await);
    shop.patch_product(&draft, &json!({"status": "draft"})).await;
    let mina = shop.buyer("mina").await;
    let refused = shop.buy(&mina, "k", "tok_visa", &[(&draft, 1), (&tea, 1), ("unknown", 1)]).await;
    assert_eq!(refused.refusal(), (422, "unknown-product"));
    assert_eq!(refused.body["product_ids"], json!([draft, "unknown"]));
    check_untouched(&shop).await;
}

#[tokio::test]
async fn an_order_has_one_currency() {
    let shop = Shop::open().await;
    let (tea, coffee) = (shop.product("T", 450, 10).await, shop.product_in("USD", "C", 450, 10).await);
    let mina = shop.buyer("mina").await;
    let refused = shop.buy(&mina, "k", "tok_visa", &[(&tea, 1), (&coffee, 1)]).await;
    assert_eq!(refused.refusal(), (422, "several-currencies"));
    check_untouched(&shop).await;
    let bought = shop.buy(&mina, "k", "tok_visa", &[(&coffee, 1)]).await;
    assert_eq!((bought.status, bought.text("currency")), (201, "USD"));
}

#[tokio::test]
async fn without_a_way_to_pay_nothing_is_bought() {
    for setting in [None, Some(""), Some("tok\nvisa")] {
        let settings = GivenSettings::default();
        let settings =
            setting.into_iter().fold(settings, |settings, value| settings.with("transactions_payment_token", value));
        let shop = Shop::open_with(settings).await;
        let tea = shop.product("T", 450, 10).await;
        let mina = shop.buyer("mina").await;
        let mut body = purchase(&mina, "", &[(&tea, 1)]);
        body.as_object_mut().expect("it is one").remove("paymentToken");
        let refused = shop.buy_with(&mina.who, Some("k"), &body).await;
        assert_eq!(refused.refusal(), (422, "no-payment-method"), "{setting:?}");
        check_untouched(&shop).await;
    }
}
