//! What there is before anybody buys: products on the shelves, and customers with an address.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::Full;
use serde_json::{Value, json};

use super::client::{Client, Doors};
use super::{PRODUCTS, STOCK};

type Identity = (HeaderName, HeaderValue);

/// Puts products on the shelves, by the services' own routes. Their ids.
pub(super) async fn fill(doors: &Doors, admin: &Identity) -> Result<Arc<[String]>> {
    let category = json!({"slug": "bench", "name": "Bench"});
    demand(&doors.product, "/api/v1/categories", Some(admin), &category).await?;
    let mut ids = Vec::with_capacity(PRODUCTS);
    for number in 1..=PRODUCTS {
        let product = json!({
            "sku": format!("BENCH-{number}"), "name": format!("Product {number}"), "category": "bench",
            "price": {"amount": 100 + number, "currency": "EUR"}, "status": "published", "stock": STOCK,
        });
        let product = demand(&doors.product, "/api/v1/products", Some(admin), &product).await?;
        ids.push(product["id"].as_str().context("a product has an id")?.to_owned());
    }
    Ok(ids.into())
}

/// A profile and an address, without which nothing is sent.
pub(super) async fn introduce(doors: &Doors, customer: &Identity) -> Result<()> {
    let profile = json!({"name": "Customer"});
    let mut request = doors.customer.post("/api/v1/customers/me").method(Method::PUT).header("if-none-match", "*");
    request = request.header(&customer.0, &customer.1);
    succeed(&doors.customer, request, &profile).await?;
    let address = json!({"recipient": "Customer", "lines": ["1 Market Street"], "city": "Souk", "country": "DE"});
    demand(&doors.customer, "/api/v1/customers/me/addresses", Some(customer), &address).await?;
    Ok(())
}

/// The answer to a `POST` that must succeed.
pub(super) async fn demand(client: &Client, path: &str, who: Option<&Identity>, body: &Value) -> Result<Value> {
    let mut request = client.post(path);
    if let Some((name, value)) = who {
        request = request.header(name, value);
    }
    succeed(client, request, body).await
}

async fn succeed(client: &Client, request: http::request::Builder, body: &Value) -> Result<Value> {
    let request = request.body(Full::new(Bytes::from(body.to_string())))?;
    let what = format!("{} {}", request.method(), request.uri());
    let answer = client.send(request).await?;
    if !answer.status().is_success() {
        bail!("{what}: {} {}", answer.status(), String::from_utf8_lossy(answer.body()));
    }
    Ok(serde_json::from_slice(answer.body()).unwrap_or_default())
}
