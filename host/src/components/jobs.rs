//! The jobs of components: work that nobody asks for, called by the host in its own time (`souk:jobs/periodic`).
//!
//! One task for each job, so a job never overtakes itself and none waits for another. A call takes an instance of the component's pool and
//! has the component's limit of time, as a request does; what goes wrong with it is a line of the log and a number of the metrics, and the
//! job comes again at its next time. When a call is due is not kept: after a restart every job begins anew. Hosts that share a
//! database do not ask each other whose turn it is, since the contract has a component do with any number of callers.

use super::generation::Visit;
use super::grant::interface;
use super::instance::periodic::{Error, Outcome};
use super::slot::Slot;
use crate::clock::now_s;
use crate::config::{ComponentLimits, ms, size};
use crate::manifest::{self, Fault};
use crate::problem::Problem;
use crate::trace::{Errand, Traces};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{self, ComponentItem};

const INTERFACE: &str = "souk:jobs/periodic";

/// The version that this host calls, and those that can stand for it.
const CALLED: &str = "souk:jobs/periodic@0.1.0";

/// Between the first calls of two jobs. All in one instant would take the instances that the first requests want.
const FIRST_STEP: Duration = Duration::from_millis(100);

/// Before a job goes on that has more to do. A piece of work takes some tens of milliseconds: requests that waited for the database
/// behind it get their turn, and a long backlog still moves.
const PAUSE_BEFORE_MORE: Duration = Duration::from_millis(50);

/// How often a job that is due looks whether its component was started again.
const WHILE_STOPPED: Duration = Duration::from_secs(1);

/// Whether the component exports what jobs are called by, in any version.
pub(super) fn exports(engine: &Engine, component: &Component) -> bool {
    exported(engine, &component.component_type()).is_some()
}

/// The fault of a component that has jobs in the manifest and can't be called for them.
pub(super) fn check(engine: &Engine, component: &Component, manifest: &manifest::Component) -> Option<Fault> {
    let first = manifest.jobs.first()?;
    let (why, remedy) = unfit(engine, component)?;
    let names: Vec<&str> = manifest.jobs.iter().map(|job| job.name.as_str()).collect();
    let what = format!("component {}: has jobs ({}) and {why}", manifest.id, names.join(", "));
    Some(Fault::new(first.line, what, remedy))
}

fn unfit(engine: &Engine, component: &Component) -> Option<(String, &'static str)> {
    const BUILD: &str = "build it against this host's contract, wit/jobs";
    let ty = component.component_type();
    let Some(export) = exported(engine, &ty) else {
        return Some((format!("does not export {INTERFACE}"), "remove them, or use a component that exports it"));
    };
    let Some(place) = component.get_export_index(None, CALLED) else {
        return Some((format!("exports {export}, where this host calls {CALLED}"), BUILD));
    };
    let otherwise = |how: &str| Some((format!("exports {export} otherwise: {how}"), BUILD));
    match component.get_export(Some(&place), "run").map(|(item, _)| item) {
        None => otherwise("run is missing"),
        Some(ComponentItem::ComponentFunc(run)) if !run.async_() => otherwise("run is not async"),
        Some(ComponentItem::ComponentFunc(run)) => {
            let error = run.typecheck::<(String,), (Result<Outcome, Error>,)>(&ty.instance_type()).err()?;
            otherwise(&format!("run: {error:#}"))
        }
        Some(_) => otherwise("run is no function"),
    }
}

/// As the component names it, with its version.
fn exported(engine: &Engine, ty: &types::Component) -> Option<String> {
    ty.exports(engine).map(|(name, _)| name).find(|name| interface(name) == INTERFACE).map(str::to_owned)
}

/// All jobs of an application.
pub struct Jobs(Vec<Arc<Job>>);

/// One job of one component.
pub(super) struct Job {
    slot: Arc<Slot>,
    limits: Arc<ComponentLimits>,
    name: String,
    every: Duration,
    traces: Traces,
    counters: Counters,
}

#[derive(Default)]
struct Counters {
    runs: AtomicU64,
    failures: AtomicU64,
    took_us: AtomicU64,
    last_success_s: AtomicU64,
}

/// What was counted of one job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Whose.
    pub component: Arc<str>,
    /// Its name.
    pub job: String,
    /// Calls that have ended.
    pub runs: u64,
    /// Those of them that did not do what they could.
    pub failures: u64,
    /// How long all of them took together.
    pub took: Duration,
    /// Seconds from 1970 to the end of the last call that did; 0 before the first.
    pub last_success_s: u64,
}

