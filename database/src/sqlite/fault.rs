//! What went wrong inside the engine, as a case of the contract that says what to do.

use rusqlite::ffi;

use super::budget::Budget;
use super::limits::Limits;
use crate::contract::Error;
use crate::engine::too_slow;

/// Why a statement did not come to its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// Found by this crate.
    Refused(Error),
    /// Found by SQLite.
    Engine(rusqlite::Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(error)
    }
}

impl Fault {
    /// The case of the contract. An error that comes from a limit names it.
    pub(super) fn into_error(self, limits: &Limits) -> Error {
        match self {
            Self::Refused(error) => error,
            Self::Engine(error) => of_engine(&error, limits),
        }
    }

    /// The same, where running out of a budget is an error of its own; `limit` is the one on time that it came from.
    pub(super) fn into_error_within(self, budget: &Budget, limits: &Limits, limit: (&str, u64)) -> Error {
        match self {
            Self::Engine(_) if budget.is_spent() => too_slow(limit),
            fault => fault.into_error(limits),
        }
    }

    /// Whether another connection was in the way for a moment.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Engine(error) if code(error).is_some_and(|code| code.code == rusqlite::ErrorCode::DatabaseBusy))
    }
}

/// Sorts an error of SQLite by its primary result code.
pub(super) fn of_engine(error: &rusqlite::Error, limits: &Limits) -> Error {
    let text = text(error);
    // Without a code it is rusqlite that is surprised, and not the engine.
    let Some(code) = code(error) else { return Error::Other(text) };
    match code.extended_code & 0xff {
        ffi::SQLITE_AUTH => Error::Denied(text),
        ffi::SQLITE_CONSTRAINT => Error::Constraint(text),
        ffi::SQLITE_TOOBIG => Error::TooLarge(format!("{text}: the limit value-bytes is {}", limits.value_bytes)),
        ffi::SQLITE_ERROR if is_denial(&text) => Error::Denied(text),
        ffi::SQLITE_ERROR => of_size(&text, limits).map_or(Error::Invalid(text), Error::TooLarge),
        ffi::SQLITE_MISMATCH | ffi::SQLITE_RANGE => Error::Invalid(text),
        ffi::SQLITE_INTERRUPT => Error::TooSlow(text),
        ffi::SQLITE_FULL => Error::Unavailable(format!(
            "{text}: no space left on the disk, or the limit database-bytes, {}",
            limits.database_bytes
        )),
        ffi::SQLITE_IOERR
        | ffi::SQLITE_NOMEM
        | ffi::SQLITE_READONLY
        | ffi::SQLITE_CANTOPEN
        | ffi::SQLITE_BUSY
        | ffi::SQLITE_LOCKED
        | ffi::SQLITE_PROTOCOL => Error::Unavailable(text),
        _ => Error::Other(text),
    }
}

/// A function that the authorizer denies is reported as a plain error, and so is `VACUUM`, which it is not asked about.
fn is_denial(text: &str) -> bool {
    text.starts_with("not authorized") || text.starts_with("cannot VACUUM")
}

/// SQLite reports its limits on the shape of a statement as plain errors; named here as the limits they come from.
fn of_size(text: &str, limits: &Limits) -> Option<String> {
    let known = [
        ("too many SQL variables", "parameters", limits.parameters),
        ("too many columns", "columns", limits.columns),
        ("too many terms in compound SELECT", "compound-terms", limits.compound_terms),
        ("too many terms", "columns", limits.columns),
        ("Expression tree is too large", "expression-depth", limits.expression_depth),
        ("LIKE or GLOB pattern too complex", "like-pattern-bytes", limits.like_pattern_bytes),
    ];
    let (_, name, value) = known.into_iter().find(|(start, ..)| text.starts_with(start))?;
    Some(format!("{text}: the limit {name} is {value}"))
}

/// The engine's code. rusqlite's own accessor leaves out errors that know their place in the text.
fn code(error: &rusqlite::Error) -> Option<&ffi::Error> {
    match error {
        rusqlite::Error::SqlInputError { error, .. } => Some(error),
        other => other.sqlite_error(),
    }
}

/// The engine's words, without the statement that rusqlite adds: its text may be long.
fn text(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(text)) => text.clone(),
        rusqlite::Error::SqlInputError { msg, offset, .. } if *offset >= 0 => format!("{msg} at byte {offset}"),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}
