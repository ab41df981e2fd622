//! One call over a link: from a function that a guest imports to an instance of the component that serves it, and back.
//!
//! The call runs beside the caller's event loop, on its task (`capabilities/calls.rs`). It has what is left of the caller's time, and no more than the server's own limit. What goes wrong on the way (the server traps, is too slow, has too much to do) becomes
//! the caller's error where its contract has one for it: a result whose error is a variant with the case `unavailable`, with a text or
//! without. Otherwise the caller traps. It never waits longer than its time.

use super::super::instance::Invocation;
use super::super::pool::Pool;
use crate::capabilities::Sandbox;
use crate::config::ms;
use crate::problem::Problem;
use crate::trace::Errand;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::field::display;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ComponentExportIndex, LinkerInstance, Type, Val};

/// A component's name as links know it: what runs under it is put in when it is there.
pub(in crate::components) struct Slot {
    id: Arc<str>,
    pool: OnceLock<Arc<Pool>>,
    figures: Mutex<Vec<Arc<Counters>>>,
}

/// What was counted of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The importer's name.
    pub from: String,
    /// The server's name.
    pub to: Arc<str>,
    /// Without its version.
    pub interface: String,
    /// Calls that have ended.
    pub calls: u64,
    /// Those of them that went wrong on the way.
    pub failures: u64,
    /// How long all of them took together.
    pub took: Duration,
}

pub(super) struct Counters {
    from: String,
    interface: String,
    calls: AtomicU64,
    failures: AtomicU64,
    took_us: AtomicU64,
}

/// A function of a server.
pub(super) struct Target {
    server: Arc<Slot>,
    counters: Arc<Counters>,
    export: ComponentExportIndex,
    name: String,
    unavailable: Option<Unavailable>,
}

/// How the caller's contract says that there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unavailable {
    Bare,
    WithText,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    Overloaded,
    TooSlow,
    Failed,
    Stopping,
}

impl Slot {
    /// A name under which nothing runs yet.
    pub(in crate::components) fn new(id: &str) -> Arc<Self> {
        Arc::new(Self { id: id.into(), pool: OnceLock::new(), figures: Mutex::default() })
    }

    /// From now on this runs under the name.
    pub(in crate::components) fn fill(&self, pool: &Arc<Pool>) {
        let _is_first = self.pool.set(Arc::clone(pool));
    }

    /// What was counted of the links to it.
    pub(in crate::components) fn figures(&self) -> Vec<Figures> {
        let counters = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        let read = |counters: &Arc<Counters>| Figures {
            from: counters.from.clone(),
            to: Arc::clone(&self.id),
            interface: counters.interface.clone(),
            calls: counters.calls.load(Ordering::Relaxed),
            failures: counters.failures.load(Ordering::Relaxed),
            took: Duration::from_micros(counters.took_us.load(Ordering::Relaxed)),
        };
        counters.iter().map(read).collect()
    }

    pub(super) fn figures_of(&self, from: &str, interface: &str) -> Arc<Counters> {
        let counters = Arc::new(Counters {
            from: from.to_owned(),
            interface: interface.to_owned(),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            took_us: AtomicU64::new(0),
        });
        self.figures.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&counters));
        counters
    }
}

impl Target {
    pub(super) fn new(
        server: &Arc<Slot>,
        counters: &Arc<Counters>,
        export: ComponentExportIndex,
        name: &str,
        ty: &ComponentFunc,
    ) -> Arc<Self> {
        let (server, counters) = (Arc::clone(server), Arc::clone(counters));
        Arc::new(Self { server, counters, export, name: name.to_owned(), unavailable: Unavailable::of(ty) })
    }

