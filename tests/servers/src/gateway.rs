//! A stand-in for a payment gateway, with the API of `components/payment-http/README.md`: a real server over real sockets, in memory, whose
//! faults are told by what is paid with, and which can be asked for the truth.
//!
//! It shares no code with the service that asks it: what it holds, takes and gives back is counted by its own rules ([`book`]).
//!
//! | method | what becomes of an authorization |
//! |---|---|
//! | `tok_visa` | succeeded |
//! | `tok_declined`, `tok_insufficient_funds`, `tok_expired`, `tok_stolen` | 402: no reason, no money, expired, suspected fraud |
//! | `tok_moody` | 402, for a reason that nobody knows |
//! | `tok_error` | 400, failed |
//! | `tok_unavailable` | 429; not looked at |
//! | `tok_timeout`, `tok_timeout_after_effect` | the connection is closed without an answer, before or after the effect |
//! | `tok_slow` | 202 `processing`; in truth it succeeded, and is told so [`SLOW_S`] seconds later |
//! | `tok_500`, `tok_500_after_effect` | 500, before or after the effect |
//! | `tok_409_after_effect` | 409; in truth it succeeded |
//! | `tok_hangs`, `tok_hangs_after_effect` | nothing is sent until the client goes away |
//! | `tok_garbled_after_effect`, `tok_large_after_effect` | 200 with a body that is no JSON, or far too much of it |
//! | `tok_mixed_up_after_effect` | 200 with what became of another operation |
//! | `tok_capture_…`, `tok_void_…`, `tok_refund_…` | succeeded; the fault (`fails` instead of `error`) comes with that operation |
//! | anything else | 402: no method |

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

mod book;
mod fault;
mod webhook;

pub use book::Payment;
use book::{Book, Kind, Order};
use fault::Reaction;

/// The key of the account: `payment_gateway_key`.
pub const KEY: &str = "sk_test_of_the_stand_in";
/// What events are signed with: `gateway_webhook_secret`.
pub const WEBHOOK_SECRET: &str = "a secret of the stand-in, 32 and more";
/// How long what is slow takes.
pub const SLOW_S: u32 = 20;

/// A gateway that this process started. Ends when it is dropped.
pub struct Gateway {
    shared: Arc<Shared>,
    address: SocketAddr,
    running: Mutex<Option<Running>>,
}

/// What all connections share.
struct Shared {
    book: Mutex<Book>,
    /// Milliseconds since 1970.
    clock: Box<dyn Fn() -> i64 + Send + Sync>,
    /// A status that all requests are answered with before they are looked at; 0 for none.
    interrupted: AtomicU16,
    is_stalled: AtomicBool,
}

struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Gateway {
    /// Starts one on a free port of 127.0.0.1. The clock tells milliseconds since 1970.
    pub fn start(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Shared {
            book: Mutex::default(),
            clock: Box::new(clock),
            interrupted: AtomicU16::new(0),
            is_stalled: AtomicBool::new(false),
        });
        let address = listener.local_addr().unwrap();
        let gateway = Self { shared, address, running: Mutex::default() };
        gateway.serve(listener);
        gateway
    }

    /// Where it is: `payment_gateway_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no connections any more and drops those that there are. What it knows it keeps.
    pub fn stop(&self) {
        if let Some(Running { stop, thread }) = self.running.lock().unwrap().take() {
            // Whoever has ended by itself need not be told.
            let _ = stop.send(());
            thread.join().unwrap();
        }
    }

    /// Takes connections again, at the same place.
    pub fn start_again(&self) {
        self.stop();
        self.serve(std::net::TcpListener::bind(self.address).unwrap());
    }

    fn serve(&self, listener: std::net::TcpListener) {
        listener.set_nonblocking(true).unwrap();
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::spawn(accept(listener, shared));
                let _ = stopped.await;
            });
        });
        *self.running.lock().unwrap() = Some(Running { stop, thread });
    }

    /// From now on each request is answered with this status and not looked at; `None` ends it.
    pub fn interrupt(&self, status: Option<u16>) {
        self.shared.interrupted.store(status.unwrap_or_default(), Ordering::SeqCst);
    }

    /// From now on whatever is asked about is `processing`, or is told again.
    pub fn stall(&self, is_stalled: bool) {
        self.shared.is_stalled.store(is_stalled, Ordering::SeqCst);
    }

    /// The truth about a payment; none, if nothing was ever held for it.
    pub fn payment(&self, id: &str) -> Option<Payment> {
        self.shared.book.lock().unwrap().payment(id)
    }

    /// How often an operation arrived and was looked at; none, if it is not known.
    pub fn arrivals(&self, key: &str) -> Option<u32> {
        self.shared.book.lock().unwrap().arrivals(key)
    }

    /// How many operations moved money or held it: one for each key that did, however often it came.
    pub fn effects(&self) -> usize {
        self.shared.book.lock().unwrap().effects()
    }

    /// How many operations are known.
    pub fn operations(&self) -> usize {
        self.shared.book.lock().unwrap().operations()
    }

    /// The event about an operation, which must be known: each call makes one with an id of its own.
    pub fn event(&self, key: &str) -> String {
        self.shared.book.lock().unwrap().event(key).to_string()
    }

    /// Signs an event and sends it to a URL that begins with `http://`; the status that came back. Blocks.
    pub fn deliver(&self, url: &str, event: &str) -> u16 {
        webhook::send(url, event, self.shared.now_ms() / 1000)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Whether verdicts that come at this moment are told by now.
    fn is_told(&self, from_ms: i64) -> bool {
        !self.is_stalled.load(Ordering::SeqCst) && from_ms <= self.now_ms()
    }
}

