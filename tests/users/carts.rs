//! Carts through the shop's own manifest: guests need no account, and the products are asked about over a link.

use super::{Client, Tokens, made};
use crate::application::Application;
use crate::host::Shared;
use crate::http::Answer;
use serde_json::{Value, json};

/// One of their own: others count the products of the shop that they share.
static HOST: Shared = Shared::new(Application::delivered);

const CART: &str = "/api/v1/cart";

fn admin() -> (Client, Tokens) {
    let host = HOST.host();
    made(&host.place, &host, &["--admin"])
}

fn signed_up() -> (Client, Tokens) {
    let client = Client::of(HOST.host());
    client.register();
    let tokens = client.login();
    (client, tokens)
}

/// A published product with this number, so many in stock; its id.
fn product(sku: &str, stock: u64) -> String {
    let (boss, admins) = admin();
    let category = json!({"slug": "cart-tea", "name": "Tea"});
    let made = boss.with(&admins.access, "POST", "/api/v1/categories", Some(&category));
    assert!([201, 409].contains(&made.status), "{}", made.text());
    let product = json!({"sku": sku, "name": "Tea", "price": {"amount": 500, "currency": "EUR"}, "category": "cart-tea",
        "status": "published", "stock": stock});
    let made = boss.with(&admins.access, "POST", "/api/v1/products", Some(&product));
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

fn put_in(client: &Client, token: Option<&str>, product: &str, quantity: u32) -> Answer {
    let body = json!({"product_id": product, "quantity": quantity});
    let fields: Vec<_> = token.map(|token| ("cart-token", token)).into_iter().collect();
    client.send("POST", &format!("{CART}/items"), &fields, Some(&body))
}

#[test]
fn what_a_guest_puts_in_is_theirs_when_they_sign_in() {
    let tea = product("cart-1", 9);
    let (ada, adas) = signed_up();
    let first = put_in(&ada, None, &tea, 2);
    assert_eq!(first.status, 200, "{}", first.text());
    let token = first.field("cart-token").unwrap().to_owned();
    assert_eq!(
        (first.json()["token"].as_str(), first.field("cache-control")),
        (Some(&*token), Some("private, no-cache"))
    );
    let guests = [("cart-token", token.as_str())];
    assert_eq!(ada.send("GET", CART, &guests, None).json()["items"][0]["quantity"], 2);
    ada.send("GET", CART, &[("cart-token", "guessed")], None).is_problem(404, "unknown-cart");
    assert_eq!(ada.send("GET", CART, &[], None).json()["items"], json!([]));

    let bearer = format!("Bearer {}", adas.access);
    let both = [("authorization", bearer.as_str()), ("cart-token", token.as_str())];
    let merged = ada.send("POST", &format!("{CART}/merge"), &both, None);
    assert_eq!((merged.status, &merged.json()["items"][0]["quantity"]), (200, &json!(2)), "{}", merged.text());
    assert_eq!(ada.with(&adas.access, "GET", CART, None).json()["total"]["amount"], 1_000);
    ada.send("GET", CART, &guests, None).is_problem(404, "unknown-cart");
    let (eve, eves) = signed_up();
    assert_eq!(eve.with(&eves.access, "GET", CART, None).json()["id"], Value::Null);
}

#[test]
fn a_cart_is_checked_over_the_link_each_time() {
    let tea = product("cart-2", 5);
    let (ada, adas) = signed_up();
    let body = json!({"product_id": tea, "quantity": 4});
    let items = format!("{CART}/items");
    assert_eq!(ada.with(&adas.access, "POST", &items, Some(&body)).status, 200);
    ada.with(&adas.access, "POST", &items, Some(&body)).is_problem(409, "sold-out");
    let (boss, admins) = admin();
    let bearer = format!("Bearer {}", admins.access);
    let change = [("authorization", bearer.as_str()), ("if-match", "*")];
    let stock = boss.send("PUT", &format!("/api/v1/products/{tea}/stock"), &change, Some(&json!({"stock": 3})));
    assert_eq!(stock.status, 200, "{}", stock.text());
    let read = ada.with(&adas.access, "GET", CART, None).json();
    assert_eq!(read["differences"], json!([{"product_id": tea, "kind": "shortage", "available": 3}]));
    let accepted = ada.with(&adas.access, "POST", &format!("{CART}/accept"), None).json();
    assert_eq!((&accepted["differences"], &accepted["items"][0]["quantity"]), (&json!([]), &json!(3)));
    let unknown = json!({"product_id": "nothing", "quantity": 1});
    ada.with(&adas.access, "POST", &items, Some(&unknown)).is_problem(422, "unknown-product");
}
