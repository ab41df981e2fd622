//! What a listener hands requests to: it knows how to speak to peers, and not what to answer.

use crate::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;

/// The other end of the connection that a request came over: an extension of the request.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request, whatever happens.
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}
