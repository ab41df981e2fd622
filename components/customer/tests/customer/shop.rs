//! A shop with customers: a fresh database, a clock, callers as the gateway tells them, and requests with their answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use http::request::Builder;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use souk_database::contract::{
    Answer as DatabaseAnswer, Database, Event, Outcome, Rows, Statement, Transaction, Value as Cell,
};
use souk_database::migration;
use souk_database::postgres::{self, Postgres};
use souk_kit::context::Context;
use souk_kit::database::{Row, all, sql};
use souk_kit::native::{self, CountedIds, SetClock};
use souk_test_servers::postgres::Namespace;

pub(crate) const CUSTOMERS: &str = "/api/v1/customers";
pub(crate) const ME: &str = "/api/v1/customers/me";
pub(crate) const ADDRESSES: &str = "/api/v1/customers/me/addresses";

/// The service, without any customer.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    calls: Arc<Calls>,
    folder: PathBuf,
    _namespace: Option<Namespace>,
}

/// What the service asked of its database.
#[derive(Default)]
struct Calls {
    events: Mutex<Vec<Event>>,
    /// Each text once, with the parameters that it came with last.
    statements: Mutex<BTreeMap<String, Statement>>,
}

impl Calls {
    fn note(&self, statement: &Statement) {
        let mut statements = self.statements.lock().expect("no test panics with it");
        statements.insert(statement.sql.clone(), statement.clone());
    }
}

/// The real engine, and a note of what it was asked.
struct Recorded {
    engine: Box<dyn Database>,
    calls: Arc<Calls>,
}

impl Database for Recorded {
    fn dialect(&self) -> &str {
        self.engine.dialect()
    }

    fn query(&self, statement: Statement) -> DatabaseAnswer<'_, Rows> {
        self.calls.note(&statement);
        self.engine.query(statement)
    }

    fn transact(&self, transaction: Transaction) -> DatabaseAnswer<'_, Outcome> {
        transaction.steps.iter().for_each(|step| self.calls.note(&step.statement));
        Box::pin(async {
            let events = transaction.events.clone();
            let outcome = self.engine.transact(transaction).await?;
            if let Outcome::Committed(_) = outcome {
                self.calls.events.lock().expect("no test panics with it").extend(events);
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
    pub(crate) bytes: Vec<u8>,
}

/// Who sends a request, as the gateway tells the service.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    pub(crate) account: String,
    caller: Option<String>,
}

impl Who {
    /// Nobody.
    pub(crate) fn nobody() -> Self {
        Self { account: String::new(), caller: None }
    }

    /// Somebody whom an issuer calls so.
    pub(crate) fn named(subject: &str) -> Self {
        Self::with_roles(subject, &["customer"])
    }

    /// Somebody who keeps the shop.
    pub(crate) fn admin() -> Self {
        Self::with_roles("ada", &["customer", "admin"])
    }

    pub(crate) fn with_roles(subject: &str, roles: &[&str]) -> Self {
        Self::of(&format!("https://id.example/|{subject}"), roles)
    }

    pub(crate) fn of(account: &str, roles: &[&str]) -> Self {
        let caller = json!({"sub": account, "iss": "https://id.example/", "roles": roles, "scopes": []});
        Self { account: account.to_owned(), caller: Some(caller.to_string()) }
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("souk-customer-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let (engine, namespace) = database(&folder).await;
        let (calls, clock) = (Arc::<Calls>::default(), SetClock::default());
        let database = Recorded { engine, calls: Arc::clone(&calls) };
        let context = Context::new(database, clock.clone(), CountedIds::default());
        let router = customer::http::router(context.clone());
        Self { router, context, clock, calls, folder, _namespace: namespace }
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
        let request = who.caller.iter().fold(request, |request, caller| request.header("souk-caller", caller));
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
            bytes: body.to_vec(),
        }
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
        let events = std::mem::take(&mut *self.calls.events.lock().expect("no test panics with it"));
        let read = |event: Event| {
            let data: Value = serde_json::from_str(&event.data).expect("data is JSON");
            assert_eq!((event.subject.as_deref(), Some(&*event.key)), (data["id"].as_str(), data["id"].as_str()));
            (event.r#type, data)
        };
        events.into_iter().map(read).collect()
    }

    /// All statements that the service has sent so far, each text once.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        self.calls.statements.lock().expect("no test panics with it").values().cloned().collect()
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let count = sql(format!("SELECT COUNT(*) FROM {table}"));
        all(self.context.database(), count, Row::integer).await.expect("there is such a table")[0]
    }

    /// All texts of all tables, each with the name of its table.
    pub(crate) async fn all_cells(&self) -> Vec<(String, String)> {
        let migrations: String = customer::MIGRATIONS.iter().map(|(_, text)| *text).collect();
        let tables = migrations.split("CREATE TABLE ").skip(1).filter_map(|text| text.split_whitespace().next());
        let mut cells = Vec::new();
        for table in tables {
            let rows = self.context.database().query(sql(format!("SELECT * FROM {table}")).into()).await;
            for cell in rows.expect("there is such a table").cells {
                if let Cell::Text(text) = cell {
                    cells.push((table.to_owned(), text));
                }
            }
        }
        cells
    }
}

/// An address in this city, with these other members.
pub(crate) fn address(city: &str, others: &Value) -> Value {
    let mut address = json!({"recipient": "Mina Harker", "lines": ["Hauptstr. 1"], "city": city, "country": "DE"});
    let others = others.as_object().expect("members are an object").clone();
    address.as_object_mut().expect("it is an object").extend(others);
    address
}

/// How often a request is repeated that others were preferred to.
pub(crate) const REPETITIONS_MAX: u32 = 100;

/// Repeats a request for as long as others are preferred, which only engines with concurrent writers do: nothing was written.
/// The status that it ends with.
macro_rules! patiently {
    ($request:expr) => {{
        let mut repetitions = 0;
        loop {
            let answer: $crate::shop::Answer = $request.await;
            if answer.status < 400 || answer.refusal() != (409, "busy") {
                break answer.status;
            }
            repetitions += 1;
            assert!(repetitions < $crate::shop::REPETITIONS_MAX, "others are preferred for ever");
        }
    }};
}
pub(crate) use patiently;

/// Does the same so many times at once, on all threads; the answers in the order of the numbers.
pub(crate) async fn at_once<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    times: usize,
    make: impl Fn(usize) -> F,
) -> Vec<T> {
    let tasks: Vec<_> = (0..times).map(|number| tokio::spawn(make(number))).collect();
    let mut answers = Vec::with_capacity(times);
    for task in tasks {
        answers.push(task.await.expect("no request panics"));
    }
    answers
}

