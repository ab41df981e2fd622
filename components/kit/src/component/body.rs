//! Bodies between axum and `wasi:http`.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use send_wrapper::SendWrapper;
use wasip3::http::types::ErrorCode;
use wasip3::http_compat::IncomingRequestBody;

/// The body of a request that the host is still receiving.
pub(super) fn incoming(body: IncomingRequestBody) -> Body {
    // The stream of the host is not `Send`; see `outside.rs`.
    Body::new(Incoming(SendWrapper::new(body)))
}

struct Incoming(SendWrapper<IncomingRequestBody>);

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = ErrorCode;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ErrorCode>>> {
        Pin::new(&mut *self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

/// The body of a response; `wasip3` wants to look behind its type, so it must be one.
pub(super) struct Outgoing(pub(super) Body);

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
