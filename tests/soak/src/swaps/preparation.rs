//! Before anybody comes: goods that never run out, customers who have bought once, accounts, and every request that will be sent.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde_json::{Value, json};

use super::visitors::{Asks, Kind, Requests, Tokens};
use crate::connection::{Asked, Client};
use crate::customer::profile;
use crate::shop::Shop;

/// Customers whose cart changes, and as many others who buy.
pub(crate) const CUSTOMERS: usize = 64;

/// Accounts of the shop's own, which sign in: each costs 40 ms to make.
const ACCOUNTS: usize = 8;

/// Products that are bought and put into carts.
const PRODUCTS: usize = 8;

/// More of each than anybody buys.
const STOCK: i64 = 1_000_000_000;

/// Pages of the shop that are looked at.
const PAGES: usize = 10;

const PASSWORD: &str = "a long word for the soak";

/// Fills the shop, and writes the requests.
pub(crate) async fn prepare(shop: &mut Shop) -> Result<(Requests, Tokens)> {
    let mut requests = Requests::default();
    let products = shelves(shop).await?;
    let writer = Writer { address: shop.address() };
    anyones(shop, &writer, &products, &mut requests).await?;
    for number in 0..CUSTOMERS {
        shopper(shop, number, &writer, &products, &mut requests).await?;
        buyer(shop, number, &writer, &products, &mut requests).await?;
    }
    let tokens = accounts(shop, &writer, &mut requests).await?;
    Ok((requests, tokens))
}

/// Products that are there for this; their ids.
async fn shelves(shop: &mut Shop) -> Result<Vec<String>> {
    shop.admin().demand(&Asked::post("/api/v1/categories", json!({"slug": "soak", "name": "Soak"}))).await?;
    let mut products = Vec::new();
    for number in 0..PRODUCTS {
        products.push(shop.sell(&number.to_string(), 500, STOCK).await?);
    }
    Ok(products)
}

/// What anyone may read, and admins.
async fn anyones(shop: &Shop, writer: &Writer, products: &[String], requests: &mut Requests) -> Result<()> {
    let mut admin = shop.admin();
    let page = admin.demand(&Asked::get("/api/v1/products?size=100&status=published")).await?;
    let demo = page["items"].as_array().context("products have a list")?;
    ensure!(demo.len() == 100, "the demo has {} products only", demo.len());
    let demo = demo.iter().filter_map(|product| product["id"].as_str());
    let mut read = |kind, path: String| requests.reads.push(writer.get(kind, &path, None));
    for page in 1..=PAGES {
        read(Kind::Products, format!("/api/v1/products?page={page}&size=20"));
    }
    for product in demo {
        read(Kind::Product, format!("/api/v1/products/{product}"));
    }
    for word in ["coffee", "oil", "lamp", "linen", "blue", "steel", "book", "seeds"] {
        read(Kind::Search, format!("/api/v1/products?q={word}&size=10"));
    }
    read(Kind::Categories, "/api/v1/categories".to_owned());
    read(Kind::Categories, "/api/v1/categories/pantry".to_owned());
    for product in products {
        read(Kind::Stock, format!("/api/v1/products/{product}/stock"));
    }
    requests.reads.push(writer.get(Kind::Payments, "/api/v1/payments?size=10", Some(&shop.token("admin", &["admin"]))));
    Ok(())
}

/// Somebody whose cart changes.
async fn shopper(
    shop: &Shop,
    number: usize,
    writer: &Writer,
    products: &[String],
    requests: &mut Requests,
) -> Result<()> {
    let subject = format!("shopper-{number}");
    let mut client = shop.client(&subject, &["customer"]);
    introduce(&mut client, &subject).await?;
    let item = json!({"product_id": products[number % products.len()], "quantity": 1});
    client.demand(&Asked::post("/api/v1/cart/items", item)).await?;
    let token = shop.token(&subject, &["customer"]);
    requests.reads.push(writer.get(Kind::Profile, "/api/v1/customers/me", Some(&token)));
    requests.reads.push(writer.get(Kind::Cart, "/api/v1/cart", Some(&token)));
    let change = |(index, product): (usize, &String)| {
        let path = format!("/api/v1/cart/items/{product}");
        writer.send(Kind::CartChange, "PUT", &path, Some(&token), &json!({"quantity": 1 + index}), 200)
    };
    requests.changes.push(products.iter().enumerate().map(change).collect());
    Ok(())
}

