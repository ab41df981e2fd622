//! One call over a link: from a function that a guest imports to an instance of the component that serves it, and back.
//!
//! The call runs beside the caller's event loop, on its task (`capabilities/calls.rs`). It has what is left of the caller's time, and no more than the server's own limit. What goes wrong on the way (the server traps, is too slow, has too much to do) becomes
//! the caller's error where its contract has one for it: a result whose error is a variant with the case `unavailable`, with a text or
//! without. Otherwise the caller traps. It never waits longer than its time.

use super::super::generation::{Generation, Visit};
use super::super::instance::Invocation;
use super::super::slot::{Closed, Slot};
use super::count::Counters;
use crate::capabilities::Sandbox;
use crate::config::ms;
use crate::problem::Problem;
use crate::trace::Errand;
use std::fmt;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::field::display;
use wasmtime::component::types::ComponentFunc;
use wasmtime::component::{ComponentExportIndex, LinkerInstance, Type, Val};

/// A function of a server.
pub(super) struct Target {
    server: Arc<Slot>,
    counters: Arc<Counters>,
    /// The interface as the importer names it, with its version.
    import: String,
    name: String,
    /// Where the function is in the generation that was called last, by its number.
    found: Mutex<Option<(u64, ComponentExportIndex)>>,
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
    /// A generation that came since the caller was linked does without the function.
    Missing,
}

impl Target {
    pub(super) fn new(
        server: &Arc<Slot>,
        counters: &Arc<Counters>,
        import: &str,
        name: &str,
        ty: &ComponentFunc,
    ) -> Arc<Self> {
        Arc::new(Self {
            server: Arc::clone(server),
            counters: Arc::clone(counters),
            import: import.to_owned(),
            name: name.to_owned(),
            found: Mutex::default(),
            unavailable: Unavailable::of(ty),
        })
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
        self.counters.count(begun.elapsed(), answered.is_err());
        if let Err(failure) = answered {
            let (from, to, function) = (&*self.counters.from, &*self.counters.to, &self.name);
            let (interface, trace) = (&*self.counters.interface, errand.map(|errand| display(errand.trace)));
            tracing::warn!(from, to, interface, function, %failure, trace, "a call over a link failed");
        }
        answered
    }

    async fn call_until(&self, errand: Errand, parameters: Vec<Val>, results: usize) -> Result<Vec<Val>, Failure> {
        let visit = self.server.enter()?;
        let begun = Instant::now();
        let errand = errand.by(begun + ms(visit.pool().mould().provision().limits.time_ms_max));
        let export = self.place_in(visit.generation()).ok_or(Failure::Missing)?;
        let invocation = Invocation { export, parameters, results, errand };
        let answered = tokio::time::timeout_at(errand.end, invoke(&visit, invocation)).await;
        let answered = answered.unwrap_or(Err(Failure::TooSlow));
        let is_failed = matches!(answered, Err(Failure::TooSlow | Failure::Failed));
        if answered == Err(Failure::TooSlow) {
            visit.generation().tally.timeouts.fetch_add(1, Ordering::Relaxed);
        }
        visit.generation().tally.calls.count(begun.elapsed(), is_failed);
        answered
    }

    /// Where the function is in this generation: looked up once, since a call takes microseconds.
    fn place_in(&self, generation: &Generation) -> Option<ComponentExportIndex> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        match *found {
            Some((number, place)) if number == generation.number => Some(place),
            _ => {
                let place = super::place(&generation.code, &self.import, &self.name)?;
                *found = Some((generation.number, place));
                Some(place)
            }
        }
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

async fn invoke(visit: &Visit, invocation: Invocation) -> Result<Vec<Val>, Failure> {
    let mut lease = visit.pool().lease().await?;
    let ended = lease.instance().invoke(invocation).await;
    Ok(lease.settle(ended)?)
}

impl From<Closed> for Failure {
    fn from(_: Closed) -> Self {
        Self::Stopping
    }
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
            Self::Missing => "it does not export the function any more",
        })
    }
}
