//! Jobs that differ in how a call ends: well, with more to do, late, never, by an error, by a trap. Each call is noted in the database, and the notes
//! are read over HTTP.
#![cfg(target_family = "wasm")]

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use souk_database::contract::Transaction;
use souk_kit::component::wasip3::clocks::monotonic_clock;
use souk_kit::context::Context;
use souk_kit::database::{Failure, Row, all, attempt, sql};

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/jobs")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../../../wit/jobs",
        inline: "package test:guest; world guest { export souk:jobs/periodic@0.1.0; }",
        runtime_path: "souk_kit::wit_bindgen::rt",
        default_bindings_module: "crate::bindings",
    });
}

use bindings::exports::souk::jobs::periodic::{Error, Guest, Outcome};

souk_database::migrations! {
    "../migrations/":
    "0001_note.sql",
}

souk_kit::serve!(router);

bindings::export!(Service);

/// How long a call of `waits` takes.
const WAIT_NS: u64 = 2_500_000_000;

impl Guest for Service {
    async fn run(name: String) -> Result<Outcome, Error> {
        let context = souk_kit::component::context();
        let note = async |what| note(context, &name, what).await.map_err(|failure| Error::Other(failure.to_string()));
        if !["notes", "thrice", "waits", "spins", "traps", "unavailable"].contains(&name.as_str()) {
            return Err(Error::UnknownJob);
        }
        note("begun").await?;
        match name.as_str() {
            "thrice" => {
                let notes = notes(context, &name).await.map_err(|failure| Error::Other(failure.to_string()))?;
                return Ok(if notes.len() < 3 { Outcome::More } else { Outcome::Done });
            }
            "waits" => {
                monotonic_clock::wait_for(WAIT_NS).await;
                note("ended").await?;
            }
            "spins" => loop {
                std::hint::black_box(&name);
            },
            "traps" => panic!("as asked"),
            "unavailable" => return Err(Error::Unavailable("the moon\nERROR forged".to_owned())),
            _ => {}
        }
        Ok(Outcome::Done)
    }
}

fn router(context: Context) -> Router {
    Router::new().route("/{chores}/{job}", get(read)).with_state(context)
}

/// A line for each note.
async fn read(State(context): State<Context>, Path((_, job)): Path<(String, String)>) -> Result<String, String> {
    notes(&context, &job).await.map(|notes| notes.concat()).map_err(|failure| failure.to_string())
}

async fn note(context: &Context, job: &str, what: &str) -> Result<(), Failure> {
    let (id, at_ms) = (context.id(), context.now().milliseconds());
    let insert = sql("INSERT INTO note (id, job, what, at_ms) VALUES ($1, $2, $3, $4)");
    let insert = insert.bind(id).bind(job).bind(what).bind(at_ms).exactly(1);
    attempt(context.database(), Transaction { steps: vec![insert], events: Vec::new() }).await?;
    Ok(())
}

async fn notes(context: &Context, job: &str) -> Result<Vec<String>, Failure> {
    let statement = sql("SELECT what, at_ms FROM note WHERE job = $1 ORDER BY id").bind(job);
    all(context.database(), statement, |row: &mut Row| Ok(format!("{} {}\n", row.text()?, row.integer()?))).await
}
