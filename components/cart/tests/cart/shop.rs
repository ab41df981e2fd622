//! A shop with carts and products: two services, each with a fresh database that can break, one clock, and requests with their answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use axum::Router;
use axum::body::Body;
use cart::carts::Carts;
use cart::domain::offer::Offer;
use cart::domain::{Currency, Money, ProductId};
use cart::products::{Answer as Offered, Error, Products};
use http::Request;
use product::domain::{self as of_product, Product};
use serde_json::{Value, json};
use souk_database::contract::Error as DatabaseError;
use souk_kit::context::Context;
use souk_kit::database::Failure;
use souk_kit::native::{CountedIds, GivenSettings, SetClock};
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::database::{Calls, Fresh};
use souk_test_services::request::{json_request, send};

pub(crate) const CART: &str = "/api/v1/cart";
pub(crate) const ITEMS: &str = "/api/v1/cart/items";
pub(crate) const DAY_S: i64 = 86_400;

/// The service, without any cart, and a product service without any product.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) carts: Carts,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    pub(crate) database: Arc<Fresh>,
    pub(crate) warehouse: Warehouse,
    router: Router,
}

/// The product service, in the same process: what a link is in a host.
#[derive(Clone)]
pub(crate) struct Warehouse {
    pub(crate) database: Arc<Fresh>,
    context: Context,
    router: Router,
    clock: SetClock,
    questions: Arc<AtomicU32>,
    takes_s: Arc<AtomicI64>,
}

/// Who buys: somebody who signed in, a guest with a token, or both at once.
#[derive(Clone, Debug)]
pub(crate) struct Buyer {
    pub(crate) who: Who,
    pub(crate) token: Option<String>,
}

impl Buyer {
    pub(crate) fn newcomer() -> Self {
        Self { who: Who::nobody(), token: None }
    }

    pub(crate) fn holder(token: &str) -> Self {
        Self { who: Who::nobody(), token: Some(token.to_owned()) }
    }

    pub(crate) fn named(subject: &str) -> Self {
        Self { who: Who::named(subject), token: None }
    }

    pub(crate) fn with_token_of(&self, guest: &Self) -> Self {
        Self { who: self.who.clone(), token: guest.token.clone() }
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(GivenSettings::default()).await
    }

    pub(crate) async fn open_with(settings: GivenSettings) -> Self {
        let clock = SetClock::default();
        let warehouse = Warehouse::open(&clock).await;
        let (database, fresh) = Fresh::open("cart", cart::MIGRATIONS).await;
        let context = Context::with_settings(database, clock.clone(), CountedIds::default(), settings);
        let carts = Carts::new(context.clone(), warehouse.clone());
        let router = cart::http::router(carts.clone());
        Self { carts, context, clock, database: Arc::new(fresh), warehouse, router }
    }

    /// A published product of this price in cents, so many in stock; its id.
    pub(crate) async fn product(&self, sku: &str, cents: i64, stock: i64) -> String {
        self.warehouse.product(sku, cents, "EUR", stock).await
    }

    pub(crate) async fn cart(&self, buyer: &Buyer) -> Answer {
        self.send(buyer, "GET", CART, None, None).await
    }

    pub(crate) async fn add(&self, buyer: &Buyer, product: &str, quantity: u32) -> Answer {
        let body = json!({"product_id": product, "quantity": quantity});
        self.send(buyer, "POST", ITEMS, None, Some(&body)).await
    }

    pub(crate) async fn set(&self, buyer: &Buyer, product: &str, quantity: u32) -> Answer {
        self.send(buyer, "PUT", &item(product), None, Some(&json!({"quantity": quantity}))).await
    }

    pub(crate) async fn remove(&self, buyer: &Buyer, product: &str) -> Answer {
        self.send(buyer, "DELETE", &item(product), None, None).await
    }

    pub(crate) async fn empty(&self, buyer: &Buyer) -> Answer {
        self.send(buyer, "DELETE", CART, None, None).await
    }

    pub(crate) async fn accept(&self, buyer: &Buyer) -> Answer {
        self.send(buyer, "POST", &format!("{CART}/accept"), None, None).await
    }

