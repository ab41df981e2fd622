//! One commit for many transactions: each in a savepoint of its own, so that one that fails leaves its neighbours undisturbed.
//!
//! Nobody is answered before the commit is on the disk, not even those that failed: they were judged on top of their
//! neighbours' work, which might not come to be.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::connection::Guarded;
use super::counts::Counts;
use super::fault::{Fault, of_engine};
use super::limits::Limits;
use super::outbox;
use crate::contract::{Effect, Error, Outcome, Transaction};
use crate::engine::sizes::{Room, at};
use crate::engine::{is_met, queue};

/// A transaction that waits for the writer, and whom to tell.
pub(super) struct Job {
    pub(super) transaction: Transaction,
    pub(super) asked: Instant,
    pub(super) answer: oneshot::Sender<Result<Outcome, Error>>,
}

impl Job {
    /// Answers. Whether anybody still listens makes no difference to what was done.
    fn tell(self, result: Result<Outcome, Error>) {
        let _ = self.answer.send(result);
    }
}

/// How a group ended, for the writer to adapt to.
pub(super) struct Ended {
    /// How many transactions the commit was for.
    pub(super) transactions: usize,
    /// How long the commit took.
    pub(super) commit: Duration,
    /// Those whose commit failed.
    pub(super) failed: Option<Failed>,
}

/// Transactions whose commit failed and who were not answered yet. What they left in the WAL must be put out of reach first: an
/// answer says that nothing was written, and a power cut right after it must not prove it wrong.
pub(super) struct Failed {
    jobs: Vec<Job>,
    error: Error,
}

impl Failed {
    /// Answers all of them.
    pub(super) fn tell(self) {
        for job in self.jobs {
            job.tell(Err(self.error.clone()));
        }
    }
}

/// Carries out as many waiting transactions as fit into one group, and answers them if it is committed.
pub(super) fn carry_out(db: &Guarded, waiting: &mut VecDeque<Job>, limits: &Limits, counts: &Counts) -> Ended {
    let mut begun = Instant::now();
    if let Err(error) = db.as_host(|db| execute(db, "BEGIN IMMEDIATE")) {
        let error = of_engine(&error, limits);
        let jobs: Vec<_> = waiting.drain(..).collect();
        counts.group(jobs.len(), true);
        return Ended { transactions: jobs.len(), commit: Duration::ZERO, failed: Some(Failed { jobs, error }) };
    }
    let mut done = Vec::new();
    let mut most = limits.group_transactions as usize;
    while done.len() < most && (done.is_empty() || begun.elapsed() < Duration::from_millis(limits.group_ms)) {
        let Some(job) = waiting.pop_front() else { break };
        let Some(job) = still_wanted(job, limits) else { continue };
        match run(db, &job.transaction, limits) {
            Verdict::Settled(result) => done.push((job, result)),
            Verdict::Undone(error) => {
                counts.undone();
                job.tell(Err(error));
                // The engine rolled the whole group back. The neighbours are innocent: they go again, now alone, so that each
                // such transaction costs one repetition and not one for each after it.
                most = done.len();
                begun = Instant::now();
                done.drain(..).rev().for_each(|(job, _)| waiting.push_front(job));
                if most == 0 || db.as_host(|db| execute(db, "BEGIN IMMEDIATE")).is_err() {
                    return Ended { transactions: 1, commit: Duration::ZERO, failed: None };
                }
            }
        }
    }
    finish(db, done, limits, counts)
}

/// Commits and answers.
fn finish(db: &Guarded, done: Vec<(Job, Result<Outcome, Error>)>, limits: &Limits, counts: &Counts) -> Ended {
    let (transactions, started) = (done.len(), Instant::now());
    let committed = db.as_host(|db| execute(db, "COMMIT"));
    let commit = started.elapsed();
    counts.group(transactions, committed.is_err());
    if let Err(error) = committed {
        db.roll_back();
        let error = at("the commit failed, nothing was written", unavailable(of_engine(&error, limits)));
        tracing::error!(%error, transactions, "commit failed");
        let jobs = done.into_iter().map(|(job, _)| job).collect();
        return Ended { transactions, commit, failed: Some(Failed { jobs, error }) };
    }
    for (job, result) in done {
        job.tell(result);
    }
    Ended { transactions, commit, failed: None }
}

