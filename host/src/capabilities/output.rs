//! A guest's standard output and error as log lines of its component.
//!
//! A line that is longer than `log_line_bytes_max` is cut there, with a mark; the rest of it is dropped, not wrapped. Control
//! characters are escaped: a guest can neither forge what looks like another log line nor write over this one on a terminal.

use crate::trace::Trace;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// The trace of the request that an instance serves now. A copy is the same one.
#[derive(Clone, Default)]
pub(super) struct Traced(Arc<[AtomicU64; 2]>);

impl Traced {
    /// An instance serves one request at a time, and is not running while this is written: the halves belong together.
    pub(super) fn set(&self, trace: Trace) {
        self.0.iter().zip(trace.halves()).for_each(|(place, half)| place.store(half, Ordering::Relaxed));
    }

    pub(super) fn get(&self) -> Option<Trace> {
        Trace::of_halves([self.0[0].load(Ordering::Relaxed), self.0[1].load(Ordering::Relaxed)])
    }
}

/// Where the lines of one stream of one component go.
#[derive(Clone)]
pub(super) struct LogLines {
    component: Arc<str>,
    stream: &'static str,
    line_bytes_max: usize,
    traced: Traced,
}

impl LogLines {
    /// `stream` is `stdout` or `stderr`.
    pub(super) fn new(component: Arc<str>, stream: &'static str, line_bytes_max: usize, traced: &Traced) -> Self {
        Self { component, stream, line_bytes_max, traced: traced.clone() }
    }

    fn log(&self, line: &[u8], cut: bool) {
        let text = printable(&String::from_utf8_lossy(line));
        let (component, stream) = (&*self.component, self.stream);
        let mark = if cut { " […]" } else { "" };
        let trace = self.traced.get().map(tracing::field::display);
        if stream == "stderr" {
            tracing::warn!(target: "guest", component, stream, trace, "{text}{mark}");
        } else {
            tracing::info!(target: "guest", component, stream, trace, "{text}{mark}");
        }
    }
}

fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

impl IsTerminal for LogLines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogLines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(Lines { to: self.clone(), line: Vec::new(), cut: false })
    }
}

/// Splits what is written into lines.
struct Lines {
    to: LogLines,
    line: Vec<u8>,
    cut: bool,
}

impl Lines {
    fn push(&mut self, part: &[u8]) {
        let room = self.to.line_bytes_max.saturating_sub(self.line.len());
        self.cut |= part.len() > room;
        self.line.extend_from_slice(&part[..part.len().min(room)]);
    }

    fn end(&mut self) {
        self.to.log(&self.line, self.cut);
        self.line.clear();
        self.cut = false;
    }
}

impl AsyncWrite for Lines {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut parts = bytes.split(|byte| *byte == b'\n');
        self.push(parts.next().unwrap_or_default());
        for part in parts {
            self.end();
            self.push(part);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.line.is_empty() {
            self.end();
        }
    }
}
