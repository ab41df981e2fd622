//! What an operator sees of components: who serves, since when, and what was counted of it.

use super::generation::Generation;
use super::slot::Standing;
use super::swap::Step;
use super::{Component, Components};
use crate::clock;
use crate::problem::Problem;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its id in the manifest.
    pub name: String,
    /// Who is served.
    pub state: State,
    /// Whether a generation is watched, and may be taken back.
    pub is_on_trial: bool,
    /// How far the swap is that is under way.
    pub step: Option<Step>,
    /// Who serves, who is on trial, who served before.
    pub generations: Vec<GenerationStatus>,
}

/// Who is served under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Everybody.
    Serving,
    /// Everybody; a share by a generation on trial.
    Canary,
    /// Everybody, by a generation that is watched.
    Probation,
    /// Nobody.
    Stopped,
}

/// What a generation is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// It serves.
    Serving,
    /// It gets a share.
    Candidate,
    /// It served before, and ends what is under way.
    Draining,
    /// It served before, and could again.
    Kept,
}

/// One generation. Counts are of its whole life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenerationStatus {
    /// Counts from 1 under the component's name, as long as the host runs.
    pub number: u64,
    /// SHA-256 of its file, in hexadecimal digits.
    pub digest: String,
    /// The version of its seal, if one is demanded.
    pub sealed: Option<String>,
    /// What it is there for.
    pub state: Part,
    /// When it was made, RFC 3339 in UTC.
    pub since: String,
    /// Instances that there are.
    pub instances: u64,
    /// Requests and calls that are being answered.
    pub under_way: u64,
    /// Requests over HTTP that were answered.
    pub requests: u64,
    /// Those of them that were answered 5xx.
    pub failures: u64,
    /// Calls of other components that have ended.
    pub calls: u64,
    /// Those of them without an answer.
    pub call_failures: u64,
    /// Requests, calls and jobs that a trap ended.
    pub traps: u64,
    /// Requests and calls that ran out of time.
    pub timeouts: u64,
    /// Bytes of all instances' memories.
    pub memory_bytes: u64,
    /// Half of the requests over HTTP took no longer, in microseconds.
    pub p50_us: u64,
    /// And 99 of a hundred.
    pub p99_us: u64,
}

impl Components {
    /// All components.
    pub fn status(&self) -> Vec<Status> {
        self.list.iter().map(Component::status).collect()
    }

    /// One component.
    pub fn status_of(&self, name: &str) -> Result<Status, Problem> {
        let component = self.list.iter().find(|component| &*component.id == name);
        component.map(Component::status).ok_or(Problem::UnknownComponent)
    }
}

impl Component {
    fn status(&self) -> Status {
        let standing = self.standing();
        let state = match &*standing {
            Standing { is_stopped: true, .. } => State::Stopped,
            Standing { candidate: Some(_), .. } => State::Canary,
            Standing { is_on_probation: true, .. } => State::Probation,
            _ => State::Serving,
        };
        let candidate = standing.candidate.iter().map(|candidate| (&candidate.generation, Part::Candidate));
        let previous = standing.previous.iter().map(|previous| (previous, Part::Kept));
        let all = [(&standing.current, Part::Serving)].into_iter().chain(candidate).chain(previous);
        let generations = all.map(|(generation, part)| generation_status(generation, part)).collect();
        let is_on_trial = standing.is_on_probation || standing.candidate.is_some();
        Status { name: self.id.as_ref().to_owned(), state, is_on_trial, step: self.bench.step(), generations }
    }
}

fn generation_status(generation: &Arc<Generation>, part: Part) -> GenerationStatus {
    let (pool, tally) = (&generation.pool, &generation.tally);
    let usage = &pool.mould().provision().usage;
    let (requests, calls) = (tally.requests.read(), tally.calls.read());
    let under_way = tally.under_way.load(Ordering::Relaxed);
    GenerationStatus {
        number: generation.number,
        digest: generation.carried.version.hex(),
        sealed: generation.carried.sealed.map(|version| version.to_string()),
        state: if part == Part::Kept && under_way > 0 { Part::Draining } else { part },
        since: clock::text(generation.since_ms),
        instances: usage.instances(),
        under_way,
        requests: requests.count,
        failures: requests.failed,
        calls: calls.count,
        call_failures: calls.failed,
        traps: pool.traps(),
        timeouts: tally.timeouts.load(Ordering::Relaxed),
        memory_bytes: usage.memory_bytes(),
        p50_us: requests.percentile_us(50),
        p99_us: requests.percentile_us(99),
    }
}
