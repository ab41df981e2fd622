//! Bodies: whole in memory, or streamed within bounds of size and silence.

use bytes::{Buf, Bytes};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Full};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Any error of a body.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer.
pub type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, BodyError>>;

/// A body that is there.
pub fn whole(bytes: impl Into<Bytes>) -> Body {
    Either::Left(Full::new(bytes.into()))
}

/// A body that is still coming.
pub fn streamed<B>(body: B) -> Body
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BodyError>,
{
    Either::Right(body.map_err(Into::into).boxed_unsync())
}

/// Why a body was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// It passed its bound.
    #[error("the body is too large")]
    TooLarge = 1,
    /// Nothing came for too long.
    #[error("the body stalled")]
    Stalled = 2,
    /// It broke off or was malformed.
    #[error("the body is unreadable")]
    Unreadable = 3,
}

/// What became of a body that somebody else reads: known to those who gave it away.
#[derive(Clone, Default)]
pub struct Verdict(Arc<AtomicU8>);

impl Verdict {
    /// Why it was cut off, if it was.
    pub fn cut(&self) -> Option<Cut> {
        match self.0.load(Ordering::Acquire) {
            1 => Some(Cut::TooLarge),
            2 => Some(Cut::Stalled),
            3 => Some(Cut::Unreadable),
            _ => None,
        }
    }

    fn set(&self, cut: Cut) -> Cut {
        self.0.store(cut as u8, Ordering::Release);
        cut
    }
}

/// A body that is cut off when it grows or stalls too much.
pub struct Bounded<B> {
    body: B,
    bytes_left: u64,
    idle_max: Duration,
    /// Set when there was nothing to read at first, reused after.
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    verdict: Verdict,
}

impl<B> Bounded<B> {
    /// Bounds a body.
    pub fn new(body: B, bytes_max: u64, idle_max: Duration) -> Self {
        Self { body, bytes_left: bytes_max, idle_max, timer: None, waiting: false, verdict: Verdict::default() }
    }

    /// Tells what becomes of it.
    pub fn verdict(&self) -> Verdict {
        self.verdict.clone()
    }

    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadline = Instant::now() + self.idle_max;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if !self.waiting {
            self.waiting = true;
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

impl<B> HttpBody for Bounded<B>
where
    B: HttpBody<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            ready!(this.poll_timer(cx));
            return Poll::Ready(Some(Err(this.verdict.set(Cut::Stalled))));
        };
        this.waiting = false;
        Poll::Ready(match frame {
            None => None,
            Some(Err(_)) => Some(Err(this.verdict.set(Cut::Unreadable))),
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                match this.bytes_left.checked_sub(length) {
                    Some(left) => {
                        this.bytes_left = left;
                        Some(Ok(frame))
                    }
                    None => Some(Err(this.verdict.set(Cut::TooLarge))),
                }
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
