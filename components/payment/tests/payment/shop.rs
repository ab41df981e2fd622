//! A shop to pay in: a fresh database that can be made to fail at any call, a clock, the use cases, and requests with their answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use ::http::request::Builder;
use ::http::{HeaderMap, Request};
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use payment::domain::ledger::{Account, is_balanced};
use payment::domain::operation::{
    Answer as Ended, Ask, Authorization, Change, Kind, OperationId, Origin, Outcome, Wanted,
};
use payment::domain::payment::{Payment, Status};
use payment::domain::webhook::Secret;
use payment::domain::{Amount, Currency, Customer, Key, MethodToken, Money, OrderId, PaymentId, Refusal};
use payment::payments::Payments;
use payment::store;
use serde_json::{Value, json};
use souk_database::contract::{self, Answer as DatabaseAnswer, Database, Error, Event, Rows, Statement, Transaction};
use souk_database::migration;
use souk_database::postgres::{self, Postgres};
use souk_kit::context::Context;
use souk_kit::database::{Row, all, sql};
use souk_kit::native::{self, CountedIds, GivenSettings, SetClock};
use souk_test_servers::postgres::Namespace;

use crate::provider::{Desk, NAME, SECRET};

pub(crate) type Operated = Result<Ended, Refusal>;

/// Whose payments tests make.
pub(crate) const CUSTOMER: &str = "https://shop.example|mina";

/// The service, without any payment.
pub(crate) struct Shop {
    pub(crate) payments: Payments,
    pub(crate) context: Context,
    pub(crate) clock: SetClock,
    pub(crate) desk: Desk,
    router: Router,
    calls: Arc<Calls>,
    folder: PathBuf,
    _namespace: Option<Namespace>,
}

/// What the service asked of its database, and what is to go wrong.
#[derive(Default)]
struct Calls {
    events: Mutex<Vec<Event>>,
    /// Each text once, with the parameters that it came with last.
    statements: Mutex<BTreeMap<String, Statement>>,
    fault: Mutex<Option<Fault>>,
}

/// What is to go wrong: which call, how, and whether it has.
struct Fault {
    calls_left: u32,
    how: Break,
    is_broken: bool,
}

/// How a call to the database breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// It never arrives.
    Before,
    /// It is carried out, and the answer is lost.
    After,
}

impl Calls {
    fn note(&self, statement: &Statement) {
        self.statements.lock().expect("no test panics with it").insert(statement.sql.clone(), statement.clone());
    }

    /// Counts down to the call that breaks. From there on all break, as if the process were gone.
    fn next(&self) -> Option<Break> {
        let mut fault = self.fault.lock().expect("no test panics with it");
        let fault = fault.as_mut()?;
        if fault.calls_left > 0 {
            fault.calls_left -= 1;
            return None;
        }
        let how = if fault.is_broken { Break::Before } else { fault.how };
        fault.is_broken = true;
        Some(how)
    }
}

/// The real engine, and a note of what it was asked.
struct Recorded {
    engine: Box<dyn Database>,
    calls: Arc<Calls>,
}

fn gone() -> Error {
    Error::Unavailable("the test says so".to_owned())
}

impl Database for Recorded {
    fn dialect(&self) -> &str {
        self.engine.dialect()
    }

    fn query(&self, statement: Statement) -> DatabaseAnswer<'_, Rows> {
        self.calls.note(&statement);
        Box::pin(async {
            match self.calls.next() {
                Some(_) => Err(gone()),
                None => self.engine.query(statement).await,
            }
        })
    }

    fn transact(&self, transaction: Transaction) -> DatabaseAnswer<'_, contract::Outcome> {
        transaction.steps.iter().for_each(|step| self.calls.note(&step.statement));
        Box::pin(async {
            let how = self.calls.next();
            if how == Some(Break::Before) {
                return Err(gone());
            }
            let events = transaction.events.clone();
            let outcome = self.engine.transact(transaction).await?;
            if let contract::Outcome::Committed(_) = outcome {
                self.calls.events.lock().expect("no test panics with it").extend(events);
            }
            if how.is_some() { Err(Error::Undecided("the test says so".to_owned())) } else { Ok(outcome) }
        })
    }
}

/// What came back over HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Who sends a request, as the gateway tells the service.
#[derive(Clone, Debug)]
pub(crate) struct Who(Option<String>);

impl Who {
    pub(crate) fn nobody() -> Self {
        Self(None)
    }

    pub(crate) fn admin() -> Self {
        Self::of("https://shop.example|ada", &["admin"])
    }

    pub(crate) fn of(sub: &str, roles: &[&str]) -> Self {
        Self(Some(json!({"sub": sub, "roles": roles}).to_string()))
    }
}

