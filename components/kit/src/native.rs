//! A service without any wasm: the embedded engine as its database, hyper as its server.
//!
//! For tests, for the twin that benchmarks compare the sandbox with, and for whoever wants one service as a process of
//! its own. There is no gateway in front: whoever calls is believed.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use souk_database::migration;
use souk_database::sqlite::{Limits, OpenError, Sqlite};
use tokio::net::{TcpListener, TcpStream};
use tower_service::Service;

use crate::context::{Context, Ids, Settings};
use crate::time::{Clock, Timestamp};

pub mod outbound;

/// How long a client may take to send the head of a request. hyper has the same number and does not apply it without a
/// timer.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How long to wait when no connection can be accepted, because the process is out of file descriptors for instance.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Opens a service's database in a file, brings it up to date, and puts the real clock and randomness beside it.
pub fn open(path: &Path, migrations: &[(&str, &str)]) -> Result<Context, OpenError> {
    Ok(Context::new(database(path, migrations)?, SystemClock, SystemIds))
}

/// The same with settings.
pub fn open_with(path: &Path, migrations: &[(&str, &str)], settings: GivenSettings) -> Result<Context, OpenError> {
    Ok(Context::with_settings(database(path, migrations)?, SystemClock, SystemIds, settings))
}

/// Opens a service's database in a file and brings it up to date.
pub fn database(path: &Path, migrations: &[(&str, &str)]) -> Result<Sqlite, OpenError> {
    Sqlite::open(path, Limits::default(), &migration::from_list(migrations))
}

/// Serves a router over HTTP/1.1 until the process ends.
pub async fn serve(router: Router, listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(connection(router.clone(), stream));
            }
            // A connection that went away before it was accepted, or no descriptor left: neither ends the service.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Answers one request without a socket.
pub async fn call(router: &Router, request: Request<Body>) -> Response {
    let Ok(response) = router.clone().call(request).await;
    response
}

async fn connection(router: Router, stream: TcpStream) -> io::Result<()> {
    // Else the last segment of an answer may wait 40 ms for the client's acknowledgement.
    stream.set_nodelay(true)?;
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let mut router = router.clone();
        async move { router.call(request.map(Body::new)).await }
    });
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_READ_TIMEOUT);
    // How a connection ends is the client's business.
    server.serve_connection(TokioIo::new(stream), service).await.map_err(io::Error::other)
}

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that provides the clock")]
    fn now(&self) -> Timestamp {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_milliseconds(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX))
    }
}

struct SystemIds;

impl Ids for SystemIds {
    fn random(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness");
        bytes
    }

    fn secret(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness");
        bytes
    }
}

/// Settings that whoever starts the service has at hand, such as arguments of the program.
#[derive(Clone, Default)]
pub struct GivenSettings(BTreeMap<String, String>);

impl GivenSettings {
    /// Sets one.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }
}

impl Settings for GivenSettings {
    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

/// A clock that stands still until somebody sets it, for tests. It begins at 2026-11-20T10:00:00Z.
#[derive(Clone)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// Lets time pass.
    pub fn advance_seconds(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

impl Default for SetClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_795_168_800_000)))
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.load(Ordering::Relaxed))
    }
}

/// Ids and secrets that count, for tests: 1, 2, 3, ….
#[derive(Default)]
pub struct CountedIds(AtomicU64);

impl CountedIds {
    /// The next number, at the end of so many bytes.
    fn next<const BYTES: usize>(&self) -> [u8; BYTES] {
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = [0; BYTES];
        bytes[BYTES - 8..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

impl Ids for CountedIds {
    fn random(&self) -> [u8; 10] {
        self.next()
    }

    fn secret(&self) -> [u8; 32] {
        self.next()
    }
}
