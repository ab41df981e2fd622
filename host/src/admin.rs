//! The operator's own listener. So far it tells whether the host lives and is ready, and numbers for Prometheus; what changes the
//! host comes together with its token.

use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::handler::Handler;
use crate::health::Health;
use crate::metrics;
use crate::problem::Problem;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response};
use hyper::body::Incoming;
use std::sync::{Arc, OnceLock};

/// Answers the operator. The gateway is there once everything is loaded.
pub(crate) struct Admin {
    health: Health,
    gateway: Arc<OnceLock<Arc<Gateway>>>,
}

impl Admin {
    /// Tells this health, and of this gateway.
    pub(crate) fn new(health: Health, gateway: Arc<OnceLock<Arc<Gateway>>>) -> Self {
        Self { health, gateway }
    }

    async fn answer(&self, request: &Request<Incoming>) -> Result<Response<Body>, Problem> {
        if let Some(answer) = self.health.answer(request) {
            return answer;
        }
        match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics().await,
            ("/metrics", _) => Err(Problem::MethodNotAllowed("GET, HEAD")),
            _ => Err(Problem::NoRoute),
        }
    }

    async fn metrics(&self) -> Result<Response<Body>, Problem> {
        let databases = match self.gateway.get() {
            Some(gateway) => gateway.components().figures().await,
            None => Vec::new(),
        };
        let mut response = Response::new(body::whole(metrics::text(&databases)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        Ok(response)
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        self.answer(&request).await.unwrap_or_else(|problem| problem.into_response().map(body::whole))
    }
}
