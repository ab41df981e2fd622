//! The operator's own listener. So far it tells whether the host lives and is ready; what changes the host comes
//! together with its token.

use crate::body::{self, Body};
use crate::handler::Handler;
use crate::health::Health;

use crate::problem::Problem;
use http::{Request, Response};
use hyper::body::Incoming;

/// Answers the operator.
pub(crate) struct Admin {
    health: Health,
}

impl Admin {
    /// Tells this health.
    pub(crate) fn new(health: Health) -> Self {
        Self { health }
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request<Incoming>) -> Response<Body> {
        let answer = self.health.answer(&request).unwrap_or(Err(Problem::NoRoute));
        answer.unwrap_or_else(|problem| problem.into_response().map(body::whole))
    }
}
