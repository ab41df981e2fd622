//! Keys and ids on their way through fields and paths: none is taken for another.

use payment::domain::Refusal;
use payment::domain::operation::Kind;
use payment::domain::payment::Status;
use serde_json::json;

use crate::shop::{Shop, Who, done};

/// Each differs from another only in what some reader of a field or a path might drop, join or decode.
const KEYS: [&str; 16] = [
    "k",
    "k ",
    " k",
    "k  k",
    "k k",
    "\"k\"",
    "\"k",
    "k\\",
    "k\\\"",
    "k/",
    "k/..",
    "k%20",
    "k+k",
    "k?a=b",
    "k#a",
    "k:@http,;=",
];

#[tokio::test]
async fn every_key_is_one_of_its_own() {
    let shop = Shop::open().await;
    for (number, key) in KEYS.iter().enumerate() {
        assert_eq!(done(shop.authorize(key, "order", 100, "tok_visa").await).0, Status::Authorized, "{key}");
        assert_eq!((shop.desk.gateway.effects(), shop.arrivals(Kind::Authorize, key).await), (number + 1, Some(1)));
    }
    let long = "~".repeat(payment::domain::KEY_BYTES_MAX);
    assert_eq!(done(shop.authorize(&long, "order", 100, "tok_visa").await).0, Status::Authorized);
}

#[tokio::test]
async fn every_key_is_found_again() {
    let shop = Shop::open().await;
    for key in KEYS {
        let lost = shop.authorize(key, "order", 100, "tok_timeout_after_effect").await;
        assert!(matches!(lost, Err(Refusal::Unknown(_))), "{key}: {lost:?}");
    }
    for key in KEYS {
        let found = shop.authorize(key, "order", 100, "tok_timeout_after_effect").await;
        assert_eq!(done(found).0, Status::Authorized, "{key}");
    }
    assert_eq!(shop.desk.gateway.effects(), KEYS.len());
}

#[tokio::test]
async fn a_key_of_a_person_and_one_of_a_component_are_two_at_the_gateway() {
    let shop = Shop::open().await;
    let id = shop.captured("a", "tok_visa").await;
    done(shop.refund("k", &id, Some(30)).await);
    assert_eq!(shop.give_back(&Who::admin(), id.as_str(), "k", &json!({"amount": 30})).await.status, 200);
    assert_eq!(shop.truth(&id).await.expect("it is known").refunded, 60);
    assert_eq!(shop.desk.gateway.arrivals("refund@http:k"), Some(1));
}
