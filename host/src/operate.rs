//! `souk ps`, `swap`, `rollback`, `stop`, `start`, `history`: what serves, and changes of it, asked of the host that runs.

use crate::admin::SEAL;
use crate::audit::{Action, Outcome, Record, Which};
use crate::components::{GenerationStatus, Part, State, Status, Step, seal_beside, seal_file};
use crate::operator::{AskError, Pass};
use crate::problem;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// How long a command waits for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// How long it waits for a swap: a large file is compiled, started and asked whether it is ready.
const SWAP_MAX: Duration = Duration::from_mins(15);

/// How often it looks how far a swap is.
const LOOK: Duration = Duration::from_millis(200);

/// Digits of a digest that are shown: enough to tell files apart by eye.
const DIGITS: usize = 12;

/// What is to take a component's place, and how.
#[derive(Clone, Debug)]
pub struct Swap {
    /// The component's name.
    pub name: String,
    /// The file.
    pub file: PathBuf,
    /// Its seal; without it, the one that lies beside the file, if one does.
    pub seal: Option<PathBuf>,
    /// Of a hundred calls it gets so many first.
    pub canary_percent: Option<u64>,
    /// Seconds for which it is watched.
    pub probation_seconds: Option<u64>,
    /// Whether to wait until it has passed its probation.
    pub wait: bool,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// The host.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The file.
    #[error("{0} can't be read: {1}")]
    File(PathBuf, io::Error),
    /// The host refused; its words.
    #[error("{0}")]
    Refused(String),
    /// It was taken back in its probation; why.
    #[error("it was taken back: {0}")]
    TakenBack(String),
    /// The answer.
    #[error("the host's answer can't be read: {0}")]
    Answer(#[from] serde_json::Error),
    /// Nobody reads the report.
    #[error(transparent)]
    System(#[from] io::Error),
}

#[derive(Deserialize)]
struct All {
    components: Vec<Status>,
}

#[derive(Deserialize)]
struct History {
    history: Vec<Record>,
}

/// Replaces a component by a file, and tells on `out` what came of it and on `progress` how far it is.
pub async fn swap(pass: &Pass, swap: &Swap, progress: &mut dyn Write, out: &mut dyn Write) -> Result<(), OperateError> {
    let file = std::fs::read(&swap.file).map_err(|error| OperateError::File(swap.file.clone(), error))?;
    let path = format!("/components/{}", swap.name);
    let canary = swap.canary_percent.map(|percent| format!("canary={percent}"));
    let probation = swap.probation_seconds.map(|seconds| format!("probation_seconds={seconds}"));
    let query: Vec<String> = canary.into_iter().chain(probation).collect();
    let seal = match &swap.seal {
        Some(named) => Some(std::fs::read(named).map_err(|error| OperateError::File(named.clone(), error))?),
        None => seal_beside(&swap.file).map_err(|error| OperateError::File(seal_file(&swap.file), error))?,
    };
    let mut request = Request::put(format!("{path}?{}", query.join("&"))).header(CONTENT_TYPE, "application/wasm");
    if let Some(seal) = seal {
        request = request.header(SEAL, seal.trim_ascii());
    }
    let sent = pass.send(request.body(Bytes::from(file)), SWAP_MAX);
    tokio::pin!(sent);
    let mut seen = None;
    let answer = loop {
        tokio::select! {
            answer = &mut sent => break answer?,
            () = tokio::time::sleep(LOOK) => seen = tell_step(pass, &path, seen, progress).await,
        }
    };
    let record: Record = read(&answer)?;
    writeln!(out, "{}", told(&record))?;
    if swap.wait { outcome(pass, &swap.name, &record, out).await } else { Ok(()) }
}

/// How far a swap is. That it can't be told is no fault of the swap.
async fn tell_step(pass: &Pass, path: &str, seen: Option<Step>, progress: &mut dyn Write) -> Option<Step> {
    let step = get::<Status>(pass, path).await.ok().and_then(|status| status.step);
    if step.is_some() && step != seen {
        let word = step.map(|step| format!("{step:?}").to_lowercase()).unwrap_or_default();
        // Nobody may read it.
        let _written = writeln!(progress, "{word} …").and_then(|()| progress.flush());
    }
    step.or(seen)
}

/// Waits for the end of the probation.
async fn outcome(pass: &Pass, name: &str, swapped: &Record, out: &mut dyn Write) -> Result<(), OperateError> {
    let number = swapped.to.as_ref().and_then(|to| to.generation);
    loop {
        let status: Status = get(pass, &format!("/components/{name}")).await?;
        let part = status.generations.iter().find(|generation| Some(generation.number) == number);
        match part.map(|generation| generation.state) {
            Some(Part::Serving) if !status.is_on_trial => return Ok(writeln!(out, "{name}: its probation is over")?),
            Some(Part::Serving | Part::Candidate) => {}
            _ => return Err(OperateError::TakenBack(why_taken_back(pass, name, number).await?)),
        }
        tokio::time::sleep(LOOK).await;
    }
}

async fn why_taken_back(pass: &Pass, name: &str, number: Option<u64>) -> Result<String, OperateError> {
    let History { history } = get(pass, &format!("/components/{name}/history?limit=20")).await?;
    let is_ours = |record: &&Record| {
        record.action == Action::Rollback && record.from.as_ref().is_some_and(|from| from.generation == number)
    };
    let reason = history.iter().find(is_ours).and_then(|record| record.reason.clone());
    Ok(reason.unwrap_or_else(|| "another serves in its place; souk history tells how that came".to_owned()))
}

/// Serves what served before.
pub async fn roll_back(pass: &Pass, name: &str, out: &mut dyn Write) -> Result<(), OperateError> {
    change(pass, name, "rollback", out).await
}

/// Serves nobody under this name.
pub async fn stop(pass: &Pass, name: &str, out: &mut dyn Write) -> Result<(), OperateError> {
    change(pass, name, "stop", out).await
}

/// Serves again.
pub async fn start(pass: &Pass, name: &str, out: &mut dyn Write) -> Result<(), OperateError> {
    change(pass, name, "start", out).await
}

async fn change(pass: &Pass, name: &str, what: &str, out: &mut dyn Write) -> Result<(), OperateError> {
    let answer = pass.send(Request::post(format!("/components/{name}/{what}")).body(Bytes::new()), ANSWER_MAX).await?;
    Ok(writeln!(out, "{}", told(&read(&answer)?))?)
}

/// Tells what serves, as a table or as JSON.
pub async fn ps(pass: &Pass, json: bool, out: &mut dyn Write) -> Result<(), OperateError> {
    let answer = ask(pass, "/components").await?;
    if json {
        return Ok(out.write_all(good(&answer)?)?);
    }
    let All { components } = read(&answer)?;
    let mut rows = vec![HEAD.map(str::to_owned).to_vec()];
    for status in &components {
        for generation in &status.generations {
            rows.push(row(status, generation));
        }
    }
    Ok(table(&rows, out)?)
}

const HEAD: [&str; 13] = [
    "COMPONENT",
    "GEN",
    "STATE",
    "DIGEST",
    "SINCE",
    "INST",
    "NOW",
    "REQUESTS",
    "5XX",
    "CALLS",
    "TRAPS",
    "MEMORY",
    "P50/P99 MS",
];

fn row(status: &Status, generation: &GenerationStatus) -> Vec<String> {
    let state = match (generation.state, status.state, status.step) {
        (Part::Serving, State::Stopped, _) => "stopped".to_owned(),
        (Part::Serving, State::Probation, _) => "probation".to_owned(),
        (Part::Serving, _, Some(step)) => format!("serving ({})", format!("{step:?}").to_lowercase()),
        (part, _, _) => format!("{part:?}").to_lowercase(),
    };
    let ms = |us: u64| format!("{}.{}", us / 1_000, us % 1_000 / 100);
    vec![
        status.name.clone(),
        generation.number.to_string(),
        state,
        digits(&generation.digest).to_owned(),
        generation.since.split('.').next().unwrap_or_default().replace('T', " "),
        generation.instances.to_string(),
        generation.under_way.to_string(),
        generation.requests.to_string(),
        generation.failures.to_string(),
        generation.calls.to_string(),
        generation.traps.to_string(),
        format!("{} MiB", generation.memory_bytes >> 20),
        format!("{}/{}", ms(generation.p50_us), ms(generation.p99_us)),
    ]
}

/// Tells what was changed, newest first, of one component or of all.
pub async fn history(
    pass: &Pass,
    name: Option<&str>,
    limit: u64,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), OperateError> {
    let of = name.map(|name| format!("/components/{name}")).unwrap_or_default();
    let answer = ask(pass, &format!("{of}/history?limit={limit}")).await?;
    if json {
        return Ok(out.write_all(good(&answer)?)?);
    }
    let History { history } = read(&answer)?;
    for record in &history {
        writeln!(out, "{}  {:10} {}", record.time, record.who, told(record))?;
    }
    Ok(())
}

/// A record as a line.
fn told(record: &Record) -> String {
    let Record { component, action, outcome, from, to, reason, took_ms, .. } = record;
    let which = |which: &Option<Which>| match which {
        Some(Which { generation: Some(number), digest }) => format!("{number} ({})", digits(digest)),
        Some(Which { generation: None, digest }) => format!("({})", digits(digest)),
        None => "?".to_owned(),
    };
    let word = format!("{action:?}").to_lowercase();
    let change = if from == to { which(to) } else { format!("{} → {}", which(from), which(to)) };
    let outcome = if *outcome == Outcome::Refused { " refused" } else { "" };
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{component}: {word}{outcome} {change} in {took_ms} ms{reason}")
}

fn digits(digest: &str) -> &str {
    digest.get(..DIGITS).unwrap_or(digest)
}

/// Columns as wide as their widest text.
fn table(rows: &[Vec<String>], out: &mut dyn Write) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(text, width)| format!("{text:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

async fn get<T: DeserializeOwned>(pass: &Pass, path: &str) -> Result<T, OperateError> {
    read(&ask(pass, path).await?)
}

async fn ask(pass: &Pass, path: &str) -> Result<Response<Bytes>, OperateError> {
    let request = Request::builder().method(Method::GET).uri(path).body(Bytes::new());
    Ok(pass.send(request, ANSWER_MAX).await?)
}

fn read<T: DeserializeOwned>(answer: &Response<Bytes>) -> Result<T, OperateError> {
    Ok(serde_json::from_slice(good(answer)?)?)
}

fn good(answer: &Response<Bytes>) -> Result<&[u8], OperateError> {
    match answer.status() {
        StatusCode::OK => Ok(answer.body()),
        _ => Err(OperateError::Refused(problem::told(answer))),
    }
}
