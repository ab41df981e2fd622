//! The real service behind the real host: what only both together can show.
//!
//! The service's own rules are tested beside its code, without any host; here are bad input, races and restarts.

mod input;

mod versions;

mod race;

mod restart;

mod databases;

use crate::application::{Application, Component, service};
use crate::host::{Host, Place, Shared};
use crate::http::Answer;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const DATABASE: &str = "souk:database/sql";

fn shop() -> Application {
    Application::of([ungranted().grant(DATABASE)])
}

fn ungranted() -> Component {
    let routes = ["/api/v1/products/...", "/api/v1/categories/...", "/api/v1/reservations/..."];
    routes.iter().fold(Component::new("product", &service("product")), |component, route| component.route(route))
}

static HOST: Shared = Shared::new(shop);

const PRODUCTS: &str = "/api/v1/products";
const JSON: (&str, &str) = ("content-type", "application/json");

/// A category, made where it is not there yet.
fn make_category(host: &Host) {
    let body = json!({ "slug": "tea-pots", "name": "Tea pots" }).to_string();
    let answer = host.send("POST", "/api/v1/categories", &[JSON], body.as_bytes());
    assert!([201, 409].contains(&answer.status), "{answer:?}");
}

/// A product that is right in every way, with a SKU of its own.
fn product(stock: u64) -> Value {
    static SKUS: AtomicUsize = AtomicUsize::new(0);
    json!({
        "sku": format!("TP-{}", SKUS.fetch_add(1, Ordering::Relaxed)),
        "name": "Blue teapot",
        "price": { "amount": 1999, "currency": "EUR" },
        "category": "tea-pots",
        "status": "published",
        "stock": stock,
    })
}

/// Makes a product; its path.
fn make_product(host: &Host, stock: u64) -> String {
    make_category(host);
    let answer = host.send("POST", PRODUCTS, &[JSON], product(stock).to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.text());
    let path = answer.field("location").unwrap().to_owned();
    assert!(path.starts_with("/api/v1/products/"), "{path}");
    path
}

/// The version of what is at this path, for `If-Match`.
fn etag(host: &Host, path: &str) -> String {
    let answer = host.get(path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.field("etag").unwrap().to_owned()
}

fn post(host: &Host, path: &str, body: &[u8]) -> Answer {
    host.send("POST", path, &[JSON], body)
}

#[test]
fn without_the_grant_the_service_is_refused() {
    let place = Arc::new(Place::new(&Application::of([ungranted()])));
    for ended in [place.refused(), place.check()] {
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.stderr.contains("component product: imports souk:database/sql, which it was not granted"),
            "{}",
            ended.stderr
        );
        assert!(
            ended.stderr.contains("add \"souk:database/sql\" to grants in [component.product.tool.souk]"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn what_a_component_may_use_is_told_at_the_start() {
    let summary = HOST.host().summary();
    assert!(summary.contains("may use souk:database/sql"), "{summary}");
}

#[test]
fn a_component_does_not_see_the_database_of_another() {
    let component = |id, routes: &[&str]| {
        let component = Component::new(id, &service("product")).grant(DATABASE);
        routes.iter().fold(component, |component, route| component.route(route))
    };
    let first = component("first", &["/api/v1/products/...", "/api/v1/categories/..."]);
    let second = component("second", &["/api/v1/reservations/..."]);
    let host = Host::up(&Application::of([first, second]));
    let path = make_product(&host, 1);
    let id = path.rsplit('/').next().unwrap();
    let lines = json!({ "lines": [{ "product_id": id, "quantity": 1 }], "expires_in_seconds": 900 });
    let answer = host.send("PUT", "/api/v1/reservations/r-1", &[JSON], lines.to_string().as_bytes());
    answer.is_problem(422, "unknown-product");
    assert_eq!(host.place.on_data(&["db", "status", "first", "second"]).code, Some(0), "there are two");
}
