//! The components of the application: loaded, pooled, called.
//!
//! A component's name points at what is running under it: compiled code, the instances made of it, the database it was given. Requests
//! come from the gateway; which of the component's two HTTP exports answers is decided here.

mod load;

mod package;

mod code;

mod engine;

mod grant;

mod link;

mod pool;

mod instance;

mod exchange;

mod stream;

mod jobs;

pub use jobs::{Figures as JobFigures, Jobs};
pub use link::Figures as LinkFigures;
pub use load::{Examined, Fit, examine, furnish, plan, try_start};
pub use package::Version;

use crate::body::{Body, Bounded, Cut};
use crate::capabilities::Provision;
use crate::config::{ComponentLimits, ms};
use crate::databases::{Figures, OpenDatabase};
use crate::problem::Problem;
use crate::trace::Errand;
use bytes::Bytes;
use engine::Ticking;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use jobs::Job;
use link::Slot;
use pool::Pool;
use std::sync::Arc;
use tokio::time::Instant;
use wasmtime::Trap;
use wasmtime_wasi_http::{Error, WasiBody};

/// All components, ready to be called.
pub struct Components {
    list: Vec<Component>,
    slots: Vec<Arc<Slot>>,
    jobs: Vec<Arc<Job>>,
    _ticking: Ticking,
}

/// One component.
pub struct Component {
    /// Its id in the manifest.
    pub id: Arc<str>,
    /// What it may take.
    pub limits: Arc<ComponentLimits>,
    pool: Arc<Pool>,
    database: Option<OpenDatabase>,
}

/// The body of a request on its way to a component.
pub enum RequestBody {
    /// It is there.
    Whole(Bytes),
    /// It is still coming, bounded by whoever receives it.
    Streamed(WasiBody),
}

/// Which bodies a component takes whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reception {
    /// Those of a known length up to this many bytes; others it takes as they come.
    WholeUpTo(u64),
    /// All.
    Whole,
}

impl Components {
    /// The component with this index in the manifest's order.
    pub fn get(&self, index: usize) -> &Component {
        &self.list[index]
    }

    /// Starts one instance of each, so that a component that can't start is found before the first request, and the
    /// first request does not wait for it.
    pub async fn warm(&self) -> Result<(), Arc<str>> {
        for component in &self.list {
            match tokio::time::timeout(ms(component.limits.time_ms_max), component.pool.lease()).await {
                Ok(Ok(lease)) => lease.keep(),
                Ok(Err(_logged)) => return Err(Arc::clone(&component.id)),
                Err(_) => {
                    tracing::error!(component = &*component.id, "an instance did not start within time_ms_max");
                    return Err(Arc::clone(&component.id));
                }
            }
        }
        Ok(())
    }

    /// What an operator watches of each database, all asked at the same time.
    pub async fn figures(&self) -> Vec<(&str, Option<Figures>)> {
        let asked: Vec<_> = self
            .list
            .iter()
            .filter_map(|component| Some((&*component.id, tokio::spawn(component.database.clone()?.figures()))))
            .collect();
        let mut figures = Vec::new();
        for (id, asked) in asked {
            figures.push((id, asked.await.expect("looking does not panic")));
        }
        figures
    }

    /// What was counted of each link.
    pub fn link_figures(&self) -> Vec<LinkFigures> {
        self.slots.iter().flat_map(|slot| slot.figures()).collect()
    }

    /// What the host calls for by itself. Not before [`warm`](Self::warm) has found that all can start.
    pub fn jobs(&self) -> Jobs {
        Jobs::of(&self.jobs)
    }

    /// What was counted of each job.
    pub fn job_figures(&self) -> Vec<JobFigures> {
        self.jobs.iter().map(|job| job.figures()).collect()
    }

    /// Lets go of instances that have been idle for long, for ever.
    pub async fn trim(&self) {
        loop {
            tokio::time::sleep(pool::IDLE_MAX / 4).await;
            for component in &self.list {
                component.pool.trim(std::time::Instant::now());
            }
        }
    }
}

impl Component {
    /// Which bodies it takes whole.
    pub fn reception(&self) -> Reception {
        let mould = self.pool.mould();
        match (mould.has_exchange(), mould.has_handler()) {
            (true, true) => Reception::WholeUpTo(self.limits.exchange_bytes_max),
            (true, false) => Reception::Whole,
            (false, _) => Reception::WholeUpTo(0),
        }
    }

    /// Answers one request, within `time_ms_max` and until the errand ends to the head of the answer.
    pub async fn call(&self, request: Request<RequestBody>, errand: Errand) -> Result<Response<Body>, Problem> {
        let errand = errand.by(Instant::now() + ms(self.limits.time_ms_max));
        tokio::time::timeout_at(errand.end, self.dispatch(request, errand)).await.unwrap_or_else(|_| {
            tracing::warn!(component = &*self.id, time_ms_max = self.limits.time_ms_max, "a call ran out of time");
            Err(Problem::ComponentTimeout)
        })
    }

    async fn dispatch(&self, request: Request<RequestBody>, errand: Errand) -> Result<Response<Body>, Problem> {
        let (parts, body) = request.into_parts();
        let mould = self.pool.mould();
        match body {
            RequestBody::Whole(bytes)
                if mould.has_exchange() && (exchange::can_carry(&parts.headers) || !mould.has_handler()) =>
            {
                let response = exchange::call(&self.pool, parts, bytes, errand).await?;
                self.within_bounds(response)
            }
            RequestBody::Whole(bytes) => {
                let body = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
                stream::call(&self.pool, Request::from_parts(parts, body), errand).await
            }
            RequestBody::Streamed(body) => stream::call(&self.pool, Request::from_parts(parts, body), errand).await,
        }
    }

    fn within_bounds(&self, response: Response<Body>) -> Result<Response<Body>, Problem> {
        let bytes = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
        if bytes > self.limits.response_bytes_max {
            let what = format!("its {bytes} bytes are more than response_bytes_max");
            return Err(misanswered(self.pool.mould().provision(), &what));
        }
        Ok(response)
    }
}

impl RequestBody {
    /// A body that is still coming.
    pub fn streamed<B>(body: Bounded<B>) -> Self
    where
        B: http_body::Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let body = body.map_err(|cut| match cut {
            Cut::TooLarge => Error::HttpRequestBodySize(None),
            Cut::Stalled => Error::ConnectionReadTimeout,
            Cut::Unreadable => Error::HttpProtocolError,
        });
        Self::Streamed(body.boxed_unsync())
    }
}

/// Logs why a call failed. The client learns that it did.
fn failed(provision: &Provision, error: &wasmtime::Error, reached_limit: Option<&str>) -> Problem {
    let component = &*provision.component;
    let trap = error.downcast_ref::<Trap>().map(tracing::field::debug);
    tracing::error!(
        component,
        trap,
        reached_limit,
        error = format!("{error:#}"),
        "a call failed; its instance is gone"
    );
    Problem::ComponentFailed
}

/// Logs what a component answered that is no answer.
fn misanswered(provision: &Provision, what: &str) -> Problem {
    tracing::error!(component = &*provision.component, what, "an answer was none");
    Problem::ComponentMisanswered
}

/// The status of an answer, if it is a final one (RFC 9110 §15).
fn status(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(|status| (200..600).contains(&status.as_u16()))
}