    /// Makes the function of this name call it.
    pub(super) fn define(self: Arc<Self>, instance: &mut LinkerInstance<'_, Sandbox>) -> wasmtime::Result<()> {
        let name = self.name.clone();
        instance.func_new_concurrent(&name, move |accessor, _, parameters, results| {
            let target = Arc::clone(&self);
            Box::pin(async move {
                let (answer, answered) = oneshot::channel();
                let (parameters, count) = (parameters.to_vec(), results.len());
                let called = Arc::clone(&target);
                accessor.with(|mut access| {
                    let (errand, calls) = (access.get().errand(), access.get().calls());
                    // Nobody waits for it any more if it can't be told.
                    calls.add(async move { drop(answer.send(called.call(errand, parameters, count).await)) });
                });
                let answered = answered.await.unwrap_or(Err(Failure::Failed));
                let values = answered.or_else(|failure| target.without_answer(failure))?;
                results.iter_mut().zip(values).for_each(|(place, value)| *place = value);
                Ok(())
            })
        })
    }

    async fn call(&self, errand: Option<Errand>, parameters: Vec<Val>, results: usize) -> Result<Vec<Val>, Failure> {
        let begun = Instant::now();
        // What a guest calls while it is made serves no request, and nobody waits for it.
        let answered = match errand {
            Some(errand) => self.call_until(errand, parameters, results).await,
            None => Err(Failure::TooSlow),
        };
        let took_us = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.counters.calls.fetch_add(1, Ordering::Relaxed);
        self.counters.took_us.fetch_add(took_us, Ordering::Relaxed);
        if let Err(failure) = answered {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
            let (from, to, function) = (&self.counters.from, &*self.server.id, &self.name);
            let (interface, trace) = (&*self.counters.interface, errand.map(|errand| display(errand.trace)));
            tracing::warn!(from, to, interface, function, %failure, trace, "a call over a link failed");
        }
        answered
    }

    async fn call_until(&self, errand: Errand, parameters: Vec<Val>, results: usize) -> Result<Vec<Val>, Failure> {
        let pool = Arc::clone(self.server.pool.get().ok_or(Failure::Stopping)?);
        let errand = errand.by(Instant::now() + ms(pool.mould().provision().limits.time_ms_max));
        let invocation = Invocation { export: self.export, parameters, results, errand };
        tokio::time::timeout_at(errand.end, invoke(&pool, invocation)).await.unwrap_or(Err(Failure::TooSlow))
    }

    /// The caller's error, or the trap of the caller.
    fn without_answer(&self, failure: Failure) -> wasmtime::Result<Vec<Val>> {
        let text = format!("{}: {failure}", self.server.id);
        let payload = match self.unavailable {
            Some(Unavailable::Bare) => None,
            Some(Unavailable::WithText) => Some(Box::new(Val::String(text))),
            None => wasmtime::bail!(
                "{}.{} has no answer, and no error that says so: {text}",
                self.counters.interface,
                self.name
            ),
        };
        let error = Val::Variant(UNAVAILABLE.to_owned(), payload);
        Ok(vec![Val::Result(Err(Some(Box::new(error))))])
    }
}

/// The case of an error that says that there is no answer now, and that the call may be repeated.
const UNAVAILABLE: &str = "unavailable";

impl Unavailable {
    fn of(ty: &ComponentFunc) -> Option<Self> {
        let results: Vec<Type> = ty.results().collect();
        let [Type::Result(result)] = results.as_slice() else { return None };
        let Some(Type::Variant(error)) = result.err() else { return None };
        let case = error.cases().find(|case| case.name == UNAVAILABLE)?;
        match case.ty {
            None => Some(Self::Bare),
            Some(Type::String) => Some(Self::WithText),
            Some(_) => None,
        }
    }
}

async fn invoke(pool: &Pool, invocation: Invocation) -> Result<Vec<Val>, Failure> {
    let mut lease = pool.lease().await?;
    let ended = lease.instance().invoke(invocation).await;
    Ok(lease.settle(ended)?)
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Overloaded => Self::Overloaded,
            Problem::Stopping => Self::Stopping,
            _ => Self::Failed,
        }
    }
}

/// For the log, and for the caller's.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Overloaded => "too much is under way",
            Self::TooSlow => "it did not answer in time",
            Self::Failed => "it failed",
            Self::Stopping => "it is not there",
        })
    }
}
