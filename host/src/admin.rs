//! The operator's own listener: whether the host lives and is ready, and numbers for Prometheus, for whoever is on this machine; and what
//! changes something, for who shows the pass that lies in the data folder.

use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::handler::Handler;
use crate::health::Health;
use crate::metrics;
use crate::operator::Pass;
use crate::problem::Problem;
use crate::user;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use std::sync::{Arc, OnceLock};

/// Answers the operator. The gateway is there once everything is loaded.
pub(crate) struct Admin {
    health: Health,
    gateway: Arc<OnceLock<Arc<Gateway>>>,
    pass: Pass,
}

/// Bytes of what an operator sends.
const BODY_BYTES_MAX: usize = 64 << 10;

impl Admin {
    /// Tells this health, and of this gateway, which who shows this pass may use.
    pub(crate) fn new(health: Health, gateway: Arc<OnceLock<Arc<Gateway>>>, pass: Pass) -> Self {
        Self { health, gateway, pass }
    }

    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        if let Some(answer) = self.health.answer(&request) {
            return answer;
        }
        match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET | &Method::HEAD) => self.metrics().await,
            ("/metrics", _) => Err(Problem::MethodNotAllowed("GET, HEAD")),
            (user::PATH, &Method::POST) => self.create_user(request).await,
            (user::PATH, _) => Err(Problem::MethodNotAllowed("POST")),
            _ => Err(Problem::NoRoute),
        }
    }

    /// Passed on to the service that keeps the accounts, as the operator's request.
    async fn create_user(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        if !self.pass.is_on(request.headers()) {
            return Err(if request.headers().contains_key(AUTHORIZATION) {
                Problem::InvalidToken
            } else {
                Problem::NotSignedIn
            });
        }
        let gateway = self.gateway.get().ok_or(Problem::Stopping)?;
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_| Problem::BodyUnreadable)?.to_bytes();
        let request = Request::post(user::PATH).header(HOST, "operator").header(CONTENT_TYPE, "application/json");
        gateway.send(request.body(body).expect("the parts are valid")).await
    }

    async fn metrics(&self) -> Result<Response<Body>, Problem> {
        let text = match self.gateway.get() {
            Some(gateway) => {
                let components = gateway.components();
                metrics::text(
                    &components.figures().await,
                    &components.link_figures(),
                    &components.job_figures(),
                    gateway.password_figures(),
                )
            }
            None => metrics::text(&[], &[], &[], None),
        };
        let mut response = Response::new(body::whole(text));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(metrics::CONTENT_TYPE));
        Ok(response)
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        self.answer(request).await.unwrap_or_else(|problem| problem.into_response().map(body::whole))
    }
}
