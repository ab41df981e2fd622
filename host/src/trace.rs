//! Which request something is done for, across all components that take part: the trace of W3C Trace Context.
//!
//! A request that comes with a good `traceparent` belongs to that trace; any other begins one. Calls over links take it along, as do the log lines of all
//! components that the request passes through. What is not here yet: spans, and telling the trace to components and servers outside.

use http::HeaderMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

const TRACEPARENT: &str = "traceparent";

/// The id of a trace: 16 bytes, never all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace(u128);

/// What something is done for: until when it must be done, and as a part of which trace.
#[derive(Clone, Copy, Debug)]
pub struct Errand {
    /// When whoever waits stops waiting.
    pub end: Instant,
    /// The request that it began with.
    pub trace: Trace,
}

/// Makes traces that do not repeat within a process, and hardly across processes.
pub struct Traces {
    process: u64,
    next: AtomicU64,
}

impl Errand {
    /// The same with less time, if this is sooner.
    #[must_use]
    pub fn by(self, end: Instant) -> Self {
        Self { end: self.end.min(end), ..self }
    }
}

impl Traces {
    /// A process's own series.
    pub fn new() -> Self {
        // Without randomness two processes may make the same, which is a nuisance in a log and nothing worse.
        Self { process: getrandom::u64().unwrap_or_default() | 1, next: AtomicU64::new(1) }
    }

    /// A new trace.
    pub fn begin(&self) -> Trace {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        // An odd factor leaves no two numbers the same, and spreads them: those who sample look at these bits (W3C §3.2.2.3).
        let spread = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Trace(u128::from(self.process) << 64 | u128::from(spread))
    }

    /// The trace that a request belongs to, or a new one.
    pub fn of(&self, headers: &HeaderMap) -> Trace {
        let mut fields = headers.get_all(TRACEPARENT).iter();
        match (fields.next(), fields.next()) {
            (Some(field), None) => Trace::parse(field.as_bytes()).unwrap_or_else(|| self.begin()),
            _ => self.begin(),
        }
    }
}

impl Default for Traces {
    fn default() -> Self {
        Self::new()
    }
}

impl Trace {
    /// §3.2.2 of the recommendation: `00-<32 hex>-<16 hex>-<2 hex>`, in small letters; a later version may go on behind a hyphen.
    fn parse(field: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(field).ok()?;
        let mut parts = text.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace = hexadecimal(parts.next()?, 32)?;
        let parent = hexadecimal(parts.next()?, 16)?;
        hexadecimal(parts.next()?, 2)?;
        let is_good = match version {
            0xff => false,
            0 => parts.next().is_none(),
            _ => true,
        };
        (is_good && trace != 0 && parent != 0).then_some(Self(trace))
    }

    /// As two numbers, for whoever keeps it where threads share it.
    pub fn halves(self) -> [u64; 2] {
        #[expect(clippy::cast_possible_truncation, reason = "each is a half")]
        [(self.0 >> 64) as u64, self.0 as u64]
    }

    /// Out of two numbers; none of zeros.
    pub fn of_halves([high, low]: [u64; 2]) -> Option<Self> {
        let trace = u128::from(high) << 64 | u128::from(low);
        (trace != 0).then_some(Self(trace))
    }
}

fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_small = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if text.len() != digits || !is_small {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Trace, Traces};
    use http::{HeaderMap, HeaderValue};

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_good_parent_names_the_trace() {
        for good in [PARENT, "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-and-more"] {
            let trace = Trace::parse(good.as_bytes()).map(|trace| trace.to_string());
            assert_eq!(trace.as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"), "{good}");
        }
    }

    #[test]
    fn any_other_names_none() {
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Trace::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn two_parents_are_none_and_no_two_traces_are_the_same() {
        let traces = Traces::new();
        let mut headers = HeaderMap::new();
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        assert_eq!(traces.of(&headers).to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        headers.append("traceparent", HeaderValue::from_static(PARENT));
        assert_ne!(traces.of(&headers), traces.of(&headers));
    }

    #[test]
    fn a_trace_is_kept_in_halves() {
        let trace = Traces::new().begin();
        assert_eq!(Trace::of_halves(trace.halves()), Some(trace));
        assert_eq!(Trace::of_halves([0, 0]), None);
    }
}
