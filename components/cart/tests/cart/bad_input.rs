//! What clients send that is wrong: a clear refusal, and nothing is changed.

use http::Request;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use souk_test_services::caller::Who;
use souk_test_services::request::json_request;

use crate::shop::{Buyer, CART, ITEMS, Shop, holds, item};

#[tokio::test]
async fn a_client_never_says_a_price() {
    let shop = Shop::open().await;
    let tea = shop.product("a", 500, 10).await;
    let guest = shop.guest(&[(&tea, 1)]).await;
    for name in ["price", "unit_price", "total", "currency", "discount"] {
        let mut body = json!({"product_id": tea, "quantity": 1});
        body[name] = json!({"amount": 1, "currency": "EUR"});
        let refused = shop.send(&guest, "POST", ITEMS, None, Some(&body)).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![&*format!("/{name}")]));
        body.as_object_mut().expect("it is one").remove("product_id");
        let refused = shop.send(&guest, "PUT", &item(&tea), None, Some(&body)).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), vec![&*format!("/{name}")]));
    }
    assert_eq!(shop.held(&guest).await, holds(&[(&tea, 1)]));
}

#[tokio::test]
async fn all_faults_of_a_body_are_told() {
    let shop = Shop::open().await;
    let table = [
        (json!({}), vec!["/product_id", "/quantity"]),
        (json!({"product_id": "", "quantity": 0}), vec!["/product_id", "/quantity"]),
        (json!({"product_id": "a/b", "quantity": -1}), vec!["/product_id", "/quantity"]),
        (json!({"product_id": 7, "quantity": 1.5}), vec!["/product_id", "/quantity"]),
        (json!({"product_id": "a", "quantity": "1"}), vec!["/quantity"]),
        (json!({"product_id": "a", "quantity": 1_000}), vec!["/quantity"]),
        (json!({"product_id": "a", "quantity": u64::MAX}), vec!["/quantity"]),
        (json!({"product_id": "a", "quantity": 1, "note": "x"}), vec!["/note"]),
        (json!([]), vec![""]),
        (Value::Null, vec![""]),
    ];
    for (body, faults) in table {
        let refused = shop.send(&Buyer::newcomer(), "POST", ITEMS, None, Some(&body)).await;
        assert_eq!((refused.refusal(), refused.faults()), ((422, "invalid-body"), faults), "{body}");
    }
    assert_eq!(shop.count("carts").await, 0);
}

#[tokio::test]
async fn what_is_no_json_or_no_route_is_refused() {
    let shop = Shop::open().await;
    let post = || json_request("POST", ITEMS);
    for (request, body, status) in [
        (post(), "{", 400),
        (post(), "", 400),
        (post(), "{\"quantity\":1,\"quantity\":2}", 400),
        (Request::post(ITEMS), "{}", 415),
        (Request::get(ITEMS), "", 405),
        (Request::put(CART), "", 405),
        (Request::get(format!("{CART}/merge")), "", 405),
        (Request::post(format!("{CART}/buy")), "", 404),
    ] {
        let answer = shop.request(&Who::nobody(), request, body.to_owned()).await;
        assert_eq!(answer.status, status, "{body}");
    }
}

/// Anything that a client may write where a value is expected.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,80}".prop_map(Value::from),
        proptest::collection::vec(any::<u8>(), 0..3).prop_map(Value::from),
    ]
}

#[tokio::test]
async fn whatever_is_sent_is_answered_and_never_makes_a_cart_of_nothing() {
    let shop = Shop::open().await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..256 {
        let mut draw = || anything().new_tree(&mut runner).expect("it can be drawn").current();
        let body = json!({"product_id": draw(), "quantity": draw()});
        let answer = shop.send(&Buyer::newcomer(), "POST", ITEMS, None, Some(&body)).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
    }
    for _ in 0..256 {
        let text = ".{0,80}".new_tree(&mut runner).expect("it can be drawn").current();
        let token = http::HeaderValue::from_str(&text).unwrap_or(http::HeaderValue::from_static("x"));
        let request = Request::get(CART).header("cart-token", token);
        assert_eq!(shop.request(&Who::nobody(), request, String::new()).await.refusal(), (404, "unknown-cart"));
    }
    assert_eq!(shop.count("carts").await, 0);
}