/// What the provider knows of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) is_voided: bool,
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_with(GivenSettings::default().with(&format!("{NAME}_webhook_secret"), SECRET)).await
    }

    /// With these settings, and those that the provider needs unless they are among them.
    pub(crate) async fn open_with(settings: GivenSettings) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("souk-payment-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let (engine, namespace) = database(&folder).await;
        let (calls, clock) = (Arc::<Calls>::default(), SetClock::default());
        let database = Recorded { engine, calls: Arc::clone(&calls) };
        let desk = Desk::open(&clock);
        let settings = desk.settings(settings);
        let context = Context::with_settings(database, clock.clone(), CountedIds::default(), settings);
        let payments = Payments::new(context.clone(), Desk::provider(&context));
        let router = payment::http::router(payments.clone());
        Self { payments, context, clock, desk, router, calls, folder, _namespace: namespace }
    }

    pub(crate) async fn authorize(&self, key: &str, order: &str, units: i64, token: &str) -> Operated {
        self.payments.operate(&authorize(key, order, units, token)).await
    }

    pub(crate) async fn capture(&self, key: &str, id: &PaymentId, units: Option<i64>) -> Operated {
        self.payments.operate(&capture(key, id, units)).await
    }

    pub(crate) async fn void(&self, key: &str, id: &PaymentId) -> Operated {
        self.payments.operate(&void(key, id)).await
    }

    pub(crate) async fn refund(&self, key: &str, id: &PaymentId, units: Option<i64>) -> Operated {
        self.payments.operate(&refund(key, id, units)).await
    }

    /// The id of a payment of 100 that was authorized with this token, under a key and an order of the same name.
    pub(crate) async fn authorized(&self, name: &str, token: &str) -> PaymentId {
        let answer = self.authorize(name, name, 100, token).await.expect("it is authorized");
        assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
        answer.payment.id
    }

    /// The same, and captured.
    pub(crate) async fn captured(&self, name: &str, token: &str) -> PaymentId {
        let id = self.authorized(name, token).await;
        assert_eq!(done(self.capture(name, &id, None).await), (Status::Captured, 100, 0));
        id
    }

    pub(crate) async fn payment(&self, id: &PaymentId) -> Payment {
        store::payment(&self.context, id).await.expect("it can be read").expect("it is there")
    }

    pub(crate) async fn of_order(&self, order: &str) -> Vec<Payment> {
        let order = OrderId::parse(order.to_owned()).expect("it is an id");
        store::of_order(&self.context, &order).await.expect("it can be read")
    }

    pub(crate) async fn status(&self, id: &PaymentId) -> Status {
        self.payment(id).await.state.status()
    }

    /// Whether the provider holds, or held, something, and how much it moved.
    pub(crate) async fn truth(&self, id: &PaymentId) -> Option<Truth> {
        self.desk.truth(&self.context, id).await
    }

    /// How often a key has arrived at the provider; nothing if never.
    pub(crate) async fn arrivals(&self, kind: Kind, key: &str) -> Option<i64> {
        let id = OperationId::new(kind, Origin::Component, &self::key(key));
        self.desk.arrivals(&self.context, id.as_str()).await
    }

    /// How many operations the provider knows.
    pub(crate) async fn known_operations(&self) -> i64 {
        self.desk.operations(&self.context).await
    }

    /// How many rows a table has.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        let count = sql(format!("SELECT COUNT(*) FROM {table}"));
        all(self.context.database(), count, Row::integer).await.expect("there is such a table")[0]
    }

    /// What an account has come to, in all currencies. The whole ledger must balance.
    pub(crate) async fn balance(&self, account: Account) -> i64 {
        let sums = store::ledger::sums(&self.context).await.expect("it can be read");
        assert!(is_balanced(&sums), "{sums:?}");
        sums.iter().filter(|sum| sum.account == account).map(|sum| sum.amount).sum()
    }

    /// What was booked for a payment: revenue and refunds. The entries must sum to zero.
    pub(crate) async fn booked(&self, id: &PaymentId) -> (i64, i64) {
        let sums = sql("SELECT account, CAST(SUM(amount) AS BIGINT) FROM ledger_entries WHERE payment_id = $1 \
             GROUP BY account");
        let read = |row: &mut Row| Ok((row.text()?, row.integer()?));
        let sums = all(self.context.database(), sums.bind(id.as_str()), read).await.expect("it can be read");
        assert_eq!(sums.iter().map(|(_, units)| units).sum::<i64>(), 0, "{sums:?}");
        let of = |name: &str| sums.iter().find(|(account, _)| account == name).map_or(0, |(_, units)| *units);
        (-of("revenue"), of("refunds"))
    }

    /// All events that were published, oldest first: type and data. Forgets them.
    pub(crate) fn events(&self) -> Vec<(String, Value)> {
        let events = std::mem::take(&mut *self.calls.events.lock().expect("no test panics with it"));
        let read = |event: Event| (event.r#type, serde_json::from_str(&event.data).expect("data is JSON"));
        events.into_iter().map(read).collect()
    }

    pub(crate) fn event_types(&self) -> Vec<String> {
        self.events().into_iter().map(|(name, _)| name).collect()
    }

    /// From the call with this number on, from 0, the database is gone; of the first the answer may be lost only.
    pub(crate) fn break_at(&self, call: u32, how: Break) {
        *self.calls.fault.lock().expect("no test panics with it") =
            Some(Fault { calls_left: call, how, is_broken: false });
    }

    /// The database is back. Whether it was gone before.
    pub(crate) fn mend(&self) -> bool {
        let fault = self.calls.fault.lock().expect("no test panics with it").take();
        fault.is_some_and(|fault| fault.is_broken)
    }

    /// All statements that the service has sent so far, each text once.
    pub(crate) fn statements(&self) -> Vec<Statement> {
        self.calls.statements.lock().expect("no test panics with it").values().cloned().collect()
    }

    pub(crate) async fn get(&self, who: &Who, path: &str) -> Answer {
        self.send(who, Request::get(path), Body::empty()).await
    }

    pub(crate) async fn post(&self, who: &Who, path: &str) -> Answer {
        self.send(who, Request::post(path), Body::empty()).await
    }

    /// A refund over HTTP.
    pub(crate) async fn give_back(&self, who: &Who, id: &str, key: &str, body: &Value) -> Answer {
        let request = Request::post(format!("/api/v1/payments/{id}/refunds")).header("idempotency-key", key);
        self.send(who, request.header("content-type", "application/json"), body.to_string()).await
    }

    /// An event of the provider, signed now.
    pub(crate) async fn hook(&self, body: &Value) -> Answer {
        let body = body.to_string();
        let signature = Secret::parse(SECRET).expect("it is long").sign(self.context.now(), body.as_bytes());
        self.hook_signed(&signature, body).await
    }

    pub(crate) async fn hook_signed(&self, signature: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(format!("/api/v1/payments/webhooks/{NAME}"));
        let request = request.header("payment-signature", signature);
        self.send(&Who::nobody(), request, body).await
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
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).expect("it is JSON") };
        Answer { status: parts.status.as_u16(), headers: parts.headers, body }
    }
}

