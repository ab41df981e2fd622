//! A shop with customers: a fresh database, a clock, callers as the gateway tells them, and requests with their answers.

use axum::Router;
use axum::body::Body;
use http::Request;
use http::request::Builder;
use serde_json::{Value, json};
use souk_database::contract::Statement;
use souk_kit::context::Context;
use souk_kit::native::{CountedIds, SetClock};
use souk_test_services::answer::Answer;
use souk_test_services::caller::Who;
use souk_test_services::database::{self, Fresh};
use souk_test_services::request::{self, json_request};

pub(crate) const CUSTOMERS: &str = "/api/v1/customers";
pub(crate) const ME: &str = "/api/v1/customers/me";
pub(crate) const ADDRESSES: &str = "/api/v1/customers/me/addresses";

/// The service, without any customer.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    database: Fresh,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let (database, fresh) = Fresh::open("customer", customer::MIGRATIONS).await;
        let clock = SetClock::default();
        let context = Context::new(database, clock.clone(), CountedIds::default());
        let router = customer::http::router(context.clone());
        Self { router, context, clock, database: fresh }
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        self.call(who, "GET", path).await
    }

    /// Without a body or a condition.
    pub(crate) async fn call(&self, who: &Who, method: &str, path: &str) -> Answer {
        self.send(who, Request::builder().method(method).uri(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, who: &Who, path: &str, body: &Value) -> Answer {
        self.send(who, json_request("POST", path), body.to_string()).await
    }

    pub(crate) async fn put(&self, who: &Who, path: &str, tag: &str, body: &Value) -> Answer {
        self.send(who, json_request("PUT", path).header("if-match", tag), body.to_string()).await
    }

    pub(crate) async fn patch(&self, who: &Who, path: &str, tag: &str, body: &Value) -> Answer {
        let request = Request::patch(path).header("content-type", "application/merge-patch+json");
        self.send(who, request.header("if-match", tag), body.to_string()).await
    }

    pub(crate) async fn delete(&self, who: &Who, path: &str, tag: &str) -> Answer {
        self.send(who, Request::delete(path).header("if-match", tag), Body::empty()).await
    }

    pub(crate) async fn send(&self, who: &Who, request: Builder, body: impl Into<Body>) -> Answer {
        request::send(&self.router, who, request, body).await
    }

    /// Makes a profile where there is none.
    pub(crate) async fn create(&self, who: &Who, body: &Value) -> Answer {
        self.send(who, json_request("PUT", ME).header("if-none-match", "*"), body.to_string()).await
    }

    /// Makes a profile with this name; its id.
    pub(crate) async fn customer(&self, who: &Who, name: &str) -> String {
        let created = self.create(who, &json!({"name": name})).await;
        assert_eq!(created.status, 201, "{created:?}");
        created.text("id").to_owned()
    }

    /// Adds an address in this city, with these other members; its id.
    pub(crate) async fn add(&self, who: &Who, city: &str, others: &Value) -> String {
        let added = self.post(who, ADDRESSES, &address(city, others)).await;
        assert_eq!(added.status, 201, "{added:?}");
        added.text("id").to_owned()
    }

    /// The tag of what is there.
    pub(crate) async fn tag(&self, who: &Who, path: &str) -> String {
        let read = self.get(who, path).await;
        assert_eq!(read.status, 200, "{read:?}");
        read.tag().to_owned()
    }

    /// The cities of somebody's defaults, for deliveries and for invoices.
    pub(crate) async fn defaults(&self, who: &Who) -> (Vec<String>, Vec<String>) {
        let list = self.get(who, ADDRESSES).await;
        let of = |flag: &str| {
            let marked = list.items().iter().filter(|address| address[flag] == true);
            marked.map(|address| address["city"].as_str().expect("it has a city").to_owned()).collect()
        };
        (of("default_delivery"), of("default_invoice"))
    }

    /// All events that were published, oldest first: type and data. Forgets them.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = self.database.whole_events().into_iter().map(|event| {
            let data: Value = serde_json::from_str(&event.data).expect("data is JSON");
            assert_eq!((event.subject.as_deref(), Some(&*event.key)), (data["id"].as_str(), data["id"].as_str()));
            (event.r#type, data)
        });
        events.collect()
    }

    /// All statements that the service has sent so far, each text once.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        self.database.statements()
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        database::count(self.context.database(), table).await
    }

    /// All texts of all tables, each with the name of its table.
    pub(crate) async fn all_cells(&self) -> Vec<(String, String)> {
        database::all_texts(self.context.database(), customer::MIGRATIONS).await
    }
}

/// An address in this city, with these other members.
pub(crate) fn address(city: &str, others: &Value) -> Value {
    let mut address = json!({"recipient": "Mina Harker", "lines": ["Hauptstr. 1"], "city": city, "country": "DE"});
    let others = others.as_object().expect("members are an object").clone();
    address.as_object_mut().expect("it is an object").extend(others);
    address
}
