//! `/healthz` and `/readyz`: whether the process lives, and whether it wants requests.
//!
//! They answer on both listeners without touching a component, a database or a limit, so that a host that is
//! busy to its bounds still tells that it lives.

use crate::body::{self, Body};
use crate::problem::Problem;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// The paths; no component may claim them.
pub const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// How far the process is in its life. A copy is the same one.
#[derive(Clone, Default)]
pub struct Health(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

impl Health {
    /// From now on, requests are wanted.
    pub fn ready(&self) {
        self.0.store(READY, Ordering::Release);
    }

    /// From now on, no more requests are wanted.
    pub fn stopping(&self) {
        self.0.store(STOPPING, Ordering::Release);
    }

    /// The answer, if the request is for one of the two paths.
    pub fn answer<B>(&self, request: &Request<B>) -> Option<Result<Response<Body>, Problem>> {
        let path = request.uri().path();
        if !PATHS.contains(&path) {
            return None;
        }
        Some(match *request.method() {
            Method::GET | Method::HEAD => self.state(path == "/readyz"),
            _ => Err(Problem::MethodNotAllowed("GET, HEAD")),
        })
    }

    fn state(&self, only_ready: bool) -> Result<Response<Body>, Problem> {
        let state = match self.0.load(Ordering::Acquire) {
            STARTING => "starting",
            READY => "ready",
            _ => "stopping",
        };
        if only_ready && state != "ready" {
            return Err(Problem::Stopping);
        }
        let mut response = Response::new(body::whole(format!("{{\"status\":\"{state}\"}}\n")));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(response)
    }
}
