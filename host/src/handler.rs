//! What a listener hands requests to: it knows how to speak to peers, and not what to answer.

use crate::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;

/// Answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request, whatever happens.
    fn handle(&self, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}
