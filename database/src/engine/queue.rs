//! What a caller is told that waited for its turn in vain. How a queue is kept is the engine's affair.

use crate::contract::Error;

/// More wait than the limit with this name allows.
pub(crate) fn full(limit: &str, most: u32) -> Error {
    Error::Unavailable(format!("too many waiting: the limit {limit} is {most}"))
}

/// It waited for as long as a caller may.
pub(crate) fn not_begun(wait_ms: u64) -> Error {
    Error::Unavailable(format!("too many waiting: not begun within the limit wait-ms, {wait_ms}"))
}

/// Nobody serves the queue any more: the database was closed, or a thread of it ended by a panic.
pub(crate) fn closed() -> Error {
    Error::Unavailable("the database is closed".into())
}
