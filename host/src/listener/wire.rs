//! The socket as the protocol sees it, with what hyper leaves to its user:
//!
//! - a peer that takes no byte of its answer for too long loses the connection;
//! - a head that hyper refuses, or that does not arrive in time, is answered with a problem instead of an empty 400 or nothing;
//! - both framings of a body at once (`Transfer-Encoding` and `Content-Length`, a tool of request smuggling) can be told, though hyper drops
//!   one of them before anybody sees the request (RFC 9112 §6.3 lets a server reject such a message);
//! - an answer is written after the other requests that are ready have been handled: answers leave together, a peer with many
//!   connections wakes once for several of them, and neither the sandbox nor the kernel's network code is pushed out of
//!   the core's cache by the other for each request. Redis and Seastar do the same; here it is a fifth of the time of a small request;
//! - the end of a connection waits a moment for what the peer still sends, so that a reset does not take the answer away.

use crate::problem::Problem;
use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// How long, and for how many bytes, the end waits for the peer's own end.
const LINGER: Duration = Duration::from_millis(500);
const LINGER_BYTES_MAX: usize = 256 * 1024;

/// What is known about a connection while it is open, on both sides of the protocol.
pub(super) struct Line {
    /// What was read since the last write. Without pipelining that is the head of the request that is being read.
    unanswered: Mutex<Vec<u8>>,
    had_request: AtomicBool,
    under_way: AtomicUsize,
}

/// A request that is being answered, until dropped.
pub(super) struct UnderWay(Arc<Line>);

impl Line {
    /// A new connection.
    pub(super) fn new() -> Arc<Self> {
        let unanswered = Mutex::default();
        Arc::new(Self { unanswered, had_request: AtomicBool::new(false), under_way: AtomicUsize::new(0) })
    }

