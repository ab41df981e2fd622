//! A shop to order in: the service and those that it needs, one clock, people who buy, requests with their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use http::Request;
use order::domain::OrderId;
use order::domain::order::Order;
use order::orders::Orders;
use order::store;
use serde_json::{Value, json};
use souk_database::contract::Transaction;
use souk_kit::context::{Context, Ids};
use souk_kit::database::{attempt_again, sql};
use souk_kit::native::{GivenSettings, SetClock};
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::database::{self, Fresh};
use souk_test_services::request::{json_request, send};

use crate::faults::{Faults, Watched};
use crate::services::{Service, Services};

pub(crate) const ORDERS: &str = "/api/v1/orders";
pub(crate) const TRANSACTIONS: &str = "/api/v1/transactions";

/// So many lines of a journal are told.
const LINES_TOLD: i64 = 200;

/// The service, without any order, beside the others.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) orders: Orders,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    pub(crate) database: Arc<Fresh>,
    pub(crate) services: Services,
    pub(crate) faults: Arc<Faults>,
    router: Router,
}

/// Somebody with a profile and an address.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) who: Who,
    pub(crate) customer_id: String,
    pub(crate) address_id: String,
}

/// Ids that count, and secrets that look drawn: the numbers of orders differ as they do in a shop.
#[derive(Default)]
struct DrawnIds(AtomicU64);

impl Ids for DrawnIds {
    fn random(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
        bytes
    }

