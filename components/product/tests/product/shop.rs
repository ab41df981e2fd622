//! A shop to try things in: a fresh database, a clock, and requests with their answers.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_database::contract::{Answer as DatabaseAnswer, Database, Event, Outcome, Rows, Statement, Transaction};
use souk_database::migration;
use souk_database::postgres::{self, Postgres};
use souk_kit::context::Context;
use souk_kit::native::{self, CountedIds, SetClock};
use souk_test_servers::postgres::Namespace;

/// A service with one category, `tea`.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    events: Arc<Mutex<Vec<Event>>>,
    folder: PathBuf,
    _namespace: Option<Namespace>,
}

/// The real engine, and a note of each event that was committed.
struct Recorded {
    engine: Box<dyn Database>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Database for Recorded {
    fn dialect(&self) -> &str {
        self.engine.dialect()
    }

    fn query(&self, statement: Statement) -> DatabaseAnswer<'_, Rows> {
        self.engine.query(statement)
    }

    fn transact(&self, transaction: Transaction) -> DatabaseAnswer<'_, Outcome> {
        Box::pin(async {
            let events = transaction.events.clone();
            let outcome = self.engine.transact(transaction).await?;
            if let Outcome::Committed(_) = outcome {
                self.events.lock().expect("no test panics with it").extend(events);
            }
            Ok(outcome)
        })
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("souk-product-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let (engine, namespace) = database(&folder).await;
        let (events, clock) = (Arc::default(), SetClock::default());
        let database = Recorded { engine, events: Arc::clone(&events) };
        let context = Context::new(database, clock.clone(), CountedIds::default());
        let router = product::http::router(context.clone());
        let shop = Self { router, context, clock, events, folder, _namespace: namespace };
        let tea = json!({"slug": "tea", "name": "Tea"});
        assert_eq!(shop.post("/api/v1/categories", &tea).await.status, 201);
        shop
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Request::post(path).header("content-type", "application/json"), body.to_string()).await
    }

    /// A write with `If-Match`.
    pub(crate) async fn write(&self, method: &str, path: &str, tag: &str, body: &Value) -> Answer {
        let media = match method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder().method(method).uri(path).header("content-type", media);
        self.send(request.header("if-match", tag), body.to_string()).await
    }

    pub(crate) async fn send(&self, request: http::request::Builder, body: impl Into<Body>) -> Answer {
        let request = request.body(body.into()).expect("the test's request is well-formed");
        let response = native::call(&self.router, request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("it is in memory").to_bytes();
        let json = parts.headers.get("content-type").is_some_and(|media| {
            let problem = parts.status.is_client_error() || parts.status.is_server_error();
            media == if problem { "application/problem+json" } else { "application/json" }
        });
        assert!(json || body.is_empty(), "{} without the right content type", parts.status);
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("it is JSON") },
        }
    }

    /// A published product with this SKU and stock; its path and its answer.
    pub(crate) async fn product(&self, sku: &str, stock: i64) -> (String, Answer) {
        let answer = self.post("/api/v1/products", &with(&teapot(sku), "stock", stock)).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        (format!("/api/v1/products/{}", answer.id()), answer)
    }

    /// All events that were published, oldest first: type and data. Forgets them.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = std::mem::take(&mut *self.events.lock().expect("no test panics with it"));
        let read = |event: Event| (event.r#type, serde_json::from_str(&event.data).expect("data is JSON"));
        events.into_iter().map(read).collect()
    }
}

/// A fresh database: embedded, or with `SOUK_TEST_ENGINE=postgres` on the server for tests.
async fn database(folder: &Path) -> (Box<dyn Database>, Option<Namespace>) {
    let fits = "a fresh database takes the migrations";
    if !souk_test_servers::postgres::is_asked_for() {
        return (Box::new(native::database(&folder.join("product.db"), product::MIGRATIONS).expect(fits)), None);
    }
    let namespace = Namespace::new().expect("there is a server to test with");
    let migrations = migration::from_list(product::MIGRATIONS);
    let options = postgres::Options::default();
    let database = Postgres::open(&namespace.url(), "product", options, &migrations).await.expect(fits);
    (Box::new(database), Some(namespace))
}

impl Drop for Shop {
    fn drop(&mut self) {
        // What remains is in the temporary folder: nothing is lost if it can't be removed.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Answer {
    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().expect("it has an id")
    }

    pub(crate) fn tag(&self) -> &str {
        self.headers["etag"].to_str().expect("a tag is ASCII")
    }

    /// The status and the name of the problem.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert!(StatusCode::from_u16(self.status).is_ok_and(|status| status.as_u16() >= 400), "{self:?}");
        assert_eq!(self.body["status"], self.status);
        let name = self.body["type"].as_str().unwrap_or("about:blank");
        (self.status, name.trim_start_matches("urn:souk:problem:"))
    }

    pub(crate) fn names(&self) -> Vec<&str> {
        let items = self.body["items"].as_array().expect("it is a list");
        items.iter().map(|item| item["name"].as_str().expect("it has a name")).collect()
    }
}

/// A body that is accepted.
pub(crate) fn teapot(sku: &str) -> Value {
    json!({
        "sku": sku,
        "name": "Teapot",
        "description": "Holds a litre.",
        "price": {"amount": 1999, "currency": "EUR"},
        "category": "tea",
        "attributes": {"colour": "blue"},
        "image_url": "/images/teapot.webp",
        "status": "published",
    })
}

/// The same with another value for one member.
pub(crate) fn with(body: &Value, member: &str, value: impl Into<Value>) -> Value {
    let mut body = body.clone();
    body[member] = value.into();
    body
}