/// Why a call did not do what it could.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the component knows no job of this name")]
    Unknown,
    #[error("what it needs can't be reached: {0}")]
    Unavailable(String),
    #[error("{0}")]
    Other(String),
    #[error("it did not end within time_ms_max")]
    TooSlow,
    #[error("too much is under way")]
    Overloaded,
    #[error("it failed")]
    Failed,
}

impl Jobs {
    pub(super) fn of(jobs: &[Arc<Job>]) -> Self {
        Self(jobs.to_vec())
    }

    /// Calls each job again and again until told to stop; then none begins, and those under way may end, for so long at most. Answers
    /// whether all could.
    pub async fn run(self, stop: CancellationToken, drain_max: Duration) -> bool {
        let mut tasks = JoinSet::new();
        let mut first = Duration::ZERO;
        for job in self.0 {
            first += FIRST_STEP;
            let stop = stop.clone();
            tasks.spawn(async move { job.repeat(first, &stop).await });
        }
        stop.cancelled().await;
        tokio::time::timeout(drain_max, async { while tasks.join_next().await.is_some() {} }).await.is_ok()
    }
}

impl Job {
    pub(super) fn new(slot: &Arc<Slot>, limits: &Arc<ComponentLimits>, job: &manifest::Job) -> Self {
        let every = Duration::from_secs(job.every_seconds.into());
        Self {
            slot: Arc::clone(slot),
            limits: Arc::clone(limits),
            name: job.name.clone(),
            every,
            traces: Traces::new(),
            counters: Counters::default(),
        }
    }

    /// What was counted of it.
    pub(super) fn figures(&self) -> Figures {
        let Counters { runs, failures, took_us, last_success_s } = &self.counters;
        Figures {
            component: Arc::clone(&self.slot.id),
            job: self.name.clone(),
            runs: runs.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            took: Duration::from_micros(took_us.load(Ordering::Relaxed)),
            last_success_s: last_success_s.load(Ordering::Relaxed),
        }
    }

    async fn repeat(&self, first: Duration, stop: &CancellationToken) {
        let mut pause = first;
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            // Who stopped the component knows it; what came due meanwhile comes soon after it is started.
            let Ok(visit) = self.slot.enter() else {
                pause = WHILE_STOPPED.min(self.every);
                continue;
            };
            pause = match self.run(&visit).await {
                Some(Outcome::More) => PAUSE_BEFORE_MORE,
                Some(Outcome::Done) | None => self.every,
            };
        }
    }

    /// One call, counted. What goes wrong is logged.
    async fn run(&self, visit: &Visit) -> Option<Outcome> {
        let begun = Instant::now();
        let ended = self.call(visit).await;
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.runs.fetch_add(1, Ordering::Relaxed);
        self.counters.took_us.fetch_add(took_us, Ordering::Relaxed);
        let (component, job) = (&*self.slot.id, self.name.as_str());
        match ended {
            Ok(outcome) => {
                self.counters.last_success_s.store(now_s(), Ordering::Relaxed);
                tracing::debug!(component, job, ?outcome, took_us, "a job ran");
                Some(outcome)
            }
            Err(failure) => {
                self.counters.failures.fetch_add(1, Ordering::Relaxed);
                // As a text it is quoted: the component's words can't look like a line of their own.
                let why = self.within_bounds(failure.to_string());
                tracing::warn!(component, job, why, "a job failed; it comes again at its next time");
                None
            }
        }
    }

    async fn call(&self, visit: &Visit) -> Result<Outcome, Failure> {
        let end = Instant::now() + ms(self.limits.time_ms_max);
        let errand = Errand { end, trace: self.traces.begin() };
        tokio::time::timeout_at(end, self.call_until(visit, errand)).await.unwrap_or(Err(Failure::TooSlow))
    }

    async fn call_until(&self, visit: &Visit, errand: Errand) -> Result<Outcome, Failure> {
        let mut lease = visit.pool().lease().await?;
        let ended = lease.instance().run_job(self.name.clone(), errand).await;
        Ok(lease.settle(ended)??)
    }

    /// A text of the component's for the log, as long as a line that it writes by itself.
    fn within_bounds(&self, mut text: String) -> String {
        let bytes_max = size(self.limits.log_line_bytes_max);
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
            text.push_str(" […]");
        }
        text
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::UnknownJob => Self::Unknown,
            Error::Unavailable(text) => Self::Unavailable(text),
            Error::Other(text) => Self::Other(text),
        }
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Overloaded => Self::Overloaded,
            _ => Self::Failed,
        }
    }
}
