//! The components of the application: loaded, pooled, called.
//!
//! A component's name points at what is running under it: compiled code, the instances made of it, the database it was given. Requests
//! come from the gateway; which of the component's two HTTP exports answers is decided here.

mod load;

mod shelf;

mod vouch;

mod workshop;

mod package;

mod code;

mod engine;

mod grant;

mod link;

mod swap;

mod status;

mod slot;

mod generation;

mod tally;

mod pool;

mod instance;

mod exchange;

mod stream;

mod jobs;

pub use generation::Visit;
pub use jobs::{Figures as JobFigures, Jobs};
pub use link::Figures as LinkFigures;
pub use load::{Examined, Fit, examine, furnish, plan, try_start};
pub use package::{FILE_BYTES_MAX, Version};
pub use status::{GenerationStatus, Part, State, Status};
pub use swap::{Order, Step};
pub use vouch::{seal_beside, seal_file};

use crate::body::{Body, Bounded, Cut};
use crate::capabilities::Provision;
use crate::config::{ComponentLimits, ms};
use crate::databases::{Figures, OpenDatabase};
use crate::problem::Problem;
use crate::trace::Errand;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use jobs::Job;
use slot::{Slot, Standing};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;
use wasmtime::Trap;
use wasmtime_wasi_http::{Error, WasiBody};
use workshop::Workshop;

/// All components, ready to be called.
pub struct Components {
    /// In the manifest's order.
    list: Vec<Component>,
    jobs: Vec<Arc<Job>>,
    changing: swap::Changing,
    workshop: Workshop,
}

/// One component: a place in the manifest, whatever file fills it.
pub struct Component {
    /// Its id in the manifest.
    pub id: Arc<str>,
    /// What it may take.
    pub limits: Arc<ComponentLimits>,
    slot: Arc<Slot>,
    database: Option<OpenDatabase>,
    /// What all its generations have in common.
    provision: Provision,
    bench: swap::Bench,
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
            let current = &component.standing().current;
            match tokio::time::timeout(ms(component.limits.time_ms_max), current.pool.lease()).await {
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
        self.workshop.counted.figures()
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
            let all = self.list.iter().flat_map(|component| component.standing().all());
            all.for_each(|generation| generation.pool.trim(std::time::Instant::now()));
        }
    }
}

impl Component {
    /// Begins a request: the generation that serves now answers it to the end.
    pub fn enter(&self) -> Result<Visit, Problem> {
        self.slot.enter().map_err(|_closed| Problem::ComponentStopped)
    }

    fn standing(&self) -> Arc<Standing> {
        self.slot.standing().expect("a component is there once its slot is filled")
    }
}

impl Visit {
    /// Which bodies it takes whole.
    pub fn reception(&self) -> Reception {
        let mould = self.pool().mould();
        match (mould.has_exchange(), mould.has_handler()) {
            (true, true) => Reception::WholeUpTo(mould.provision().limits.exchange_bytes_max),
            (true, false) => Reception::Whole,
            (false, _) => Reception::WholeUpTo(0),
        }
    }

    /// Answers one request, within `time_ms_max` and until the errand ends to the head of the answer.
    pub async fn call(&self, request: Request<RequestBody>, errand: Errand) -> Result<Response<Body>, Problem> {
        let Provision { component, limits, .. } = self.pool().mould().provision();
        let errand = errand.by(Instant::now() + ms(limits.time_ms_max));
        tokio::time::timeout_at(errand.end, self.dispatch(request, errand)).await.unwrap_or_else(|_| {
            tracing::warn!(component = &**component, time_ms_max = limits.time_ms_max, "a call ran out of time");
            self.generation().tally.timeouts.fetch_add(1, Ordering::Relaxed);
            Err(Problem::ComponentTimeout)
        })
    }

    /// Counts an answer, for whoever watches the generation. What a client did itself, such as a body that broke off, is not counted.
    pub fn count(&self, took: Duration, answered: &Result<Response<Body>, Problem>) {
        self.generation().tally.requests.count(took, is_failure(answered));
    }

    async fn dispatch(&self, request: Request<RequestBody>, errand: Errand) -> Result<Response<Body>, Problem> {
        let (parts, body) = request.into_parts();
        let mould = self.pool().mould();
        match body {
            RequestBody::Whole(bytes)
                if mould.has_exchange() && (exchange::can_carry(&parts.headers) || !mould.has_handler()) =>
            {
                let response = exchange::call(self, parts, bytes, errand).await?;
                self.within_bounds(response)
            }
            RequestBody::Whole(bytes) => {
                let body = Full::new(bytes).map_err(|never| match never {}).boxed_unsync();
                stream::call(self, Request::from_parts(parts, body), errand).await
            }
            RequestBody::Streamed(body) => stream::call(self, Request::from_parts(parts, body), errand).await,
        }
    }

    fn within_bounds(&self, response: Response<Body>) -> Result<Response<Body>, Problem> {
        let provision = self.pool().mould().provision();
        let bytes = http_body::Body::size_hint(response.body()).exact().unwrap_or(0);
        if bytes > provision.limits.response_bytes_max {
            let what = format!("its {bytes} bytes are more than response_bytes_max");
            return Err(misanswered(provision, &what));
        }
        Ok(response)
    }
}

/// Whether an answer is held against the component. That there is too much to do is not.
fn is_failure(answered: &Result<Response<Body>, Problem>) -> bool {
    match answered {
        Ok(response) => response.status().is_server_error(),
        Err(problem) => {
            matches!(problem, Problem::ComponentFailed | Problem::ComponentMisanswered | Problem::ComponentTimeout)
        }
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
