//! The path of a request from its head to its answer.
//!
//! Read [`Gateway::answer`]: each line is one step, and most steps are one file below. A step that refuses returns a
//! [`Problem`], which becomes HTTP in one place. The cache will be a line between them and the call.

mod peer;

mod route;

mod rates;

mod auth;

mod head;

mod reception;

mod request_id;

use crate::body::{self, Body};
use crate::components::{Component, Components, RequestBody};
use crate::config::{HostLimits, ms, size};
use crate::handler::Handler;
use crate::health::Health;
use crate::identity::PasswordFigures;
use crate::manifest::Application;
use crate::problem::Problem;
use crate::trace::{Errand, Trace, Traces};
pub use auth::Auth;
use bytes::Bytes;
use http::{Request, Response};
use hyper::body::Incoming;
use ipnet::IpNet;
use rates::{Budget, Rates, Standing};
pub use rates::{RatesStore, RatesUrl};
use request_id::{RequestId, RequestIds};
pub use route::{RouteConflict, Routes};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Answers requests.
pub struct Gateway {
    proxies: Vec<IpNet>,
    /// By the index of the component: whether it is told the addresses of clients.
    tells_addresses: Vec<bool>,
    routes: Routes,
    rates: Rates,
    auth: Auth,
    components: Arc<Components>,
    under_way: Semaphore,
    ids: RequestIds,
    traces: Traces,
    health: Health,
    limits: HostLimits,
}

impl Gateway {
    /// A gateway to the components of an application. Its rates are counted in memory without a store.
    pub fn new(
        application: &Application,
        routes: Routes,
        store: Option<RatesStore>,
        auth: Auth,
        components: Components,
        health: Health,
    ) -> Self {
        let (limits, proxies) = (application.limits.clone(), application.proxies.clone());
        let rates = Rates::new(application, store);
        let tells_addresses = application.components.iter().map(|component| component.is_told_addresses).collect();
        let under_way = Semaphore::new(size(limits.requests_max).min(Semaphore::MAX_PERMITS));
        let (ids, traces, components) = (RequestIds::new(), Traces::new(), Arc::new(components));
        Self { proxies, tells_addresses, routes, rates, auth, components, under_way, ids, traces, health, limits }
    }

    /// What it leads to.
    pub fn components(&self) -> &Arc<Components> {
        &self.components
    }

    /// How many passwords were hashed, if the application keeps accounts.
    pub fn password_figures(&self) -> Option<PasswordFigures> {
        self.auth.password_figures()
    }

    /// Sends a request of the operator to the component that its path is routed to.
    pub async fn send(&self, mut request: Request<Bytes>) -> Result<Response<Body>, Problem> {
        auth::speak_for_operator(request.headers_mut());
        let component = self.components.get(self.routes.find(request.uri().path())?);
        component.enter()?.call(request.map(RequestBody::Whole), self.errand(self.traces.begin())).await
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        id: &RequestId,
        trace: Trace,
    ) -> Result<Response<Body>, Problem> {
        if let Some(answer) = self.health.answer(&request) {
            return answer;
        }
        if let Some(answer) = self.auth.publish(&request) {
            return answer;
        }
        let _place = self.under_way.try_acquire().map_err(|_| Problem::Overloaded)?;
        let client = peer::identify(&request, &self.proxies);
        let mut request = head::admit(request, |name| client.made_up(name))?;
        let component = match self.routes.find(request.uri().path()) {
            Ok(component) => component,
            Err(problem) => return Err(reception::discard(request, problem).await),
        };
        if self.tells_addresses[component] {
            client.tell(request.headers_mut());
        }
        let mut standing = Standing::default();
        let answer = match self.admit(component, &mut request, client.address, &mut standing).await {
            Err(problem) => Err(reception::discard(request, problem).await),
            Ok(()) => self.call(self.components.get(component), request, trace).await,
        };
        let mut response = answer.unwrap_or_else(|problem| refuse(problem, id));
        standing.tell(response.headers_mut());
        Ok(response)
    }

    /// Whether a request may be answered, by how often somebody asks and by who it is.
    async fn admit<B>(
        &self,
        component: usize,
        request: &mut Request<B>,
        peer: Option<IpAddr>,
        standing: &mut Standing,
    ) -> Result<(), Problem> {
        // Counting comes first: it is cheaper than checking a signature.
        self.rates.count(Budget::of_peer(component, peer), request, standing).await?;
        let known = self.auth.admit(component, request)?;
        let caller = known.as_ref().map(|known| &known.caller);
        self.rates.count(Budget::of_caller(component, caller, peer), request, standing).await
    }

    async fn call(
        &self,
        component: &Component,
        request: Request<Incoming>,
        trace: Trace,
    ) -> Result<Response<Body>, Problem> {
        let visit = match component.enter() {
            Ok(visit) => visit,
            Err(problem) => return Err(reception::discard(request, problem).await),
        };
        let errand = self.errand(trace);
        let (request, verdict) = reception::receive(request, component, &visit, &self.limits, errand.end).await?;
        let is_streamed = matches!(request.body(), RequestBody::Streamed(_));
        let begun = Instant::now();
        let response = visit.call(request, errand).await;
        // Whether a body came in time is the client's affair.
        let is_late = is_streamed && matches!(response, Err(Problem::ComponentTimeout));
        if verdict.cut().is_none() && !is_late {
            visit.count(begun.elapsed(), &response);
        }
        reception::judge(response, &verdict, component)
    }

    /// A request that begins now, and when it must have its answer.
    fn errand(&self, trace: Trace) -> Errand {
        Errand { end: Instant::now() + ms(self.limits.request_ms_max), trace }
    }
}

/// The one place where a refusal becomes an answer.
fn refuse(problem: Problem, id: &RequestId) -> Response<Body> {
    tracing::debug!(problem = problem.name(), request = %id, "refused");
    problem.into_response().map(body::whole)
}

impl Handler for Gateway {
    /// Answers one request, whatever happens.
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let started = Instant::now();
        let (id, trace) = (self.ids.next(), self.traces.of(request.headers()));
        let method = request.method().clone();
        // Copied only for a log that somebody reads.
        let path = tracing::enabled!(target: "access", tracing::Level::DEBUG).then(|| request.uri().path().to_owned());
        let mut response = self.answer(request, &id, trace).await.unwrap_or_else(|problem| refuse(problem, &id));
        head::finish(&mut response, &method, &id);
        let (status, micros) = (response.status().as_u16(), started.elapsed().as_micros());
        tracing::debug!(target: "access", request = %id, %trace, %method, path, status, micros, "answered");
        response
    }
}
