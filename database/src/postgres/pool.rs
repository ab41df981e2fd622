//! Connections of one kind for one database: opened when needed, up to a limit, and lent for one call.
//!
//! One that was idle for too long, or is too old, is not lent again. That is found out when the next is lent; if none is, the server
//! ends its sessions after the same time, so no task has to watch over them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::address::Address;
use super::counts::Counts;
use super::fault::Fault;
use super::limits::Limits;
use super::session::Session;
use super::wire::Wire;
use crate::contract::Error;
use crate::engine::queue;

/// Bytes of a message beside the row in it, and of one that is none: an error, a description of columns.
const MESSAGE_BYTES_MORE: u64 = 64 << 10;

/// What the connections of a pool are for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
}

/// Connections of one kind.
pub(super) struct Pool {
    purpose: Purpose,
    address: Address,
    limits: Arc<Limits>,
    counts: Arc<Counts>,
    /// Most recently used last, so that those who are not needed grow old.
    idle: Mutex<Vec<Idle>>,
    permits: Semaphore,
    waiting: AtomicU32,
}

struct Idle {
    session: Session,
    since: Instant,
}

impl Pool {
    pub(super) fn new(purpose: Purpose, address: Address, limits: Arc<Limits>, counts: Arc<Counts>) -> Self {
        let most = match purpose {
            Purpose::Read => limits.readers,
            Purpose::Write => limits.writers,
        };
        let permits = Semaphore::new(most as usize);
        Self { purpose, address, limits, counts, idle: Mutex::default(), permits, waiting: AtomicU32::new(0) }
    }

    /// A connection for one call: an idle one, or a new one.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Fault> {
        let permit = self.permit().await?;
        // Bound first: the lock must not be held while connecting.
        let idle = self.take_idle();
        let (session, was_idle) = match idle {
            Some(session) => (session, true),
            None => (self.connect().await?, false),
        };
        Ok(Lease { pool: self, session: Some(session), was_idle, _permit: permit })
    }

    /// Closes the idle connections: their server restarted, or what they prepared is outdated.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    fn take_idle(&self) -> Option<Session> {
        let now = Instant::now();
        let is_within = |since, limit_ms| now.saturating_duration_since(since) < Duration::from_millis(limit_ms);
        let (idle_ms, lifetime_ms) = (self.limits.idle_ms, self.limits.lifetime_ms);
        let mut idle = self.idle();
        idle.retain(|idle| is_within(idle.since, idle_ms) && is_within(idle.session.begun, lifetime_ms));
        idle.pop().map(|idle| idle.session)
    }

    async fn permit(&self) -> Result<SemaphorePermit<'_>, Error> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok(permit);
        }
        let (name, most) = match self.purpose {
            Purpose::Read => ("read-queue", self.limits.read_queue),
            Purpose::Write => ("write-queue", self.limits.write_queue),
        };
        let place = Waiting::begin(&self.waiting);
        if place.number > most {
            return Err(queue::full(name, most));
        }
        let wait_ms = self.limits.wait_ms;
        match tokio::time::timeout(Duration::from_millis(wait_ms), self.permits.acquire()).await {
            Ok(permit) => permit.map_err(|_| queue::closed()),
            Err(_) => Err(queue::not_begun(wait_ms)),
        }
    }

    async fn connect(&self) -> Result<Session, Fault> {
        let limits = &self.limits;
        let (work_ms, read_only) = match self.purpose {
            Purpose::Read => (limits.query_ms, "on"),
            Purpose::Write => (limits.transaction_ms, "off"),
        };
        let (work_ms, lock_ms) = (work_ms.to_string(), limits.lock_ms.to_string());
        let in_transaction_ms = (limits.transaction_ms + limits.network_ms).to_string();
        // Later than it is lent for the last time, so that no call meets the end of it.
        let idle_ms = (limits.idle_ms + limits.network_ms).to_string();
        let mut settings = session_settings(&work_ms).to_vec();
        settings.extend([
            ("default_transaction_read_only", read_only),
            ("lock_timeout", &lock_ms),
            // Between the two round trips of a transaction, if this host is gone without a trace.
            ("idle_in_transaction_session_timeout", &in_transaction_ms),
            ("idle_session_timeout", &idle_ms),
        ]);
        let most = limits.result_bytes + MESSAGE_BYTES_MORE;
        let wire = Wire::connect(&self.address, &settings, most, limits.patience(0)).await?;
        self.counts.connected();
        Ok(Session::new(wire, Arc::clone(&self.counts), limits.statements as usize))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        // Held while connections are put in or taken out, neither of which leaves it half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What every session of a component starts with, whatever the server or the role is set to.
pub(super) fn session_settings(work_ms: &str) -> [(&'static str, &str); 7] {
    [
        ("search_path", "public"),
        ("TimeZone", "UTC"),
        ("DateStyle", "ISO"),
        ("standard_conforming_strings", "on"),
        ("extra_float_digits", "1"),
        ("statement_timeout", work_ms),
        // A statement whose host is gone ends within a second.
        ("client_connection_check_interval", "1s"),
    ]
}

/// A place in the queue; given up when dropped, also by a caller that went away.
struct Waiting<'a> {
    waiting: &'a AtomicU32,
    number: u32,
}

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicU32) -> Self {
        Self { waiting, number: waiting.fetch_add(1, Ordering::Relaxed) + 1 }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection on loan. Comes back when dropped, if its last call came to its end; else it is closed, and the server rolls back.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    session: Option<Session>,
    /// Whether it may have been closed by the server while nobody looked.
    pub(super) was_idle: bool,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    pub(super) fn session(&mut self) -> &mut Session {
        self.session.as_mut().expect("taken out only when the lease ends")
    }

    /// Closes the connection instead of giving it back.
    pub(super) fn discard(mut self) {
        self.session = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take().filter(Session::is_at_rest) {
            self.pool.idle().push(Idle { session, since: Instant::now() });
        }
    }
}