pub(crate) fn json_request(method: &str, path: &str) -> Builder {
    Request::builder().method(method).uri(path).header("content-type", "application/json")
}

/// A fresh database: embedded, or with `SOUK_TEST_ENGINE=postgres` on the server for tests.
async fn database(folder: &Path) -> (Box<dyn Database>, Option<Namespace>) {
    let fits = "a fresh database takes the migrations";
    if !souk_test_servers::postgres::is_asked_for() {
        return (Box::new(native::database(&folder.join("customer.db"), customer::MIGRATIONS).expect(fits)), None);
    }
    let namespace = Namespace::new().expect("there is a server to test with");
    let migrations = migration::from_list(customer::MIGRATIONS);
    let options = postgres::Options::default();
    let database = Postgres::open(&namespace.url(), "customer", options, &migrations).await.expect(fits);
    (Box::new(database), Some(namespace))
}

impl Drop for Shop {
    fn drop(&mut self) {
        // What remains is in the temporary folder: nothing is lost if it can't be removed.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Answer {
    pub(crate) fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_else(|| panic!("{self:?} has no {member}"))
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is ASCII"))
    }

    pub(crate) fn tag(&self) -> &str {
        self.headers["etag"].to_str().expect("a tag is ASCII")
    }

    /// The status and the name of the problem.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        assert!(self.status >= 400, "{self:?}");
        assert_eq!(self.body["status"], self.status);
        let name = self.body["type"].as_str().unwrap_or("about:blank");
        (self.status, name.trim_start_matches("urn:souk:problem:"))
    }

    /// Where the faults of a body or query stand.
    pub(crate) fn faults(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().unwrap_or_else(|| panic!("{self:?} lists no faults"));
        errors.iter().filter_map(|error| error.get("pointer").or(error.get("parameter"))?.as_str()).collect()
    }

    pub(crate) fn items(&self) -> &[Value] {
        self.body["items"].as_array().unwrap_or_else(|| panic!("{self:?} is no list"))
    }

    /// One text member of each item of a list.
    pub(crate) fn each(&self, member: &str) -> Vec<&str> {
        self.items().iter().map(|item| item[member].as_str().unwrap_or_default()).collect()
    }
}
