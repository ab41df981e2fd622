//! The instances of one generation: given out one request at a time, taken back for the next.
//!
//! An instance goes by preference to the thread that used it last, whose core still has its memory in the cache: moving it over costs
//! a small request as much as everything else together. Otherwise the most recently used comes first, so that a burst's
//! surplus grows cold and can be let go. How many there can be at the same time, and how many requests may wait for one, are limits;
//! there is no queue without end.

use super::instance::{Instance, Mould};
use crate::problem::Problem;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use wasmtime::PoolConcurrencyLimitError;

/// How long an instance may lie idle. Starting one costs little; keeping one costs its memory.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(30);

/// The instances.
pub(super) struct Pool {
    mould: Mould,
    /// The one that has been idle for longest comes first.
    idle: Mutex<Vec<Idle>>,
    permits: Semaphore,
    waiting: AtomicU64,
    /// Calls that a trap or a limit of memory ended.
    traps: AtomicU64,
    /// Whether instances are let go after their call: this generation serves nobody any more.
    is_retired: AtomicBool,
}

/// An instance that waits for its next request.
struct Idle {
    instance: Box<Instance>,
    since: Instant,
    /// The thread that used it last.
    thread: ThreadId,
}

impl Pool {
    /// No instance yet.
    pub(super) fn new(mould: Mould) -> Self {
        let instances_max = crate::config::size(mould.provision().limits.instances_max);
        Self {
            mould,
            idle: Mutex::default(),
            permits: Semaphore::new(instances_max),
            waiting: AtomicU64::new(0),
            traps: AtomicU64::new(0),
            is_retired: AtomicBool::new(false),
        }
    }

    /// What the instances are made of.
    pub(super) fn mould(&self) -> &Mould {
        &self.mould
    }

    /// An instance for one request. Waits if all are taken, unless too many wait already.
    pub(super) async fn lease(&self) -> Result<Lease<'_>, Problem> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => self.wait().await?,
            Err(TryAcquireError::Closed) => return Err(Problem::Stopping),
        };
        let instance = match self.take() {
            Some(instance) => instance,
            None => Box::new(self.mould.instance().await.map_err(|error| self.not_started(&error))?),
        };
        Ok(Lease { pool: self, instance, _permit: permit })
    }

    async fn wait(&self) -> Result<SemaphorePermit<'_>, Problem> {
        let _place =
            Place::take(&self.waiting, self.mould.provision().limits.waiting_max).ok_or(Problem::Overloaded)?;
        self.permits.acquire().await.map_err(|_| Problem::Stopping)
    }

    fn take(&self) -> Option<Box<Instance>> {
        let thread = std::thread::current().id();
        let mut idle = self.idle.lock().expect("nobody panics while holding it");
        let place = idle.iter().rposition(|idle| idle.thread == thread).or(idle.len().checked_sub(1))?;
        Some(idle.remove(place).instance)
    }

    fn not_started(&self, error: &wasmtime::Error) -> Problem {
        let component = &*self.mould.provision().component;
        tracing::error!(component, error = format!("{error:#}"), "an instance could not be started");
        if error.is::<PoolConcurrencyLimitError>() { Problem::Overloaded } else { Problem::ComponentFailed }
    }

    /// Lets go of instances that have been idle for long.
    pub(super) fn trim(&self, now: Instant) {
        let mut idle = self.idle.lock().expect("nobody panics while holding it");
        let cold = idle.iter().take_while(|idle| now.duration_since(idle.since) >= IDLE_MAX).count();
        let cold: Vec<_> = idle.drain(..cold).collect();
        drop(idle);
        // Dropped here, outside the lock: tearing an instance down takes longer than a request wants to wait for another.
        drop(cold);
    }

    /// Lets go of all instances that are idle, and of the others after their calls. It can be called all the same.
    pub(super) fn retire(&self) {
        let mut idle = self.idle.lock().expect("nobody panics while holding it");
        self.is_retired.store(true, Ordering::Relaxed);
        let all = std::mem::take(&mut *idle);
        drop(idle);
        // Dropped here, outside the lock.
        drop(all);
    }

    /// Keeps instances again.
    pub(super) fn recall(&self) {
        let _idle = self.idle.lock().expect("nobody panics while holding it");
        self.is_retired.store(false, Ordering::Relaxed);
    }

    /// Whether it lets go of its instances.
    pub(super) fn is_retired(&self) -> bool {
        self.is_retired.load(Ordering::Relaxed)
    }

    /// How many calls a trap or a limit of memory has ended.
    pub(super) fn traps(&self) -> u64 {
        self.traps.load(Ordering::Relaxed)
    }

    fn keep(&self, instance: Box<Instance>) {
        if instance.served() < self.mould.provision().limits.requests_per_instance_max {
            let idle = Idle { instance, since: Instant::now(), thread: std::thread::current().id() };
            let mut all = self.idle.lock().expect("nobody panics while holding it");
            if !self.is_retired.load(Ordering::Relaxed) {
                all.push(idle);
            }
        }
    }
}

/// A place in the queue, given back however the waiting ends.
struct Place<'a>(&'a AtomicU64);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicU64, max: u64) -> Option<Self> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        (before < max).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An instance for one request. Dropping it drops the instance; [`keep`](Self::keep) gives it back.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    instance: Box<Instance>,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    /// The instance.
    pub(super) fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }

    /// Gives the instance back for the next request: only after a call that came to its end.
    pub(super) fn keep(self) {
        self.pool.keep(self.instance);
    }

    /// Keeps the instance after a call that came to its end. After any other it is let go, and the log says why.
    pub(super) fn settle<T>(self, ended: wasmtime::Result<T>) -> Result<T, Problem> {
        match ended {
            Ok(answer) => {
                self.keep();
                Ok(answer)
            }
            Err(error) => {
                self.pool.traps.fetch_add(1, Ordering::Relaxed);
                Err(super::failed(self.pool.mould.provision(), &error, self.instance.reached_limit()))
            }
        }
    }
}
