//! What all engines share: how sizes, events and limits are checked, what callers are told about it, and what was applied of a list
//! of migrations.

use crate::contract::{Error, Expectation, Statement, Transaction};
use sizes::{Sizes, at, too_large};

pub(crate) mod sizes;
pub(crate) mod bounds;
pub(crate) mod queue;
pub(crate) mod events;
pub(crate) mod applied;

/// Checks what can be said of a query without the engine.
pub(crate) fn check_query(statement: &Statement, sizes: &Sizes) -> Result<(), Error> {
    sizes::check(statement, sizes)?;
    sizes::check_parameter_bytes(std::iter::once(statement), sizes)
}

/// Checks what can be said of a transaction without the engine.
pub(crate) fn check_transaction(transaction: &Transaction, sizes: &Sizes) -> Result<(), Error> {
    let steps = &transaction.steps;
    if steps.len() as u64 > u64::from(sizes.steps) {
        return Err(too_large("", steps.len() as u64, "steps", "steps", sizes.steps.into()));
    }
    for (index, step) in steps.iter().enumerate() {
        sizes::check(&step.statement, sizes).map_err(|error| at(format_args!("step {index}"), error))?;
    }
    sizes::check_parameter_bytes(steps.iter().map(|step| &step.statement), sizes)?;
    events::check(&transaction.events, sizes)
}

/// Whether a step changed (or returned, if it only reads) as many rows as it must.
pub(crate) fn is_met(expect: Expectation, found: u64) -> bool {
    match expect {
        Expectation::Anything => true,
        Expectation::Exactly(number) => found == number,
        Expectation::AtLeast(number) => found >= number,
    }
}

/// The error for work that ran into a limit on time: its name and its value.
pub(crate) fn too_slow((limit, most_ms): (&str, u64)) -> Error {
    Error::TooSlow(format!("ran longer than the limit {limit}, {most_ms}"))
}