/// The status, what was captured and what was refunded, of what is done.
pub(crate) fn done(operated: Operated) -> (Status, i64, i64) {
    let answer = operated.expect("it has an outcome");
    assert_eq!(answer.outcome, Outcome::Done, "{answer:?}");
    let state = answer.payment.state;
    (state.status(), state.captured(), state.refunded())
}

/// The outcome, where there is one.
pub(crate) fn outcome(operated: Operated) -> Outcome {
    operated.expect("it has an outcome").outcome
}

pub(crate) fn key(text: &str) -> Key {
    Key::parse(text.to_owned()).expect("it is printable")
}

pub(crate) fn amount(units: i64) -> Amount {
    Amount::parse(units).expect("it is above zero")
}

pub(crate) fn authorize(key: &str, order: &str, units: i64, token: &str) -> Wanted {
    let ask = Ask::Authorize(Authorization {
        order_id: OrderId::parse(order.to_owned()).expect("it is an id"),
        customer: Customer::parse(CUSTOMER.to_owned()).expect("it is printable"),
        money: Money { amount: amount(units), currency: Currency::parse("EUR".to_owned()).expect("it is a currency") },
        method: MethodToken::parse(token.to_owned()).expect("it is printable"),
    });
    Wanted::new(Origin::Component, &self::key(key), ask)
}

pub(crate) fn capture(key: &str, id: &PaymentId, units: Option<i64>) -> Wanted {
    let ask = Ask::Change(id.clone(), Change::Capture(units.map(amount)));
    Wanted::new(Origin::Component, &self::key(key), ask)
}

pub(crate) fn void(key: &str, id: &PaymentId) -> Wanted {
    Wanted::new(Origin::Component, &self::key(key), Ask::Change(id.clone(), Change::Void))
}

pub(crate) fn refund(key: &str, id: &PaymentId, units: Option<i64>) -> Wanted {
    let ask = Ask::Change(id.clone(), Change::Refund(units.map(amount)));
    Wanted::new(Origin::Component, &self::key(key), ask)
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

/// A fresh database: embedded, or with `SOUK_TEST_ENGINE=postgres` on the server for tests.
async fn database(folder: &Path) -> (Box<dyn Database>, Option<Namespace>) {
    let fits = "a fresh database takes the migrations";
    if !souk_test_servers::postgres::is_asked_for() {
        return (Box::new(native::database(&folder.join("payment.db"), payment::MIGRATIONS).expect(fits)), None);
    }
    let namespace = Namespace::new().expect("there is a server to test with");
    let migrations = migration::from_list(payment::MIGRATIONS);
    let options = postgres::Options::default();
    let database = Postgres::open(&namespace.url(), "payment", options, &migrations).await.expect(fits);
    (Box::new(database), Some(namespace))
}

impl Drop for Shop {
    fn drop(&mut self) {
        // What remains is in the temporary folder: nothing is lost if it can't be removed.
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("it is ASCII"))
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
