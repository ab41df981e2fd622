//! Names for requests: in the answer's `x-request-id`, and in the log line of whoever wants to find it.

use http::HeaderValue;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gives out names that do not repeat within a process, and hardly across processes.
pub(super) struct RequestIds {
    process: u64,
    next: AtomicU64,
}

/// The name of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(u64, u64);

impl RequestIds {
    /// A process's own series.
    pub(super) fn new() -> Self {
        // Without randomness the names of two processes may be the same, which is a nuisance in a log and nothing worse.
        Self { process: getrandom::u64().unwrap_or_default(), next: AtomicU64::new(1) }
    }

    /// A name that was not given out before.
    pub(super) fn next(&self) -> RequestId {
        RequestId(self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.0, self.1)
    }
}

impl From<&RequestId> for HeaderValue {
    fn from(id: &RequestId) -> Self {
        HeaderValue::try_from(id.to_string()).expect("hexadecimal digits and a hyphen are visible ASCII")
    }
}
