//! A guest's standard output and error as log lines of its component.
//!
//! A line that is longer than `log_line_bytes_max` is cut there, with a mark; the rest of it is dropped, not wrapped. Control
//! characters are escaped: a guest can neither forge what looks like another log line nor write over this one on a terminal.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};

/// Where the lines of one stream of one component go.
#[derive(Clone)]
pub(super) struct LogLines {
    component: Arc<str>,
    stream: &'static str,
    line_bytes_max: usize,
}

impl LogLines {
    /// `stream` is `stdout` or `stderr`.
    pub(super) fn new(component: Arc<str>, stream: &'static str, line_bytes_max: usize) -> Self {
        Self { component, stream, line_bytes_max }
    }

    fn log(&self, line: &[u8], cut: bool) {
        let text = printable(&String::from_utf8_lossy(line));
        let (component, stream) = (&*self.component, self.stream);
        let mark = if cut { " […]" } else { "" };
        if stream == "stderr" {
            tracing::warn!(target: "guest", component, stream, "{text}{mark}");
        } else {
            tracing::info!(target: "guest", component, stream, "{text}{mark}");
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
