//! The body of a request: received whole where it is small, handed on as it comes where it is not, bounded in both cases.

use crate::body::{Body, Bounded, Cut, Verdict};
use crate::components::{Component, Reception, RequestBody, Visit};
use crate::config::{HostLimits, ms};
use crate::problem::Problem;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A body that is refused is worth reading up to here: as much as a socket has in its buffer anyway.
const DISCARD_BYTES_MAX: u64 = 64 * 1024;

/// A refusal waits this long for the body it does not want.
const DISCARD_WAIT_MAX: Duration = Duration::from_millis(100);

/// Receives the body as the component takes it, until `end` at the latest. The verdict tells later what became of a body that was handed on.
pub(super) async fn receive(
    request: Request<Incoming>,
    component: &Component,
    visit: &Visit,
    limits: &HostLimits,
    end: Instant,
) -> Result<(Request<RequestBody>, Verdict), Problem> {
    let (parts, body) = request.into_parts();
    let bytes_max = component.limits.body_bytes_max;
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length > bytes_max) {
        return Err(Problem::BodyTooLarge(bytes_max));
    }
    if length == Some(0) {
        return Ok((Request::from_parts(parts, RequestBody::Whole(Bytes::new())), Verdict::default()));
    }
    let body = Bounded::new(body, bytes_max, ms(limits.body_idle_ms_max));
    let verdict = body.verdict();
    let whole = match visit.reception() {
        Reception::Whole => true,
        Reception::WholeUpTo(max) => length.is_some_and(|length| length <= max),
    };
    let body = if whole {
        let body = timeout_at(end, body.collect()).await.unwrap_or(Err(Cut::Stalled));
        RequestBody::Whole(body.map_err(|cut| problem(cut, component))?.to_bytes())
    } else {
        RequestBody::streamed(body)
    };
    Ok((Request::from_parts(parts, body), verdict))
}

/// Takes the body of a request that is refused with `problem`, if it is small and comes at once: hyper ends a connection on which a body
/// was not read, and a client whose body is a packet behind its head should not pay for that.
pub(super) async fn discard(request: Request<Incoming>, problem: Problem) -> Problem {
    let body = request.into_body();
    if body.size_hint().exact().is_some_and(|length| (1..=DISCARD_BYTES_MAX).contains(&length)) {
        // Whatever comes of it, the answer is the refusal.
        let _read = tokio::time::timeout(DISCARD_WAIT_MAX, body.collect()).await;
    }
    problem
}

/// A body that was cut off decides the answer, whatever the component made of the part that it got.
pub(super) fn judge(
    response: Result<Response<Body>, Problem>,
    verdict: &Verdict,
    component: &Component,
) -> Result<Response<Body>, Problem> {
    match verdict.cut() {
        Some(cut) => Err(problem(cut, component)),
        None => response,
    }
}

fn problem(cut: Cut, component: &Component) -> Problem {
    match cut {
        Cut::TooLarge => Problem::BodyTooLarge(component.limits.body_bytes_max),
        Cut::Stalled => Problem::BodyTimeout,
        Cut::Unreadable => Problem::BodyUnreadable,
    }
}
