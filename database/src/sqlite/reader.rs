//! Queries: first on the calling thread, under a small budget; those that outgrow it on reader threads, with the full one.
//!
//! A hop to another thread costs more than a point read. Trying first costs a long query its small budget, and a statement
//! that was long lately is not tried. No connection keeps a snapshot between calls, so the WAL can always be copied.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tokio::sync::oneshot;

use super::Options;
use super::connection::Guarded;
use super::counts::Counts;
use super::fault::Fault;
use super::limits::Limits;
use super::statement::Shape;
use crate::contract::{Error, Rows, Statement};
use crate::engine::queue;
use crate::engine::sizes::Room;

/// The connections for calling threads and the reader threads.
pub(super) struct Readers {
    path: PathBuf,
    options: Options,
    counts: Arc<Counts>,
    idle: Mutex<Idle>,
    queue: Sender<Ask>,
}

/// Connections that no thread uses at the moment.
#[derive(Default)]
struct Idle {
    /// Each with the thread that used it last, whose core still has its pages in the cache.
    connections: Vec<(Guarded, ThreadId)>,
    opened: u32,
    is_closed: bool,
}

/// What a reader thread is asked.
enum Ask {
    Query { statement: Statement, asked: Instant, answer: oneshot::Sender<Result<Rows, Error>> },
    Close,
}

/// How a try on the calling thread ended.
enum Tried {
    Answered(Result<Rows, Error>),
    /// Over the budget, or there is no connection: a reader thread has to do it.
    Move,
}

impl Readers {
    /// Starts the reader threads, each with a connection of its own.
    pub(super) fn start(
        path: PathBuf,
        options: Options,
        counts: Arc<Counts>,
    ) -> rusqlite::Result<(Self, Vec<JoinHandle<()>>)> {
        let (queue, asks) = bounded(options.limits.read_queue as usize);
        let mut threads = Vec::new();
        for _ in 0..options.limits.readers {
            let db = Guarded::reader(&path, &options)?;
            let (asks, limits) = (asks.clone(), options.limits.clone());
            let thread = Builder::new().name("souk-db-read".into()).spawn(move || serve(&db, &limits, &asks));
            threads.push(thread.expect("the system has threads left while it starts"));
        }
        Ok((Self { path, options, counts, idle: Mutex::default(), queue }, threads))
    }

    /// Answers a query, on this thread if it is short.
    pub(super) async fn query(&self, statement: Statement) -> Result<Rows, Error> {
        let tried = self.try_inline(&statement);
        self.counts.query(matches!(tried, Tried::Answered(_)));
        match tried {
            Tried::Answered(result) => result,
            Tried::Move => self.move_to_thread(statement).await,
        }
    }

    /// Ends the reader threads after what waits, and closes idle connections.
    pub(super) fn close(&self) {
        for _ in 0..self.options.limits.readers {
            // Fails only if all threads are gone already.
            let _ = self.queue.send(Ask::Close);
        }
        let mut idle = self.idle();
        idle.is_closed = true;
        idle.connections.clear();
    }

    fn try_inline(&self, statement: &Statement) -> Tried {
        let Some(lease) = self.lease() else { return Tried::Move };
        let Some(db) = &lease.db else { return Tried::Move };
        let limits = &self.options.limits;
        db.budget.start(limits.inline_steps.into(), Duration::from_micros(limits.inline_us));
        let shape = match db.shape(&statement.sql) {
            Ok(shape) if shape.skips_inline() => return Tried::Move,
            Ok(shape) => shape,
            Err(fault) => return self.failed_inline(db, None, fault),
        };
        match read(db, &shape, statement, limits) {
            Ok(rows) => {
                shape.tried_inline(true);
                Tried::Answered(Ok(rows))
            }
            Err(fault) => self.failed_inline(db, Some(&shape), fault),
        }
    }

