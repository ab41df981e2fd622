//! A shop to sign in to: a fresh database, a clock, a gateway in miniature that tells the service who a token is of, and
//! requests with their answers.

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
use souk_database::contract::{Answer as DatabaseAnswer, Database, Event, Outcome, Rows, Statement, Transaction};
use souk_database::migration;
use souk_database::postgres::{self, Postgres};
use souk_kit::context::Context;
use souk_kit::database::{Row, all, sql};
use souk_kit::native::{self, CountedIds, SetClock};
use souk_test_servers::postgres::Namespace;

use crate::identity::Watched;

pub(crate) const PASSWORD: &str = "correct horse battery";

/// The service, without any account.
pub(crate) struct Shop {
    pub(crate) router: Router,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    pub(crate) identity: Watched,
    calls: Arc<Calls>,
    folder: PathBuf,
    _namespace: Option<Namespace>,
}

/// What the service asked of its database.
#[derive(Default)]
struct Calls {
    events: Mutex<Vec<Event>>,
    transactions: AtomicU32,
    queries: AtomicU32,
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
        self.calls.queries.fetch_add(1, Ordering::Relaxed);
        self.calls.note(&statement);
        self.engine.query(statement)
    }

    fn transact(&self, transaction: Transaction) -> DatabaseAnswer<'_, Outcome> {
        self.calls.transactions.fetch_add(1, Ordering::Relaxed);
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
pub(crate) struct Who(Option<String>);

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) who: Who,
    pub(crate) account: String,
    pub(crate) id: String,
    pub(crate) refresh_token: String,
}

impl Who {
    /// Nobody.
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    /// Somebody whom another issuer knows, or the operator: without a family.
    pub(crate) fn foreigner(roles: &[&str]) -> Self {
        Self(Some(json!({"sub": "https://id.example/|7", "iss": "https://id.example/", "roles": roles}).to_string()))
    }

    /// What the gateway would write, whatever it is.
    pub(crate) fn said(caller: &Value) -> Self {
        Self(Some(caller.to_string()))
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("souk-user-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let (engine, namespace) = database(&folder).await;
        let (calls, clock) = (Arc::<Calls>::default(), SetClock::default());
        let database = Recorded { engine, calls: Arc::clone(&calls) };
        let context = Context::new(database, clock.clone(), CountedIds::default());
        let identity = Watched::new(context.clone());
        let router = user::http::router(context.clone(), identity.clone());
        Self { router, context, clock, identity, calls, folder, _namespace: namespace }
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        self.send(who, Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, who: &Who, path: &str, body: &Value) -> Answer {
        self.send(who, json_request("POST", path), body.to_string()).await
    }

    /// Without a body.
    pub(crate) async fn call(&self, who: &Who, method: &str, path: &str) -> Answer {
        self.send(who, Request::builder().method(method).uri(path), Body::empty()).await
    }

    pub(crate) async fn patch(&self, who: &Who, path: &str, tag: &str, body: &Value) -> Answer {
        let request = Request::patch(path).header("content-type", "application/merge-patch+json");
        self.send(who, request.header("if-match", tag), body.to_string()).await
    }

    pub(crate) async fn send(&self, who: &Who, request: Builder, body: impl Into<Body>) -> Answer {
        let request = who.0.iter().fold(request, |request, caller| request.header("souk-caller", caller));
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

    /// Registers somebody with [`PASSWORD`]; their id.
    pub(crate) async fn register(&self, email: &str) -> String {
        let body = json!({"email": email, "password": PASSWORD, "name": "Mina"});
        let answer = self.post(&Who::nobody(), "/api/v1/register", &body).await;
        assert_eq!(answer.status, 201, "{:?}", answer.body);
        answer.body["id"].as_str().expect("it has an id").to_owned()
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        self.login_from(email, password, None).await
    }

    pub(crate) async fn login_from(&self, email: &str, password: &str, address: Option<&str>) -> Answer {
        let request = json_request("POST", "/api/v1/login");
        let request = address.iter().fold(request, |request, address| request.header("souk-client", *address));
        self.send(&Who::nobody(), request, json!({"email": email, "password": password}).to_string()).await
    }

    /// Signs somebody in who has [`PASSWORD`].
    pub(crate) async fn sign_in(&self, email: &str) -> Session {
        let answer = self.login(email, PASSWORD).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        self.session(&answer)
    }

    /// Registers somebody and signs them in.
    pub(crate) async fn member(&self, email: &str) -> Session {
        self.register(email).await;
        self.sign_in(email).await
    }

    /// Signs in somebody with these roles, of whom the operator has made an account.
    pub(crate) async fn staff(&self, email: &str, roles: &[&str]) -> Session {
        let body = json!({"email": email, "password": PASSWORD, "name": "Staff", "roles": roles});
        let created = self.post(&Who::foreigner(&["admin"]), "/api/v1/users", &body).await;
        assert_eq!(created.status, 201, "{:?}", created.body);
        self.sign_in(email).await
    }

    /// What an answer with tokens says.
    pub(crate) fn session(&self, answer: &Answer) -> Session {
        let caller = self.identity.caller(answer.text("access_token"));
        let family = caller.family.expect("our own tokens have one");
        let said = json!({
            "sub": format!("{}|{}", caller.issuer, caller.subject),
            "iss": &*caller.issuer,
            "roles": caller.roles,
            "scopes": caller.scopes,
            "family": family,
        });
        Session {
            who: Who::said(&said),
            account: caller.subject,
            id: family,
            refresh_token: answer.text("refresh_token").to_owned(),
        }
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.post(&Who::nobody(), "/api/v1/token/refresh", &json!({"refresh_token": token})).await
    }

    /// An account's tag.
    pub(crate) async fn tag(&self, id: &str) -> String {
        let read = self.get(&Who::foreigner(&["admin"]), &format!("/api/v1/users/{id}")).await;
        read.tag().to_owned()
    }

    /// All events that were published, oldest first: type and data. Forgets them.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = std::mem::take(&mut *self.calls.events.lock().expect("no test panics with it"));
        let read = |event: Event| (event.r#type, serde_json::from_str(&event.data).expect("data is JSON"));
        events.into_iter().map(read).collect()
    }

    /// How many transactions and queries there were since the last question.
    pub(crate) fn database_calls(&self) -> (u32, u32) {
        let Calls { transactions, queries, .. } = &*self.calls;
        (transactions.swap(0, Ordering::Relaxed), queries.swap(0, Ordering::Relaxed))
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

    /// One column of a table, in the order of its values.
    pub(crate) async fn column(&self, table: &str, column: &str) -> Vec<String> {
        let values = sql(format!("SELECT CAST({column} AS TEXT) FROM {table} ORDER BY 1"));
        let values = all(self.context.database(), values, Row::optional_text).await.expect("there is such a column");
        values.into_iter().map(Option::unwrap_or_default).collect()
    }
}

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
        return (Box::new(native::database(&folder.join("user.db"), user::MIGRATIONS).expect(fits)), None);
    }
    let namespace = Namespace::new().expect("there is a server to test with");
    let migrations = migration::from_list(user::MIGRATIONS);
    let options = postgres::Options::default();
    let database = Postgres::open(&namespace.url(), "user", options, &migrations).await.expect(fits);
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
}