/// Whatever kept a commit from the disk, to the caller the database can't be used now.
fn unavailable(error: Error) -> Error {
    match error {
        Error::Unavailable(_) => error,
        other => Error::Unavailable(other.to_string()),
    }
}

/// Drops what nobody waits for any more: the caller went away before it began, or it waited too long.
fn still_wanted(job: Job, limits: &Limits) -> Option<Job> {
    if job.answer.is_closed() {
        return None;
    }
    if job.asked.elapsed() > Duration::from_millis(limits.wait_ms) {
        job.tell(Err(queue::not_begun(limits.wait_ms)));
        return None;
    }
    Some(job)
}

/// What a transaction did to its group.
enum Verdict {
    /// Written or rolled back to its savepoint; the group goes on.
    Settled(Result<Outcome, Error>),
    /// It made the engine roll back everything: `OR ROLLBACK`, `RAISE(ROLLBACK)`, no space, an interrupted change.
    Undone(Error),
}

fn run(db: &Guarded, transaction: &Transaction, limits: &Limits) -> Verdict {
    if let Err(error) = db.as_host(|db| execute(db, "SAVEPOINT souk")) {
        return undone(db, of_engine(&error, limits));
    }
    db.budget.start_time(Duration::from_millis(limits.transaction_ms));
    let result = steps(db, transaction, limits);
    let finished = match &result {
        Err(error) if db.db.is_autocommit() => return Verdict::Undone(error.clone()),
        Ok(Outcome::Committed(_)) => db.as_host(|db| execute(db, "RELEASE souk")),
        _ => db.as_host(|db| execute(db, "ROLLBACK TO souk").and_then(|()| execute(db, "RELEASE souk"))),
    };
    match finished {
        Ok(()) => Verdict::Settled(result),
        Err(error) => undone(db, of_engine(&error, limits)),
    }
}

/// The savepoint could not be handled: the group is in an unknown state, so all of it is rolled back.
fn undone(db: &Guarded, error: Error) -> Verdict {
    db.roll_back();
    Verdict::Undone(error)
}

/// Runs the steps and stores the events.
fn steps(db: &Guarded, transaction: &Transaction, limits: &Limits) -> Result<Outcome, Error> {
    let mut room = Room::new(limits.sizes());
    let in_time = |fault: Fault| fault.into_error_within(&db.budget, limits, ("transaction-ms", limits.transaction_ms));
    let mut effects = Vec::with_capacity(transaction.steps.len());
    for (index, step) in transaction.steps.iter().enumerate() {
        let done = db.shape(&step.statement.sql).and_then(|shape| {
            let (rows, returned) = db.run(&shape, &step.statement, &mut room)?;
            // The engine's counter keeps its old value when a statement changes nothing by nature.
            let changed = if shape.reads { 0 } else { db.db.changes() };
            Ok((Effect { changed, rows }, if shape.reads { returned } else { changed }))
        });
        let (effect, found) = done.map_err(|fault| at(format_args!("step {index}"), in_time(fault)))?;
        if !is_met(step.expect, found) {
            return Ok(Outcome::Unmet(u32::try_from(index).expect("steps are limited by a u32")));
        }
        effects.push(effect);
    }
    if db.has_broken_foreign_keys() {
        return Err(Error::Constraint("FOREIGN KEY constraint failed at the end of the transaction".into()));
    }
    db.as_host(|db| outbox::store(db, &transaction.events)).map_err(|fault| fault.into_error(limits))?;
    Ok(Outcome::Committed(effects))
}

fn execute(db: &rusqlite::Connection, sql: &str) -> rusqlite::Result<()> {
    db.prepare_cached(sql)?.raw_execute().map(drop)
}