async fn accept(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let listener = TcpListener::from_std(listener).unwrap();
    loop {
        // A client that went away before it was taken.
        let Ok((stream, _)) = listener.accept().await else { continue };
        stream.set_nodelay(true).unwrap();
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(Arc::clone(&shared), request));
            // How a connection ends is a part of the tests.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is closed without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("closed on purpose")
    }
}

impl std::error::Error for Closed {}

type Answer = Response<Full<Bytes>>;

async fn answer(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Answer, Closed> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
    let field = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let interrupted = shared.interrupted.load(Ordering::SeqCst);
    if interrupted != 0 {
        return Ok(json(interrupted, &error("interrupted")));
    }
    if field("authorization") != format!("Bearer {KEY}") {
        return Ok(json(401, &error("unknown account")));
    }
    let segments = parts.uri.path().split('/').skip(1).map(|part| percent_decode_str(part).decode_utf8_lossy());
    let segments: Vec<_> = segments.collect();
    let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let (kind, payment) = match (&parts.method, &segments[..]) {
        (&Method::GET, ["v1", "operations", key]) => return Ok(look_up(&shared, key)),
        (&Method::POST, ["v1", "operations", key, "close"]) => return Ok(close(&shared, key)),
        (&Method::POST, ["v1", "authorizations"]) => (Kind::Authorize, None),
        (&Method::POST, ["v1", "authorizations", payment, "captures"]) => (Kind::Capture, Some(*payment)),
        (&Method::POST, ["v1", "authorizations", payment, "void"]) => (Kind::Void, Some(*payment)),
        (&Method::POST, ["v1", "authorizations", payment, "refunds"]) => (Kind::Refund, Some(*payment)),
        _ => return Ok(json(404, &error("no such path"))),
    };
    let is_json = field("content-type") == "application/json";
    match (string(field("idempotency-key")), serde_json::from_slice::<Value>(&body)) {
        (Some(key), Ok(body)) if is_json => carry_out(&shared, &key, kind, payment, &body).await,
        _ => Ok(json(400, &error("an idempotency key that is a string, and JSON"))),
    }
}

fn look_up(shared: &Shared, key: &str) -> Answer {
    let told = shared.book.lock().unwrap().look_up(key, |from_ms| shared.is_told(from_ms));
    told.map_or_else(|| json(404, &error("no such operation")), |told| json(200, &told.json()))
}

fn close(shared: &Shared, key: &str) -> Answer {
    json(200, &shared.book.lock().unwrap().close(key, |from_ms| shared.is_told(from_ms)).json())
}

/// Does what was asked, and reacts as the method says.
async fn carry_out(
    shared: &Shared,
    key: &str,
    kind: Kind,
    payment: Option<&str>,
    body: &Value,
) -> Result<Answer, Closed> {
    let Some(order) = Order::read(kind, payment, body) else {
        return Ok(json(400, &error("a member is missing or not what it must be")));
    };
    let token = shared.book.lock().unwrap().token(&order);
    let reaction = Reaction::of(&token, kind);
    if let Some(early) = reaction.before_effect() {
        return react(early).await;
    }
    let told_from_ms = shared.now_ms() + i64::from(reaction.after_s()) * 1000;
    let verdict = reaction.verdict();
    let told = shared.book.lock().unwrap().carry_out(key, &order, verdict, told_from_ms, |ms| shared.is_told(ms));
    match (told, reaction.after_effect()) {
        (None, _) => Ok(json(422, &error("the key was used for another request"))),
        (Some(_), Some(late)) => react(late).await,
        (Some(told), None) => Ok(json(told.status(), &told.json())),
    }
}

/// What is sent instead of what is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instead {
    Status(u16),
    Garbled,
    MixedUp,
    Large,
    Closed,
    Silence,
}

async fn react(instead: Instead) -> Result<Answer, Closed> {
    match instead {
        Instead::Status(status) => Ok(json(status, &error("the method says so"))),
        Instead::Garbled => Ok(Response::new(Full::from("<html>It works!</html>"))),
        Instead::MixedUp => Ok(json(200, &serde_json::json!({"key": "authorize:another", "status": "failed"}))),
        Instead::Large => Ok(Response::new(Full::from("x".repeat(10_000_000)))),
        Instead::Closed => Err(Closed),
        Instead::Silence => {
            // Longer than any client waits; it ends with the connection.
            tokio::time::sleep(Duration::from_hours(1)).await;
            Err(Closed)
        }
    }
}

fn json(status: u16, body: &Value) -> Answer {
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(Full::from(body.to_string())).unwrap()
}

fn error(message: &str) -> Value {
    serde_json::json!({"error": {"message": message}})
}

/// A string of RFC 8941: printable characters in quotes, of which `"` and `\` have a `\` before them.
fn string(field: &str) -> Option<String> {
    let mut text = String::new();
    let mut characters = field.strip_prefix('"')?.strip_suffix('"')?.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return None,
            '\\' => text.push(characters.next().filter(|next| ['"', '\\'].contains(next))?),
            ' '..='~' => text.push(character),
            _ => return None,
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn a_key_is_a_quoted_string() {
        assert_eq!(string(r#""a \"b\" \\ ""#).as_deref(), Some(r#"a "b" \ "#));
        for bad in ["", "a", "\"", "\"a", r#""a"b""#, r#""a\n""#, r#""a\""#] {
            assert_eq!(string(bad), None, "{bad}");
        }
    }
}