    fn failed_inline(&self, db: &Guarded, shape: Option<&Shape>, fault: Fault) -> Tried {
        let is_spent = matches!(fault, Fault::Engine(_)) && db.budget.is_spent();
        if is_spent && let Some(shape) = shape {
            shape.tried_inline(false);
        }
        if is_spent || fault.is_busy() {
            Tried::Move
        } else {
            Tried::Answered(Err(fault.into_error(&self.options.limits)))
        }
    }

    async fn move_to_thread(&self, statement: Statement) -> Result<Rows, Error> {
        let (answer, answered) = oneshot::channel();
        match self.queue.try_send(Ask::Query { statement, asked: Instant::now(), answer }) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(queue::closed())),
            Err(TrySendError::Disconnected(_)) => Err(queue::closed()),
            Err(TrySendError::Full(_)) => Err(queue::full("read-queue", self.options.limits.read_queue)),
        }
    }

    /// A connection for a moment: an idle one, or a new one up to the limit. Never waits.
    fn lease(&self) -> Option<Lease<'_>> {
        let mut idle = self.idle();
        let thread = std::thread::current().id();
        let place = idle.connections.iter().position(|(_, user)| *user == thread);
        if let Some(place) = place.or(idle.connections.len().checked_sub(1)) {
            let (db, _) = idle.connections.swap_remove(place);
            return Some(Lease { readers: self, db: Some(db) });
        }
        if idle.is_closed || idle.opened >= self.options.limits.inline_readers {
            return None;
        }
        idle.opened += 1;
        drop(idle);
        // A calling thread does not wait for a lock: the reader threads do, if there is one.
        let opened = Guarded::reader(&self.path, &self.options).and_then(|db| {
            db.db.busy_timeout(Duration::ZERO)?;
            Ok(db)
        });
        let opened = opened.inspect_err(|error| tracing::warn!(%error, "a reading connection can't be opened"));
        Some(Lease { readers: self, db: opened.ok() })
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // Held for a push or a pop only; neither leaves it half done.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection on loan to a calling thread. Comes back when dropped; after a panic it is closed instead.
struct Lease<'a> {
    readers: &'a Readers,
    db: Option<Guarded>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut idle = self.readers.idle();
        match self.db.take() {
            Some(db) if !idle.is_closed && !std::thread::panicking() => {
                idle.connections.push((db, std::thread::current().id()));
            }
            _ => idle.opened -= 1,
        }
    }
}

/// A reader thread: ends when it is asked to, or when the database was dropped.
fn serve(db: &Guarded, limits: &Limits, asks: &Receiver<Ask>) {
    step_back(limits.reader_nice);
    db.budget.pause_often();
    while let Ok(Ask::Query { statement, asked, answer }) = asks.recv() {
        if answer.is_closed() {
            continue;
        }
        let result = if asked.elapsed() > Duration::from_millis(limits.wait_ms) {
            Err(queue::not_begun(limits.wait_ms))
        } else {
            db.budget.start_time(Duration::from_millis(limits.query_ms));
            let limit = ("query-ms", limits.query_ms);
            db.shape(&statement.sql)
                .and_then(|shape| read(db, &shape, &statement, limits))
                .map_err(|fault| fault.into_error_within(&db.budget, limits, limit))
        };
        let _ = answer.send(result);
    }
}

/// Lets the kernel prefer the other threads of this process. A query that came here has shown that it takes long; whoever is
/// short does not wait behind it then, also where there are fewer cores than such queries.
fn step_back(nice: u32) {
    // Linux counts niceness by thread, POSIX by process: elsewhere the whole host would step back.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(i32::try_from(nice).unwrap_or(i32::MAX)) {
        tracing::debug!(%error, "a reader thread keeps its priority");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = nice;
}

fn read(db: &Guarded, shape: &Shape, statement: &Statement, limits: &Limits) -> Result<Rows, Fault> {
    if !shape.reads {
        return Err(Error::Denied("a statement that writes belongs into `transact`".into()).into());
    }
    db.run(shape, statement, &mut Room::new(limits.sizes())).map(|(rows, _)| rows)
}
