//! Requests through the host of a component: `wasi:http/client`. A component that sends none does not import it.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use http::HeaderValue;
use http::header::CONTENT_LENGTH;
use http_body_util::Full;
use wasip3::clocks::monotonic_clock;
use wasip3::http::client;
use wasip3::http::types::{ErrorCode, RequestOptions};
use wasip3::http_compat::{RequestOptionsExtension, http_from_wasi_response, http_into_wasi_request};

use super::outside::on_this_thread;
use crate::outbound::{Answer, Bounds, Fault, Outbound, Request, Response, whole};

/// The host's way out.
pub struct HostOutbound;

impl Outbound for HostOutbound {
    fn send(&self, request: Request, bounds: Bounds) -> Answer<'_> {
        Box::pin(on_this_thread(async move {
            let answer = within(bounds.time_ms, exchange(request, bounds)).await;
            answer.unwrap_or_else(|| Err(bounds.no_answer_in_time()))
        }))
    }
}

async fn exchange(request: Request, bounds: Bounds) -> Result<Response, Fault> {
    let mut request = request;
    // A body reaches the host as a stream; with its length the host need not send it in chunks, which some servers refuse.
    let length = HeaderValue::from(request.body().len());
    request.headers_mut().insert(CONTENT_LENGTH, length);
    request.extensions_mut().insert(RequestOptionsExtension(options(bounds)));
    let request = http_into_wasi_request(request.map(Full::new));
    let request = request.map_err(|error| Fault::NeverSent(format!("{error:?}")))?;
    let response = client::send(request).await.map_err(|code| fault(&code))?;
    whole(http_from_wasi_response(response).map_err(|code| fault(&code))?, bounds).await
}

/// A host may not support them, or have shorter ones of its own: the whole is bounded here in any case.
fn options(bounds: Bounds) -> RequestOptions {
    let options = RequestOptions::new();
    drop(options.set_connect_timeout(Some(nanoseconds(bounds.connect_ms()))));
    drop(options.set_first_byte_timeout(Some(nanoseconds(bounds.time_ms))));
    drop(options.set_between_bytes_timeout(Some(nanoseconds(bounds.time_ms))));
    options
}

/// Nothing, if the time is over before. What was at work is dropped then, which tells the host to give it up.
async fn within<T>(time_ms: u32, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut time = pin!(monotonic_clock::wait_for(nanoseconds(time_ms)));
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending => time.as_mut().poll(context).map(|()| None),
    })
    .await
}

fn nanoseconds(ms: u32) -> u64 {
    u64::from(ms) * 1_000_000
}

/// Whether anything was sent. What may come up on an open connection as well, TLS alerts among it, counts as sent.
fn fault(code: &ErrorCode) -> Fault {
    let text = format!("{code:?}");
    match code {
        ErrorCode::DnsTimeout
        | ErrorCode::DnsError(_)
        | ErrorCode::DestinationNotFound
        | ErrorCode::DestinationUnavailable
        | ErrorCode::DestinationIpProhibited
        | ErrorCode::DestinationIpUnroutable
        | ErrorCode::ConnectionRefused
        | ErrorCode::ConnectionTimeout
        | ErrorCode::ConnectionLimitReached
        | ErrorCode::TlsCertificateError
        | ErrorCode::HttpRequestDenied
        | ErrorCode::HttpRequestMethodInvalid
        | ErrorCode::HttpRequestUriInvalid
        | ErrorCode::HttpRequestUriTooLong => Fault::NeverSent(text),
        _ => Fault::NoAnswer(text),
    }
}
