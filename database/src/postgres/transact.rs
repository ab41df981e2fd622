//! A transaction in two round trips: `BEGIN` with all steps and events, then `COMMIT` or `ROLLBACK`.
//!
//! It is serializable: a guard (`SELECT … exactly(1)`) must still hold when the transaction commits, and on a lower level two
//! transactions that guard against each other would both commit. What the server gives up for that is tried again.
//!
//! Steps behind one that is unmet have run when that is found out, and are rolled back with it.

use super::fault::Fault;
use super::limits::Limits;
use super::outbox;
use super::session::{Found, Part, Run, Session, fault_at, host_part, part};
use crate::contract::{Effect, Error, Event, Outcome, Step, Transaction};
use crate::engine::sizes::Room;
use crate::engine::{is_met, too_slow};

const BEGIN: &str = "BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";
pub(super) const RESET: &str = "RESET ALL";

/// Carries out a transaction once.
pub(super) async fn carry_out(
    session: &mut Session,
    transaction: &Transaction,
    token: &str,
    limits: &Limits,
) -> Result<Outcome, Fault> {
    let within = limits.patience(limits.transaction_ms);
    let steps = &transaction.steps;
    let sqls: Vec<_> = steps.iter().map(|step| step.statement.sql.as_str()).collect();
    let at_step = |index: usize, fault| fault_at(format_args!("step {index}"), fault);
    let prepared = session.prepare(&sqls, within).await.map_err(|(index, fault)| at_step(index, fault))?;
    let events: Vec<_> = transaction.events.iter().map(|event| outbox::parameters(token, event)).collect();
    let mut parts = vec![host_part(BEGIN, &[])];
    for (index, (step, prepared)) in steps.iter().zip(prepared).enumerate() {
        parts.push(part(prepared, &step.statement).map_err(|error| at_step(index, error.into()))?);
    }
    parts.extend(events.iter().map(|parameters| host_part(outbox::PUBLISH, parameters)));
    let run = session.run(&parts, &mut Room::new(limits.sizes()), within).await.map_err(|fault| match fault {
        // The server ends each step in time; nobody but the host looks at all of them together.
        Fault::Silent => too_slow(("transaction-ms", limits.transaction_ms)).into(),
        other => other,
    })?;
    match judge(run, steps, &transaction.events) {
        Ok(effects) => commit(session, &[host_part(COMMIT, &[]), host_part(RESET, &[])], limits)
            .await
            .map(|()| Outcome::Committed(effects)),
        Err(undone) => {
            roll_back(session, &[host_part(ROLLBACK, &[]), host_part(RESET, &[])], limits).await;
            undone.map(Outcome::Unmet)
        }
    }
}

/// What the steps did, or else the first that was not met, or else why one failed.
fn judge(run: Run, steps: &[Step], events: &[Event]) -> Result<Vec<Effect>, Result<u32, Fault>> {
    let mut found = run.found.into_iter();
    let is_begun = found.next().is_some();
    let carried_out = found.len();
    let mut effects = Vec::with_capacity(steps.len());
    for (index, (step, found)) in steps.iter().zip(found).enumerate() {
        let (effect, count) = effect(found);
        if !is_met(step.expect, count) {
            return Err(Ok(u32::try_from(index).unwrap_or(u32::MAX)));
        }
        effects.push(effect);
    }
    match run.failed {
        None => Ok(effects),
        Some(fault) if !is_begun => Err(Err(fault)),
        Some(fault) if carried_out < steps.len() => Err(Err(fault_at(format_args!("step {carried_out}"), fault))),
        Some(fault) => Err(Err(outbox::fault(carried_out - steps.len(), events, fault))),
    }
}

/// What a step did, and the rows that count for its expectation.
fn effect(found: Found) -> (Effect, u64) {
    let changed = found.changed();
    let count = changed.unwrap_or(found.returned);
    (Effect { changed: changed.unwrap_or(0), rows: found.rows }, count)
}

async fn commit(session: &mut Session, parts: &[Part<'_>], limits: &Limits) -> Result<(), Fault> {
    let undecided = |why: &str| Fault::Refused(Error::Undecided(format!("no answer to the commit: {why}")));
    // Longer than other answers may take: giving up here leaves the caller not knowing.
    let run = session.run(parts, &mut Room::new(limits.sizes()), limits.patience(limits.wait_ms)).await;
    let run = run.map_err(|fault| undecided(&fault.into_error(limits, ("wait-ms", limits.wait_ms)).to_string()))?;
    match (run.found.first(), run.failed) {
        (Some(found), _) if found.tag == "COMMIT" => Ok(()),
        (None, Some(fault)) if fault.is_broken() || matches!(fault, Fault::Overlong | Fault::Refused(_)) => {
            Err(undecided(&fault.into_error(limits, ("wait-ms", limits.wait_ms)).to_string()))
        }
        (None, Some(fault)) => Err(fault),
        _ => Err(Error::Other("the server rolled back instead of committing".into()).into()),
    }
}

/// Undoes what was done. If that fails the connection is not at rest and is closed, which undoes it too.
async fn roll_back(session: &mut Session, parts: &[Part<'_>], limits: &Limits) {
    if let Err(fault) = session.run(parts, &mut Room::new(limits.sizes()), limits.patience(0)).await {
        tracing::debug!(?fault, "a transaction was rolled back by closing its connection");
    }
}
