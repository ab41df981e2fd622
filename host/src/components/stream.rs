//! A request through `wasi:http/handler`: bodies are streamed in both directions.
//!
//! The instance runs on a task of its own, which outlives the head of the answer: it drives the body until the client has it
//! or is gone, then lets the guest finish what it has begun, and gives the instance back.

use super::generation::Visit;
use crate::body::{self, Body, Bounded, Cut};
use crate::capabilities::Sandbox;
use crate::config::ms;
use crate::problem::Problem;
use crate::trace::Errand;
use bytes::Bytes;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::sync::{CancellationToken, DropGuard};
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{Error, WasiBody, WasiHttpView};

/// Time that a guest has to finish after its answer was delivered, or its client went away.
const FINISH_MAX: Duration = Duration::from_secs(1);

type GuestBody = UnsyncBoxBody<Bytes, Error>;
type Answer = Result<Response<GuestBody>, Problem>;

/// Answers one request.
pub(super) async fn call(visit: &Visit, request: Request<WasiBody>, errand: Errand) -> Result<Response<Body>, Problem> {
    let wanted = CancellationToken::new();
    // Dropped with this future, or with the body of the answer: then nobody wants the rest.
    let interest = wanted.clone().drop_guard();
    let (answer, answered) = oneshot::channel();
    let (asked, question) = oneshot::channel();
    let (confirm, confirmed) = oneshot::channel();
    tokio::spawn(drive(visit.again(), request, errand, answer, End { question, confirm }, wanted));
    let response = answered.await.map_err(|_| Problem::ComponentFailed)??;
    let provision = visit.pool().mould().provision();
    let status = response.status().as_u16();
    super::status(status).ok_or_else(|| super::misanswered(provision, &format!("status {status}")))?;
    Ok(response.map(|body| {
        let body = Bounded::new(body, provision.limits.response_bytes_max, ms(provision.limits.time_ms_max));
        body::streamed(Watched { body, asked: Some(asked), confirmed, _interest: interest })
    }))
}

/// The question whether a body that has ended has ended well: a trap ends it as well.
struct End {
    question: oneshot::Receiver<()>,
    confirm: oneshot::Sender<()>,
}

/// Drives the instance until everything about the request is done.
async fn drive(
    visit: Visit,
    request: Request<WasiBody>,
    errand: Errand,
    answer: oneshot::Sender<Answer>,
    end: End,
    wanted: CancellationToken,
) {
    let mut lease = match visit.pool().lease().await {
        Ok(lease) => lease,
        Err(problem) => return drop(answer.send(Err(problem))),
    };
    let (answered, cut) = (AtomicBool::new(false), visit.generation().cut());
    let unwanted = async {
        tokio::select! {
            () = wanted.cancelled() => {}
            // Its generation was swapped out, and had its time to end.
            () = cut.cancelled() => return,
        }
        if answered.load(Ordering::Relaxed) {
            tokio::time::sleep(FINISH_MAX).await;
        }
    };
    let conversation = lease.instance().converse(errand, async |accessor: &Accessor<Sandbox>, service: &Service| {
        let response = handle(accessor, service, request).await?;
        answered.store(true, Ordering::Relaxed);
        drop(answer.send(response));
        // After a trap this is never reached: the question stays without an answer.
        if end.question.await.is_ok() {
            // Fails only if the one who asked is gone meanwhile.
            let _sent = end.confirm.send(());
        }
        wanted.cancelled().await;
        Ok(())
    });
    let ended = tokio::select! {
        ended = conversation => Some(ended),
        () = unwanted => None,
    };
    if let Some(ended) = ended {
        // A failure is in the log; whoever waited for the answer learns of it by the channel's end.
        let is_trapped = lease.settle(ended).is_err();
        if is_trapped && answered.load(Ordering::Relaxed) {
            visit.generation().tally.requests.fail();
        }
    } else if cut.is_cancelled() {
        let component = &*visit.pool().mould().provision().component;
        tracing::warn!(component, "a call was cut off: its generation was swapped out, and had its time to end");
    } else {
        tracing::debug!(component = &*visit.pool().mould().provision().component, "an unwanted call was cut off");
    }
}

/// The guest's answer. An error here is a trap.
async fn handle(
    accessor: &Accessor<Sandbox>,
    service: &Service,
    request: Request<WasiBody>,
) -> wasmtime::Result<Answer> {
    let (request, sent) = accessor.with(|mut store| {
        let view = store.get().http();
        let (request, sent) = p3::Request::from_http(view.hooks, request);
        // Boxed: the returned type would otherwise seem to borrow the hooks.
        let sent: Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> = Box::pin(sent);
        wasmtime::error::Ok((view.table.push(request)?, sent))
    })?;
    match service.wasi_http_handler().call_handle(accessor, request).await? {
        Ok(response) => accessor.with(|mut store| {
            let response = store.get().http().table.delete(response)?;
            Ok(Ok(response.into_http(&mut store, sent)?))
        }),
        Err(code) => {
            tracing::warn!(?code, "the component answered with an error code");
            Ok(Err(Problem::ComponentMisanswered))
        }
    }
}

/// A body that somebody is interested in until it is dropped, and that does not end well if its guest did not.
struct Watched {
    body: Bounded<GuestBody>,
    asked: Option<oneshot::Sender<()>>,
    confirmed: oneshot::Receiver<()>,
    _interest: DropGuard,
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let frame = if self.asked.is_some() { ready!(Pin::new(&mut self.body).poll_frame(cx)) } else { None };
        if frame.is_some() {
            return Poll::Ready(frame);
        }
        // Whether the guest is gone is seen by who asks for the answer.
        self.asked.take().map(|asked| asked.send(()));
        let confirmed = ready!(Pin::new(&mut self.confirmed).poll(cx));
        Poll::Ready(confirmed.is_err().then_some(Err(Cut::Unreadable)))
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
