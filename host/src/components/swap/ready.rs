//! Whether a generation is ready: its instances start, and it says so itself where it exports `souk:health/readiness`.

use super::super::instance::Invocation;
use super::super::pool::Pool;
use crate::config::ms;
use crate::trace::{Errand, Traces};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Type, Val};

/// What a component may export.
const INTERFACE: &str = "souk:health/readiness@0.1.0";

/// Characters of what a component says it lacks.
const SAID_CHARACTERS_MAX: usize = 300;

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Instances that are started before a generation serves. More come with the requests, in tens of microseconds each; the first
/// requests shall not all wait for one.
const WARM_MAX: u64 = 8;

/// Where the component answers whether it is ready; none if it does not say.
pub(super) fn find(code: &Component) -> Result<Option<ComponentExportIndex>, String> {
    let Some(interface) = code.get_export_index(None, INTERFACE) else { return Ok(None) };
    let place = code.get_export_index(Some(&interface), "ready");
    match code.get_export(Some(&interface), "ready").map(|(item, _)| item) {
        Some(ComponentItem::ComponentFunc(ready)) if fits(&ready) => Ok(place),
        _ => Err(format!("exports {INTERFACE} otherwise: ready is no async func() -> result<_, string>")),
    }
}

fn fits(ready: &ComponentFunc) -> bool {
    let results: Vec<Type> = ready.results().collect();
    let says = match results.as_slice() {
        [Type::Result(result)] => result.ok().is_none() && result.err() == Some(Type::String),
        _ => false,
    };
    ready.async_() && ready.params().len() == 0 && says
}

/// Starts instances, as many as the generation before has within bounds, and asks until it is ready.
pub(super) async fn warm(pool: &Pool, place: Option<ComponentExportIndex>, instances: u64) -> Result<(), String> {
    let limits = &pool.mould().provision().limits;
    let end = Instant::now() + ms(limits.ready_ms_max);
    let late = || format!("it was not ready within ready_ms_max ({} ms)", limits.ready_ms_max);
    let mut leases = Vec::new();
    for _ in 0..instances.clamp(1, WARM_MAX).min(limits.instances_max) {
        let lease = timeout_at(end, pool.lease()).await.map_err(|_| late())?;
        leases.push(lease.map_err(|_logged| "an instance can't be started; the log says why".to_owned())?);
    }
    leases.into_iter().for_each(super::super::pool::Lease::keep);
    let Some(place) = place else { return Ok(()) };
    let mut said = String::new();
    loop {
        let asked = timeout_at(end, ask(pool, place, end)).await;
        match asked.map_err(|_| with(late(), &said))? {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(not_yet)) => said = not_yet,
            Err(trapped) => return Err(trapped),
        }
        if Instant::now() + PAUSE >= end {
            return Err(with(late(), &said));
        }
        sleep(PAUSE).await;
    }
}

fn with(late: String, said: &str) -> String {
    if said.is_empty() { late } else { format!("{late}: {said}") }
}

/// A text of the guest's, for the log and a terminal: a line, and not a long one.
fn in_bounds(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(SAID_CHARACTERS_MAX).collect()
}

/// The error is a trap; the inner one is what the component lacks.
async fn ask(pool: &Pool, export: ComponentExportIndex, end: Instant) -> Result<Result<(), String>, String> {
    let failed = || "it failed when it was asked whether it is ready; the log says why".to_owned();
    let mut lease = pool.lease().await.map_err(|_logged| failed())?;
    let errand = Errand { end, trace: Traces::new().begin() };
    let asked = lease.instance().invoke(Invocation { export, parameters: Vec::new(), results: 1, errand }).await;
    let answer = lease.settle(asked).map_err(|_logged| failed())?;
    Ok(match answer.into_iter().next() {
        Some(Val::Result(Err(Some(why)))) => match *why {
            Val::String(why) => Err(in_bounds(&why)),
            _ => Err(String::new()),
        },
        _ => Ok(()),
    })
}
