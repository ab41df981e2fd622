//! Demo data: requests that the manifest names, played through the gateway as any client's would be.
//!
//! The file holds one JSON object a line, `{"path": …, "body": …}`, sent as `POST`, or with `"method": "PUT"` as `PUT` with
//! `If-None-Match: *` (RFC 9110 §13.1.2). Both create what is not there; what is there already the service refuses, with 409 or
//! 412, so that playing again changes nothing. Lines between two blank lines are sent together; what others refer to stands
//! before a blank line.
//!
//! `{password}` in a body stands for one that is made up each time, and `"tell"` for what is told of an entry that was created, so that
//! a demo can have an administrator without everybody knowing how to be that.

use crate::gateway::Gateway;
use crate::manifest::Application;
use crate::user;
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Played {
    /// Created now.
    pub created: usize,
    /// There already.
    pub present: usize,
    /// What the entries that were created tell.
    pub told: Vec<String>,
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
    #[serde(default)]
    tell: Option<String>,
}

/// An entry, ready to be sent.
#[derive(Clone)]
struct Sending {
    request: Request<Bytes>,
    tell: Option<String>,
}

/// What stands for a password in a body and in what is told of it.
const PASSWORD: &str = "{password}";

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
    let mut played = Played { created: 0, present: 0, told: Vec::new(), took: Duration::ZERO };
    for batch in batches(&text).map_err(|(line, why)| format!("{} line {line}: {why}", file.display()))? {
        for chunk in batch.chunks(PARALLEL) {
            play_together(chunk, gateway, &mut played).await?;
        }
    }
    played.took = started.elapsed();
    Ok(Some(played))
}

fn batches(text: &str) -> Result<Vec<Vec<Sending>>, (usize, String)> {
    let mut batches = vec![Vec::new()];
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            batches.push(Vec::new());
            continue;
        }
        let entry: Entry = serde_json::from_str(line).map_err(|error| (number + 1, error.to_string()))?;
        let sending = sending(entry).map_err(|error| (number + 1, error.to_string()))?;
        batches.last_mut().expect("there is always a batch").push(sending);
    }
    Ok(batches)
}

fn sending(entry: Entry) -> http::Result<Sending> {
    let request = match entry.method {
        Creation::Post => Request::post(&entry.path),
        Creation::Put => Request::put(&entry.path).header(IF_NONE_MATCH, "*"),
    };
    let (mut body, mut tell) = (entry.body.to_string(), entry.tell);
    if body.contains(PASSWORD) {
        // Its characters need no escape in JSON. Without randomness there is no account, which the service says.
        let password = user::password().unwrap_or_default();
        body = body.replace(PASSWORD, &password);
        tell = tell.map(|tell| tell.replace(PASSWORD, &password));
    }
    let request = request.header(HOST, "demo").header(CONTENT_TYPE, "application/json").body(Bytes::from(body))?;
    Ok(Sending { request, tell })
}

async fn play_together(entries: &[Sending], gateway: &Arc<Gateway>, played: &mut Played) -> Result<(), String> {
    let mut tasks = JoinSet::new();
    for entry in entries {
        let (gateway, Sending { request, tell }) = (Arc::clone(gateway), entry.clone());
        tasks.spawn(async move {
            let path = request.uri().path().to_owned();
            (path, tell, gateway.send(request).await)
        });
    }
    while let Some(ended) = tasks.join_next().await {
        let (path, tell, answer) = ended.map_err(|error| error.to_string())?;
        match answer.map(|response| response.status()) {
            Ok(StatusCode::CREATED) => {
                played.created += 1;
                played.told.extend(tell);
            }
            Ok(StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED) => played.present += 1,
            Ok(status) => return Err(format!("{path} was answered {status}")),
            Err(problem) => return Err(format!("{path} was refused: {}", problem.name())),
        }
    }
    Ok(())
}
