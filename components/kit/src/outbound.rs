//! Requests that a service sends out: one request and one whole answer, within a time and a size.
//!
//! Who sends a request that changes something must know of a failure whether it may have had its effect. So there are two: the request was
//! [never sent](Fault::NeverSent), or there was [no answer](Fault::NoAnswer). What is not certainly the first is the second.
//!
//! A component sends through its host, to the hosts of `allowed_outbound_hosts` alone (`component::outbound`); a process of its own by hyper
//! (`native::outbound`). Left out on purpose: redirects are answers like others, nothing is sent twice, and no body is a stream.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;
use http_body::Body;
use http_body_util::{BodyExt, Limited};

/// A request with its whole body.
pub type Request = http::Request<Bytes>;

/// An answer with its whole body.
pub type Response = http::Response<Bytes>;

/// A way out.
pub trait Outbound: Send + Sync {
    /// Sends a request, whose URI is absolute, and waits for the whole answer. The lengths and the field `Host` are seen to.
    fn send(&self, request: Request, bounds: Bounds) -> Answer<'_>;
}

/// A future as [`Outbound`] returns it.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Result<Response, Fault>> + Send + 'a>>;

/// How long and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From the call to the last byte of the answer.
    pub time_ms: u32,
    /// The body of the answer.
    pub answer_bytes_max: usize,
}

/// Why there is no answer. The texts are for a log: nothing of the request stands in them but where it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Certainly no byte of it arrived: it had no effect.
    NeverSent(String),
    /// It may have arrived, and may have had its effect.
    NoAnswer(String),
}

impl Bounds {
    /// A server that can't be reached should be told from one that does not answer: connecting ends while there is time left.
    pub(crate) fn connect_ms(self) -> u32 {
        self.time_ms / 2
    }

    /// The fault of an answer that takes too long.
    pub(crate) fn no_answer_in_time(self) -> Fault {
        Fault::NoAnswer(format!("no answer within {} ms", self.time_ms))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverSent(reason) => write!(f, "never sent: {reason}"),
            Self::NoAnswer(reason) => write!(f, "no answer: {reason}"),
        }
    }
}

impl std::error::Error for Fault {}

/// Receives the body of an answer.
#[cfg(any(target_family = "wasm", feature = "native"))]
pub(crate) async fn whole<B>(response: http::Response<B>, bounds: Bounds) -> Result<Response, Fault>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>,
{
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, bounds.answer_bytes_max).collect().await;
    let body = body.map_err(|error| Fault::NoAnswer(format!("the answer can't be received: {error}")))?;
    Ok(http::Response::from_parts(parts, body.to_bytes()))
}