    /// Somebody comes back as themselves with what they put in as a guest.
    pub(crate) async fn merge(&self, buyer: &Buyer, guest: &Buyer) -> Answer {
        self.send(&buyer.with_token_of(guest), "POST", &format!("{CART}/merge"), None, None).await
    }

    pub(crate) async fn send(
        &self,
        buyer: &Buyer,
        method: &str,
        path: &str,
        tag: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        let request = match body {
            Some(_) => json_request(method, path),
            None => Request::builder().method(method).uri(path),
        };
        let request = tag.into_iter().fold(request, |request, tag| request.header("if-match", tag));
        let request = buyer.token.iter().fold(request, |request, token| request.header("cart-token", token));
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.request(&buyer.who, request, body).await
    }

    pub(crate) async fn request(&self, who: &Who, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        send(&self.router, who, request, body).await
    }

    /// A guest who has put this in.
    pub(crate) async fn guest(&self, items: &[(&str, u32)]) -> Buyer {
        let mut guest = Buyer::newcomer();
        for (product, quantity) in items {
            let added = self.add(&guest, product, *quantity).await;
            assert_eq!(added.status, 200, "{added:?}");
            guest.token = guest.token.or_else(|| Some(added.text("token").to_owned()));
        }
        guest
    }

    /// Somebody who signed in and has put this in.
    pub(crate) async fn customer(&self, subject: &str, items: &[(&str, u32)]) -> Buyer {
        let buyer = Buyer::named(subject);
        for (product, quantity) in items {
            let added = self.add(&buyer, product, *quantity).await;
            assert_eq!(added.status, 200, "{added:?}");
        }
        buyer
    }

    /// How many of what somebody has, in the order of the cart.
    pub(crate) async fn held(&self, buyer: &Buyer) -> Vec<(String, u64)> {
        let cart = self.cart(buyer).await;
        assert_eq!(cart.status, 200, "{cart:?}");
        held(&cart)
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        souk_test_services::database::count(self.context.database(), table).await
    }

    pub(crate) async fn take_out(&self, buyer: &Buyer, order: &str, items: &[(&str, u32)]) {
        self.try_to_take_out(buyer, order, items).await.expect("it is taken out");
    }

    pub(crate) async fn try_to_take_out(
        &self,
        buyer: &Buyer,
        order: &str,
        items: &[(&str, u32)],
    ) -> Result<(), cart::domain::Refusal> {
        let items = items.iter().map(|(product, quantity)| ((*product).to_owned(), *quantity)).collect();
        self.carts.take_out(buyer.who.account.clone(), order.to_owned(), items).await
    }
}

impl Warehouse {
    async fn open(clock: &SetClock) -> Self {
        let (database, fresh) = Fresh::open("product", product::MIGRATIONS).await;
        let context = Context::new(database, clock.clone(), CountedIds::default());
        let router = product::http::router(context.clone());
        let warehouse = Self {
            database: Arc::new(fresh),
            context,
            router,
            clock: clock.clone(),
            questions: Arc::default(),
            takes_s: Arc::default(),
        };
        let tea = json!({"slug": "tea", "name": "Tea"});
        assert_eq!(warehouse.write("POST", "/api/v1/categories", &tea).await.status, 201);
        warehouse
    }

    pub(crate) async fn product(&self, sku: &str, amount: i64, currency: &str, stock: i64) -> String {
        let product = json!({
            "sku": sku, "name": format!("Tea {sku}"), "description": "", "category": "tea", "attributes": {},
            "price": {"amount": amount, "currency": currency}, "image_url": format!("/images/{sku}.webp"),
            "status": "published", "stock": stock,
        });
        let created = self.write("POST", "/api/v1/products", &product).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.text("id").to_owned()
    }

    /// Changes what a merchant has written about a product.
    pub(crate) async fn patch(&self, product: &str, changes: &Value) {
        let path = format!("/api/v1/products/{product}");
        let patched = self.write("PATCH", &path, changes).await;
        assert_eq!(patched.status, 200, "{patched:?}");
    }

    pub(crate) async fn reprice(&self, product: &str, cents: i64) {
        self.patch(product, &json!({"price": {"amount": cents}})).await;
    }

