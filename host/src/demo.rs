//! Demo data: requests that the manifest names, played through the gateway as any client's would be.
//!
//! The file holds one JSON object a line, `{"path": …, "body": …}`, sent as `POST`, or with `"method": "PUT"` as `PUT` with
//! `If-None-Match: *` (RFC 9110 §13.1.2). Both create what is not there; what is there already the service refuses, with 409 or
//! 412, so that playing again changes nothing. Lines between two blank lines are sent together; what others refer to stands
//! before a blank line.

use crate::gateway::Gateway;
use crate::manifest::Application;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, IF_NONE_MATCH};
use http::{Request, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Requests of a batch that are sent at the same time: enough for the database to commit many together.
const PARALLEL: usize = 32;

/// What playing the demo did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    /// Created now.
    pub created: usize,
    /// There already.
    pub present: usize,
    /// How long it took.
    pub took: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    #[serde(default)]
    method: Creation,
    path: String,
    body: serde_json::Value,
}

/// The two ways to create what is not there.
#[derive(Clone, Copy, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Creation {
    #[default]
    Post,
    Put,
}

/// Plays the application's demo, if it has one. The error is one sentence.
pub(crate) async fn play(application: &Application, gateway: &Arc<Gateway>) -> Result<Option<Played>, String> {
    let Some(file) = &application.demo else { return Ok(None) };
    let started = Instant::now();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut played = Played { created: 0, present: 0, took: Duration::ZERO };
    for batch in batches(&text).map_err(|(line, why)| format!("{} line {line}: {why}", file.display()))? {
        for chunk in batch.chunks(PARALLEL) {
            play_together(chunk, gateway, &mut played).await?;
        }
    }
    played.took = started.elapsed();
    Ok(Some(played))
}

fn batches(text: &str) -> Result<Vec<Vec<Request<Bytes>>>, (usize, String)> {
    let mut batches = vec![Vec::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            batches.push(Vec::new());
            continue;
        }
        let entry: Entry = serde_json::from_str(line).map_err(|error| (number + 1, error.to_string()))?;
        let request = request(&entry).map_err(|error| (number + 1, error.to_string()))?;
        batches.last_mut().expect("there is always a batch").push(request);
    }
    Ok(batches)
}

fn request(entry: &Entry) -> http::Result<Request<Bytes>> {
    let request = match entry.method {
        Creation::Post => Request::post(&entry.path),
        Creation::Put => Request::put(&entry.path).header(IF_NONE_MATCH, "*"),
    };
    request.header(HOST, "demo").header(CONTENT_TYPE, "application/json").body(Bytes::from(entry.body.to_string()))
}

async fn play_together(requests: &[Request<Bytes>], gateway: &Arc<Gateway>, played: &mut Played) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    for request in requests {
        let (gateway, request) = (Arc::clone(gateway), request.clone());
        tasks.spawn(async move {
            let path = request.uri().path().to_owned();
            (path, gateway.send(request).await)
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let (path, answer) = ended.map_err(|error| error.to_string())?;
        match answer.map(|response| response.status()) {
            Ok(StatusCode::CREATED) => played.created += 1,
            Ok(StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) => played.present += 1,
            Ok(status) => return Err(format!("{path} was answered {status}")),
            Err(problem) => return Err(format!("{path} was refused: {}", problem.name())),
        }
    }
    Ok(())
}
