//! So many requests a second, whatever becomes of them: an open loop. A request counts from the moment at which it was due, so one that has to
//! wait, for a connection or because the cores are busy, counts its waiting.
//!
//! A thread of its own keeps the time, because a timer of the runtime goes by milliseconds. Connections are kept and the one used last is used next, so
//! there are as many as are needed at once.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::preparation::bearer;
use super::visitors::{Asks, Kind, Tokens, Visit, Visitors};
use crate::connection::connect;

/// Connections at once. Beyond that the shop is so far behind that more of them say nothing new.
const CONNECTIONS_MAX: usize = 512;

/// Longer than the host lets any request take.
const PATIENCE: Duration = Duration::from_secs(70);

/// How long a connection may rest: the host ends it after 15 seconds, perhaps just when a request is on its way.
const REST_MAX: Duration = Duration::from_secs(5);

/// Kinds of failures that are told.
const FAILURES_MAX: usize = 20;

/// What became of a request.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    /// The number of the phase in which it was due.
    pub(crate) phase: usize,
    pub(crate) kind: Kind,
    pub(crate) took: Duration,
    pub(crate) ended: Instant,
    pub(crate) is_failed: bool,
}

/// Requests that are sent until it is stopped.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clock: JoinHandle<()>,
}

struct Shared {
    address: SocketAddr,
    tokens: Tokens,
    rested: Mutex<Vec<(Instant, SendRequest<Full<Bytes>>)>>,
    slots: Semaphore,
    begun: Instant,
    phase: AtomicUsize,
    under_way: AtomicUsize,
    is_over: AtomicBool,
    samples: Mutex<Vec<Sample>>,
    /// By what it was: how many, and when the first one.
    failures: Mutex<BTreeMap<String, (u64, Duration)>>,
}

impl Load {
    /// Begins with phase 0.
    pub(crate) fn begin(address: SocketAddr, visitors: Visitors, tokens: Tokens, rate: u64) -> Self {
        let shared = Arc::new(Shared {
            address,
            tokens,
            rested: Mutex::default(),
            slots: Semaphore::new(CONNECTIONS_MAX),
            begun: Instant::now(),
            phase: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
            samples: Mutex::default(),
            failures: Mutex::default(),
        });
        let (of_clock, runtime) = (Arc::clone(&shared), Handle::current());
        let clock = std::thread::spawn(move || keep_time(&of_clock, visitors, rate, &runtime));
        Self { shared, clock }
    }

    /// What is due from now on belongs to this phase.
    pub(crate) fn enter(&self, phase: usize) {
        self.shared.phase.store(phase, Ordering::Relaxed);
    }

    /// Ends it, waits for the last answers, and tells all that became of the requests, and what failed.
    pub(crate) async fn end(self) -> Result<(Vec<Sample>, Vec<String>)> {
        self.shared.is_over.store(true, Ordering::Relaxed);
        let clock = tokio::task::spawn_blocking(move || self.clock.join());
        ensure!(clock.await?.is_ok(), "the clock of the load has failed");
        let since = Instant::now();
        while self.shared.under_way.load(Ordering::Relaxed) > 0 {
            ensure!(since.elapsed() < 2 * PATIENCE, "requests have no end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let failures = lock(&self.shared.failures);
        let told = failures
            .iter()
            .take(FAILURES_MAX)
            .map(|(what, (count, first))| format!("{count} × {what}; the first after {:.1} s", first.as_secs_f64()));
        Ok((std::mem::take(&mut *lock(&self.shared.samples)), told.collect()))
    }
}

/// Sends off each visitor at their moment.
fn keep_time(shared: &Arc<Shared>, mut visitors: Visitors, rate: u64, runtime: &Handle) {
    let gap = Duration::from_secs(1) / u32::try_from(rate).expect("a rate is bounded by the arguments");
    let mut due = Instant::now();
    while !shared.is_over.load(Ordering::Relaxed) {
        due += gap;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let phase = shared.phase.load(Ordering::Relaxed);
        match visitors.next() {
            Ok(visit) => {
                shared.under_way.fetch_add(1, Ordering::Relaxed);
                let shared = Arc::clone(shared);
                runtime.spawn(async move {
                    shared.carry_out(visit, phase, due).await;
                    shared.under_way.fetch_sub(1, Ordering::Relaxed);
                });
            }
            Err(kind) => shared.fail(phase, kind, due, "all who could do it are busy"),
        }
    }
}

impl Shared {
    async fn carry_out(&self, visit: Visit, phase: usize, mut due: Instant) {
        let Visit { requests, signs_in, turn } = visit;
        for asks in requests {
            let kind = asks.kind;
            if let Err(error) = self.ask_within_time(asks, signs_in).await {
                self.fail(phase, kind, due, &format!("{error:#}"));
                break;
            }
            let now = Instant::now();
            lock(&self.samples).push(Sample { phase, kind, took: now - due, ended: now, is_failed: false });
            due = now;
        }
        // Only now somebody else may change the same cart.
        drop(turn);
    }

    /// Asks within a time, and keeps the token of whoever signs in.
    async fn ask_within_time(&self, asks: Asks, signs_in: Option<usize>) -> Result<()> {
        let body = tokio::time::timeout(PATIENCE, self.ask(asks)).await.context("no answer for too long")??;
        if let Some(account) = signs_in {
            self.tokens.keep(account, bearer(&serde_json::from_slice(&body)?)?);
        }
        Ok(())
    }

    fn fail(&self, phase: usize, kind: Kind, due: Instant, what: &str) {
        let ended = Instant::now();
        lock(&self.samples).push(Sample { phase, kind, took: ended - due, ended, is_failed: true });
        let first = (0, self.begun.elapsed());
        lock(&self.failures).entry(format!("{}: {what}", kind.name())).or_insert(first).0 += 1;
    }

    /// The body of an answer as it has to be: with the status that is right, whole, and JSON.
    async fn ask(&self, asks: Asks) -> Result<Bytes> {
        let _slot = self.slots.acquire().await?;
        let mut connection = match self.rested() {
            Some(connection) => connection,
            None => connect(self.address).await.context("no connection")?,
        };
        connection.ready().await.context("a connection that was kept")?;
        let (head, body) = connection.send_request(asks.request).await.context("no answer")?.into_parts();
        let body = body.collect().await.context("a body that was cut off")?.to_bytes();
        lock(&self.rested).push((Instant::now(), connection));
        if head.status.as_u16() != asks.expected {
            bail!("{} {}", head.status.as_u16(), problem(&body));
        }
        serde_json::from_slice::<&RawValue>(&body).context("a body that is no JSON")?;
        Ok(body)
    }

    /// A connection that was used a moment ago. Those that were not are let go.
    fn rested(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut rested = lock(&self.rested);
        let (since, connection) = rested.pop()?;
        if since.elapsed() < REST_MAX && !connection.is_closed() {
            return Some(connection);
        }
        rested.clear();
        None
    }
}

/// The type of a problem, or as it is whatever else was answered.
fn problem(body: &[u8]) -> String {
    let told: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match told["type"].as_str() {
        Some(name) => name.to_owned(),
        None => String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned(),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