    pub(crate) async fn stock(&self, product: &str, stock: i64) {
        let set = self.write("PUT", &format!("/api/v1/products/{product}/stock"), &json!({"stock": stock})).await;
        assert_eq!(set.status, 200, "{set:?}");
    }

    pub(crate) async fn delete(&self, product: &str) {
        let deleted = self.write("DELETE", &format!("/api/v1/products/{product}"), &Value::Null).await;
        assert_eq!(deleted.status, 204, "{deleted:?}");
    }

    /// Somebody else has so many of it set aside for an hour.
    pub(crate) async fn reserve(&self, product: &str, quantity: u32) {
        let lines = json!([{"product_id": product, "quantity": quantity}]);
        let body = json!({"lines": lines, "expires_in_seconds": 3_600});
        let reserved = self.write("PUT", "/api/v1/reservations/of-another", &body).await;
        assert!(reserved.status < 300, "{reserved:?}");
    }

    /// How often it was asked about offers since the last question.
    pub(crate) fn questions(&self) -> u32 {
        self.questions.swap(0, Ordering::Relaxed)
    }

    /// Lets so many seconds pass while it answers.
    pub(crate) fn take_seconds(&self, seconds: i64) {
        self.takes_s.store(seconds, Ordering::Relaxed);
    }

    /// What was asked of its database since the last question.
    pub(crate) fn calls(&self) -> Calls {
        self.database.calls()
    }

    async fn write(&self, method: &str, path: &str, body: &Value) -> Answer {
        let media = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        send(&self.router, &Who::nobody(), request.header("if-match", "*"), body.to_string()).await
    }
}

impl Products for Warehouse {
    fn offers(&self, ids: Vec<ProductId>) -> Offered<'_, Vec<Offer>> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.clock.advance_seconds(self.takes_s.load(Ordering::Relaxed));
        Box::pin(async move {
            let ids: Vec<of_product::ProductId> =
                ids.into_iter().map(|id| of_product::ProductId::stored(id.into_string())).collect();
            let products = product::store::products(&self.context, &ids).await.map_err(error)?;
            let counts = product::store::stock::available(&self.context, &ids).await.map_err(error)?;
            let published =
                products.into_iter().filter(|product| product.summary.status == of_product::Status::Published);
            let offer = |product: Product| {
                let summary = product.summary;
                let count = counts.iter().find(|count| count.product_id == summary.id);
                let currency = Currency::stored(summary.price.currency.into_string());
                Offer {
                    product_id: ProductId::stored(summary.id.into_string()),
                    sku: summary.sku.into_string(),
                    name: summary.name.into_string(),
                    image_url: summary.image_url.map(of_product::ImageUrl::into_string),
                    price: Money::parse(summary.price.amount, currency).expect("the limits are the same"),
                    available: count.map_or(0, |count| count.available.unsigned_abs()),
                }
            };
            Ok(published.map(offer).collect())
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` gives")]
fn error(failure: Failure) -> Error {
    let text = failure.to_string();
    match failure {
        Failure::Database(DatabaseError::Unavailable(_)) => Error::Unavailable(text),
        _ => Error::Misanswered(text),
    }
}

pub(crate) fn item(product: &str) -> String {
    format!("{ITEMS}/{product}")
}

/// How many of what a cart holds, in its order.
pub(crate) fn held(cart: &Answer) -> Vec<(String, u64)> {
    let of = |item: &Value| {
        let product = item["product_id"].as_str().expect("it has a product");
        (product.to_owned(), item["quantity"].as_u64().expect("it has a quantity"))
    };
    cart.items().iter().map(of).collect()
}

/// The same as a test writes it.
pub(crate) fn holds(items: &[(&str, u64)]) -> Vec<(String, u64)> {
    items.iter().map(|(product, quantity)| ((*product).to_owned(), *quantity)).collect()
}

/// What is different of a cart.
pub(crate) fn differences(cart: &Answer) -> Vec<Value> {
    cart.body["differences"].as_array().unwrap_or_else(|| panic!("{cart:?} has no differences")).clone()
}
