//! The operator's own listener: whether the host lives and is ready, and numbers for Prometheus, for whoever is on this machine; and what
//! changes something, for who shows a token: the pass that lies in the data folder, or one that was named in the environment.

mod components;

pub(crate) use components::SEAL;

use crate::body::{self, Body};
use crate::gateway::Gateway;
use crate::handler::Handler;
use crate::health::Health;
use crate::metrics;
use crate::operator::Operators;
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
    operators: Operators,
}

/// Bytes of what an operator sends.
const BODY_BYTES_MAX: usize = 64 << 10;

impl Admin {
    /// Tells this health, and of this gateway, which these operators may use.
    pub(crate) fn new(health: Health, gateway: Arc<OnceLock<Arc<Gateway>>>, operators: Operators) -> Self {
        Self { health, gateway, operators }
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
            (path, _) if path.starts_with("/components") || path == "/history" => {
                let who = self.who(&request)?.to_owned();
                let gateway = self.gateway.get().ok_or(Problem::Stopping)?;
                components::answer(gateway.components(), &who, request).await
            }
            _ => Err(Problem::NoRoute),
        }
    }

    /// Passed on to the service that keeps the accounts, as the operator's request.
    async fn create_user(&self, request: Request<Incoming>) -> Result<Response<Body>, Problem> {
        self.who(&request)?;
        let gateway = self.gateway.get().ok_or(Problem::Stopping)?;
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|_| Problem::BodyUnreadable)?.to_bytes();
        let request = Request::post(user::PATH).header(HOST, "operator").header(CONTENT_TYPE, "application/json");
        gateway.send(request.body(body).expect("the parts are valid")).await
    }

    /// The operator's name.
    fn who(&self, request: &Request<Incoming>) -> Result<&str, Problem> {
        let has_token = request.headers().contains_key(AUTHORIZATION);
        let refused = if has_token { Problem::InvalidToken } else { Problem::NotSignedIn };
        self.operators.who(request.headers()).ok_or(refused)
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