/// Somebody who buys, and has bought.
async fn buyer(
    shop: &Shop,
    number: usize,
    writer: &Writer,
    products: &[String],
    requests: &mut Requests,
) -> Result<()> {
    let subject = format!("buyer-{number}");
    let mut client = shop.client(&subject, &["customer"]);
    let customer_id = introduce(&mut client, &subject).await?;
    let product = &products[number % products.len()];
    let body = json!({
        "customerId": customer_id, "items": [{"productId": product, "quantity": 1}], "paymentToken": "tok_visa",
    });
    let order = client.demand(&Asked::post("/api/v1/transactions", body.clone()).under("the first one")).await?;
    let order = order["id"].as_str().context("a transaction has an id")?;
    let paid = shop.admin().demand(&Asked::get(format!("/api/v1/payments?order_id={order}"))).await?;
    let payment = paid["items"][0]["id"].as_str().context("an order that is paid has a payment")?;
    let token = shop.token(&subject, &["customer"]);
    requests.reads.push(writer.get(Kind::Payment, &format!("/api/v1/payments/{payment}"), Some(&token)));
    requests.reads.push(writer.get(Kind::Orders, "/api/v1/orders?size=10", Some(&token)));
    let post = |kind, path, body: &Value, expected| writer.send(kind, "POST", path, Some(&token), body, expected);
    requests.checkouts.push([
        post(Kind::CartChange, "/api/v1/cart/items", &json!({"product_id": product, "quantity": 2}), 200),
        post(Kind::Checkout, "/api/v1/orders", &json!({"payment_token": "tok_visa"}), 201),
    ]);
    requests.purchases.push(post(Kind::Purchase, "/api/v1/transactions", &body, 201));
    Ok(())
}

/// A profile and an address, without which nothing is sent; the id of the profile.
async fn introduce(client: &mut Client, name: &str) -> Result<String> {
    let id = profile(client, name).await?;
    let address = json!({"recipient": name, "lines": ["1 Market Street"], "city": "Souk", "country": "DE"});
    client.demand(&Asked::post("/api/v1/customers/me/addresses", address)).await?;
    Ok(id)
}

/// Accounts of the shop's own, signed in for the first time.
async fn accounts(shop: &Shop, writer: &Writer, requests: &mut Requests) -> Result<Tokens> {
    let tokens = Tokens::default();
    let mut client = shop.client("nobody", &[]);
    for number in 0..ACCOUNTS {
        let email = format!("account-{number}@soak.example");
        let account = json!({"email": email, "password": PASSWORD, "name": "Account"});
        client.demand(&Asked::post("/api/v1/register", account)).await?;
        let login = json!({"email": email, "password": PASSWORD});
        let signed_in = client.demand(&Asked::post("/api/v1/login", login.clone())).await?;
        tokens.keep(number, bearer(&signed_in)?);
        requests.logins.push(writer.send(Kind::Login, "POST", "/api/v1/login", None, &login, 200));
        requests.own_accounts.push(writer.get(Kind::Me, "/api/v1/me", None));
    }
    Ok(tokens)
}

/// The access token in an answer to a login, as the field `authorization`.
pub(crate) fn bearer(signed_in: &Value) -> Result<HeaderValue> {
    let token = signed_in["access_token"].as_str().context("whoever signs in gets a token")?;
    Ok(HeaderValue::try_from(format!("Bearer {token}"))?)
}

/// Writes requests to one shop.
struct Writer {
    address: SocketAddr,
}

impl Writer {
    fn get(&self, kind: Kind, path: &str, token: Option<&str>) -> Asks {
        self.write(kind, "GET", path, token, None, 200)
    }

    fn send(&self, kind: Kind, method: &str, path: &str, token: Option<&str>, body: &Value, expected: u16) -> Asks {
        self.write(kind, method, path, token, Some(body), expected)
    }

    fn write(
        &self,
        kind: Kind,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
        expected: u16,
    ) -> Asks {
        let mut request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map(ToString::to_string).unwrap_or_default();
        let request = request.body(body.into()).expect("paths and tokens of a shop are ASCII");
        Asks { kind, request, expected }
    }
}