    /// A request has arrived.
    pub(super) fn request(self: &Arc<Self>) -> UnderWay {
        self.had_request.store(true, Ordering::Relaxed);
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Whether there ever was a request.
    pub(super) fn had_request(&self) -> bool {
        self.had_request.load(Ordering::Relaxed)
    }

    /// Whether the head that was read last frames its body by chunks only. A head that was read before the previous answer was
    /// written (pipelining) is not known any more and counts as ambiguous.
    pub(super) fn head_has_one_framing(&self) -> bool {
        let read = self.unanswered.lock().expect("nobody panics while holding it");
        let Some(end) = find(&read, b"\r\n\r\n") else {
            return false;
        };
        let head = &read[..end];
        !head.split(|byte| *byte == b'\n').any(|line| {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            name.trim_ascii().eq_ignore_ascii_case(b"content-length")
        })
    }

    fn read(&self, bytes: &[u8], bytes_max: usize) {
        let mut read = self.unanswered.lock().expect("nobody panics while holding it");
        let room = bytes_max.saturating_sub(read.len()).min(bytes.len());
        read.extend_from_slice(&bytes[..room]);
    }

    /// Whether not even the request line has come to its end.
    fn is_in_first_line(&self) -> bool {
        !self.unanswered.lock().expect("nobody panics while holding it").contains(&b'\n')
    }

    /// What was read is answered, or about to be.
    fn answered(&self) {
        self.unanswered.lock().expect("nobody panics while holding it").clear();
    }

    /// Whether the peer has begun a head that nobody has got yet.
    fn has_part_of_head(&self) -> bool {
        self.under_way.load(Ordering::Relaxed) == 0
            && !self.unanswered.lock().expect("nobody panics while holding it").is_empty()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        // It has its answer, though nothing of it may be written yet: if it never is, that is no head that is still to come.
        self.0.answered();
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The socket.
pub(super) struct Wire {
    socket: TcpStream,
    line: Arc<Line>,
    head_bytes_max: usize,
    write_idle_max: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// A problem that replaces what hyper wrote, as far as it is not sent yet.
    words: Vec<u8>,
    peer_ended: bool,
    /// Whether the others had their turn since the last read.
    had_turn: bool,
    ending: Option<(Pin<Box<Sleep>>, usize)>,
}

impl Wire {
    /// Wraps a socket.
    pub(super) fn new(socket: TcpStream, line: Arc<Line>, write_idle_max: Duration, head_bytes_max: usize) -> Self {
        let (stalled, words, ending) = (None, Vec::new(), None);
        Self {
            socket,
            line,
            head_bytes_max,
            write_idle_max,
            stalled,
            words,
            peer_ended: false,
            had_turn: false,
            ending,
        }
    }

    /// Counts the time in which the peer takes nothing.
    fn bound<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let wait = self.write_idle_max;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(wait)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer takes nothing")))
    }

    /// Once per answer: lets the tasks that are ready go first.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.had_turn, true) {
            return Poll::Ready(());
        }
        // Puts this task at the end of the queue.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_words(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.words.is_empty() {
            let written = Pin::new(&mut self.socket).poll_write(cx, &self.words);
            let count = ready!(self.bound(cx, written))?;
            self.words.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes a bare refusal of hyper's and keeps the problem to send instead.
    fn replaced(&mut self, bytes: &[u8]) -> bool {
        let problem = match bare_refusal(bytes) {
            // hyper's own bound on a target is larger than ours on a head, so it never says 414.
            Some(Problem::HeadTooLarge) if self.line.is_in_first_line() => Problem::TargetTooLong,
            Some(problem) => problem,
            None => return false,
        };
        self.words = problem.into_last_words();
        true
    }

    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (timer, left) = self.ending.get_or_insert_with(|| (Box::pin(tokio::time::sleep(LINGER)), LINGER_BYTES_MAX));
        let mut scratch = [0; 4096];
        while !self.peer_ended && *left > 0 && timer.as_mut().poll(cx).is_pending() {
            let mut buffer = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut self.socket).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => *left = left.saturating_sub(buffer.filled().len()),
                _ => self.peer_ended = true,
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// The problem that stands for an answer that hyper makes by itself: a 4xx with nothing in it.
fn bare_refusal(bytes: &[u8]) -> Option<Problem> {
    let rest = bytes.strip_prefix(b"HTTP/1.1 ")?;
    let problem = match rest.get(..3)? {
        b"400" => Problem::MalformedRequest("the head of the request is malformed"),
        b"414" => Problem::TargetTooLong,
        b"431" => Problem::HeadTooLarge,
        _ => return None,
    };
    let head = std::str::from_utf8(&bytes[..find(bytes, b"\r\n\r\n")?]).ok()?;
    let bare = head
        .lines()
        .skip(1)
        .all(|line| matches!(line.split(':').next(), Some("date" | "connection")) || line == "content-length: 0");
    bare.then_some(problem)
}

fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    bytes.windows(pattern.len()).position(|window| window == pattern)
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        let read = &buffer.filled()[before..];
        if read.is_empty() {
            self.peer_ended = true;
        } else {
            self.line.read(read, self.head_bytes_max);
        }
        self.had_turn = false;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        ready!(self.poll_words(cx))?;
        let replaced = self.replaced(bytes);
        self.line.answered();
        if replaced {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.socket).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_turn(cx));
        ready!(self.poll_words(cx))?;
        let replaced = slices.first().filter(|first| self.replaced(first)).map(|first| first.len());
        self.line.answered();
        if let Some(length) = replaced {
            return Poll::Ready(Ok(length));
        }
        let written = Pin::new(&mut self.socket).poll_write_vectored(cx, slices);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_words(cx))?;
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.is_none() {
            ready!(self.poll_words(cx))?;
            ready!(Pin::new(&mut self.socket).poll_shutdown(cx))?;
        }
        self.poll_linger(cx)
    }
}

impl Drop for Wire {
    /// The only place that every end of a connection passes: a head that was begun and never completed is answered here.
    fn drop(&mut self) {
        if !self.peer_ended && self.line.has_part_of_head() {
            // As much as the socket takes at once: nobody waits for a peer that is too slow.
            let _sent = self.socket.try_write(&Problem::HeadTimeout.into_last_words());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_with_nothing_in_it_is_replaced() {
        let bare = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert!(matches!(bare_refusal(bare), Some(Problem::MalformedRequest(_))));
        let ours = b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(bare_refusal(ours), None);
        assert_eq!(bare_refusal(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"), None);
        assert_eq!(bare_refusal(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\nhello"), None);
    }

    #[test]
    fn a_head_with_both_framings_is_told_in_either_order() {
        for head in
            ["content-length: 3\r\ntransfer-encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length : 3"]
        {
            let line = Line::new();
            line.read(format!("POST / HTTP/1.1\r\nhost: h\r\n{head}\r\n\r\n").as_bytes(), 1000);
            assert!(!line.head_has_one_framing(), "{head}");
        }
        let line = Line::new();
        line.read(b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\ncontent-length: 3\r\n", 1000);
        assert!(line.head_has_one_framing());
        line.answered();
        assert!(!line.head_has_one_framing(), "a head that is not known any more is ambiguous");
    }
}