    /// Steele, Lea and Flood, `SplitMix64`.
    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let mut state = self.0.fetch_add(1, Ordering::Relaxed).wrapping_mul(0xd134_2543_de82_ef95);
        for part in bytes.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
        }
        bytes
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(GivenSettings::default()).await
    }

    /// A shop that waits for a payment for as long as it takes.
    pub(crate) async fn patient() -> Self {
        Self::open_with(GivenSettings::default().with("payment_patience_seconds", "86400")).await
    }

    pub(crate) async fn open_with(settings: GivenSettings) -> Self {
        let clock = SetClock::default();
        let services = Services::open(&clock).await;
        let (database, fresh) = Fresh::open("order", order::MIGRATIONS).await;
        let context = Context::with_settings(database, clock.clone(), DrawnIds::default(), settings);
        let database = Arc::new(fresh);
        let faults = Arc::new(Faults::new(Arc::clone(&database)));
        let watched = Watched { services: services.clone(), faults: Arc::clone(&faults) };
        let orders = Orders::new(context.clone(), watched);
        let router = order::http::router(orders.clone());
        let shop = Self { orders, context, clock, database, services, faults, router };
        let tea = json!({"slug": "tea", "name": "Tea"});
        assert_eq!(shop.of_merchant("POST", "/api/v1/categories", &tea).await.status, 201);
        shop
    }

    /// A published product of this price in cents, so many in stock; its id.
    pub(crate) async fn product(&self, sku: &str, cents: i64, stock: i64) -> String {
        self.product_in("EUR", sku, cents, stock).await
    }

    pub(crate) async fn product_in(&self, currency: &str, sku: &str, cents: i64, stock: i64) -> String {
        let product = json!({
            "sku": sku, "name": format!("Tea {sku}"), "description": "", "category": "tea", "attributes": {},
            "price": {"amount": cents, "currency": currency}, "image_url": "/images/tea.webp",
            "status": "published", "stock": stock,
        });
        let created = self.of_merchant("POST", "/api/v1/products", &product).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.text("id").to_owned()
    }

    /// Changes what a merchant has written about a product.
    pub(crate) async fn patch_product(&self, product: &str, changes: &Value) {
        let patched = self.of_merchant("PATCH", &format!("/api/v1/products/{product}"), changes).await;
        assert_eq!(patched.status, 200, "{patched:?}");
    }

    /// How many of a product there are, and how many of them nobody has set aside.
    pub(crate) async fn stock(&self, product: &str) -> (i64, i64) {
        let request = Request::get(format!("/api/v1/products/{product}"));
        let read = send(&self.services.product.router, &Who::nobody(), request, Body::empty()).await;
        let number = |member: &str| read.body[member].as_i64().unwrap_or_else(|| panic!("{read:?}"));
        (number("stock"), number("available"))
    }

    /// Sets the stock, as somebody has counted.
    pub(crate) async fn count_stock(&self, product: &str, stock: i64) {
        let path = format!("/api/v1/products/{product}/stock");
        let set = self.of_merchant("PUT", &path, &json!({"stock": stock})).await;
        assert_eq!(set.status, 200, "{set:?}");
    }

    /// Somebody takes an order's reservation away.
    pub(crate) async fn take_away(&self, order: &str, reservation: u32) {
        let taken = self.try_to_take_away(order, reservation).await;
        assert_eq!(taken.status, 200, "{taken:?}");
    }

    /// The same, if there is something to take.
    pub(crate) async fn try_to_take_away(&self, order: &str, reservation: u32) -> Answer {
        self.of_merchant("DELETE", &format!("/api/v1/reservations/{order}.{reservation}"), &Value::Null).await
    }

    /// From now on the provider does as `tok_visa` says.
    pub(crate) async fn mend_provider(&self) {
        let steps = vec![sql("UPDATE simulator_authorizations SET token = 'tok_visa'").anything()];
        let transaction = Transaction { steps, events: vec![] };
        attempt_again(self.services.payment.context.database(), transaction).await.expect("there is such a table");
    }

    async fn of_merchant(&self, method: &str, path: &str, body: &Value) -> Answer {
        let media = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        send(&self.services.product.router, &Who::nobody(), request.header("if-match", "*"), body.to_string()).await
    }

    /// Somebody with a profile and an address in Berlin.
    pub(crate) async fn buyer(&self, subject: &str) -> Buyer {
        let who = Who::named(subject);
        let customers = |path: &str| format!("/api/v1/customers/me{path}");
        let service = &self.services.customer;
        let request = json_request("PUT", &customers("")).header("if-none-match", "*");
        let profile = send(&service.router, &who, request, json!({"name": subject}).to_string()).await;
        assert_eq!(profile.status, 201, "{profile:?}");
        let address = json!({"recipient": subject, "lines": ["Hauptstr. 1"], "city": "Berlin", "country": "DE"});
        let added = post(service, &who, &customers("/addresses"), &address).await;
        assert_eq!(added.status, 201, "{added:?}");
        let (customer_id, address_id) = (profile.text("id").to_owned(), added.text("id").to_owned());
        Buyer { who, customer_id, address_id }
    }

    /// The same with so many of a product in the cart.
    pub(crate) async fn buyer_of(&self, subject: &str, product: &str, quantity: u32) -> Buyer {
        let buyer = self.buyer(subject).await;
        self.put(&buyer, product, quantity).await;
        buyer
    }

    /// Puts so many of a product into the cart.
    pub(crate) async fn put(&self, buyer: &Buyer, product: &str, quantity: u32) {
        let added = self.try_to_put(buyer, product, quantity).await;
        assert!(added.status < 300, "{added:?}");
    }

    /// The same, if there are so many.
    pub(crate) async fn try_to_put(&self, buyer: &Buyer, product: &str, quantity: u32) -> Answer {
        let item = json!({"product_id": product, "quantity": quantity});
        post(&self.services.cart, &buyer.who, "/api/v1/cart/items", &item).await
    }

    /// What is in somebody's cart.
    pub(crate) async fn cart(&self, buyer: &Buyer) -> Answer {
        let cart = &self.services.cart.router;
        send(cart, &buyer.who, Request::get("/api/v1/cart"), Body::empty()).await
    }

    /// Orders the cart.
    pub(crate) async fn check_out(&self, buyer: &Buyer, key: &str, token: &str) -> Answer {
        self.order_with(&buyer.who, key, &json!({"payment_token": token})).await
    }

    pub(crate) async fn order_with(&self, who: &Who, key: &str, body: &Value) -> Answer {
        let request = json_request("POST", ORDERS).header("idempotency-key", key);
        self.send(who, request, body.to_string()).await
    }

    /// Buys products without a cart.
    pub(crate) async fn buy(&self, buyer: &Buyer, key: &str, token: &str, items: &[(&str, i64)]) -> Answer {
        self.buy_with(&buyer.who, Some(key), &purchase(buyer, token, items)).await
    }

    pub(crate) async fn buy_with(&self, who: &Who, key: Option<&str>, body: &Value) -> Answer {
        let request = json_request("POST", TRANSACTIONS);
        let request = key.into_iter().fold(request, |request, key| request.header("idempotency-key", key));
        self.send(who, request, body.to_string()).await
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        self.send(who, Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, who: &Who, path: &str) -> Answer {
        self.send(who, Request::post(path), Body::empty()).await
    }

    /// Asks for one of the changes of an order: `cancel`, `ship`, `deliver`.
    pub(crate) async fn change(&self, who: &Who, order: &str, change: &str) -> Answer {
        self.post(who, &format!("{ORDERS}/{order}/{change}")).await
    }

    pub(crate) async fn send(&self, who: &Who, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        send(&self.router, who, request, body).await
    }

    /// The order as it is written down.
    pub(crate) async fn order(&self, id: &str) -> Order {
        let found = store::order(&self.context, &OrderId::stored(id.to_owned())).await;
        found.expect("it can be read").unwrap_or_else(|| panic!("there is no order {id}"))
    }

    /// All orders of an account, oldest first.
    pub(crate) async fn orders_of(&self, who: &Who) -> Vec<Order> {
        store::listing::walk(&self.context, &who.account, None, 100).await.expect("they can be read")
    }

    /// What came of each step and each change, oldest first, such as `reserve reserved`.
    pub(crate) async fn journal(&self, id: &str) -> Vec<String> {
        let entries = store::journal::entries(&self.context, &OrderId::stored(id.to_owned())).await;
        let entries = entries.expect("it can be read");
        let versions: Vec<i64> = entries.iter().rev().map(|entry| entry.version).collect();
        let last = self.order(id).await.version;
        let all: Vec<i64> = (1.max(last - LINES_TOLD + 1)..=last).collect();
        assert_eq!(versions, all, "each transaction has its line");
        let told = |entry: &store::journal::Entry| match &entry.step {
            Some(step) => format!("{step} {}", entry.what),
            None => entry.what.clone(),
        };
        entries.iter().rev().map(told).collect()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        database::count(self.context.database(), table).await
    }

    pub(crate) fn pass(&self, seconds: i64) {
        self.clock.advance_seconds(seconds);
    }

    /// The job `resume`, for as long as it says that there is more.
    pub(crate) async fn resume(&self) {
        for _ in 0..100 {
            if !self.orders.resume().await.expect("the database is there") {
                return;
            }
        }
        panic!("there is always more");
    }

    /// Lets time pass, a minute at a time, in which the jobs run, until nothing is left to do.
    pub(crate) async fn settle(&self) {
        for _ in 0..60 {
            if self.left().await == 0 {
                return;
            }
            self.pass(61);
            self.services.payments.resolve().await.expect("the provider is there");
            self.resume().await;
        }
        panic!("something is left to do after an hour");
    }

    /// How many orders have something left to do.
    pub(crate) async fn left(&self) -> i64 {
        self.count("orders WHERE step IS NOT NULL").await
    }
}

/// The body of a purchase without a cart.
pub(crate) fn purchase(buyer: &Buyer, token: &str, items: &[(&str, i64)]) -> Value {
    let items: Vec<_> = items.iter().map(|(id, quantity)| json!({"productId": id, "quantity": quantity})).collect();
    json!({"customerId": buyer.customer_id, "items": items, "paymentToken": token})
}

async fn post(service: &Service, who: &Who, path: &str, body: &Value) -> Answer {
    send(&service.router, who, json_request("POST", path), body.to_string()).await
}
