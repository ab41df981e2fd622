//! Routes that differ in one thing: a durable transaction of one row, several of them one after another, the read of one row, and no database
//! at all. Served under the name of any component, so that several can be started.
#![cfg(target_family = "wasm")]

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::StatusCode;
use souk_database::contract::Transaction;
use souk_kit::context::Context;
use souk_kit::database::{Attempt, Failure, Row, attempt, first, sql};

souk_database::migrations! {
    "../migrations/":
    "0001_entry.sql",
}

souk_kit::serve!(router);

fn router(context: Context) -> Router {
    Router::new()
        .route("/{ledger}/entries", get(count).post(write))
        .route("/{ledger}/entries/{id}", get(read))
        .route("/{ledger}/series/{count}", post(write_series))
        .route("/{ledger}/nothing", get(nothing))
        .with_state(context)
}

async fn write(State(context): State<Context>) -> Result<(StatusCode, String), Refused> {
    write_one(&context).await
}

/// Each waits for the one before it: what a caller without HTTP would see.
async fn write_series(
    State(context): State<Context>,
    Path((_, count)): Path<(String, u32)>,
) -> Result<(StatusCode, String), Refused> {
    for _ in 1..count {
        write_one(&context).await?;
    }
    write_one(&context).await
}

async fn write_one(context: &Context) -> Result<(StatusCode, String), Refused> {
    let id = context.id();
    let insert = sql("INSERT INTO entry (id, amount) VALUES ($1, $2)").bind(id.as_str()).bind(1_i64);
    let transaction = Transaction { steps: vec![insert.exactly(1)], events: Vec::new() };
    match attempt(context.database(), transaction).await.map_err(Refused)? {
        Attempt::Committed(_) => Ok((StatusCode::CREATED, id)),
        Attempt::Unmet(_) => Ok((StatusCode::CONFLICT, String::new())),
    }
}

async fn count(State(context): State<Context>) -> Result<String, Refused> {
    let statement = sql("SELECT COUNT(*) FROM entry");
    let count = first(context.database(), statement, Row::integer).await.map_err(Refused)?;
    Ok(count.unwrap_or_default().to_string())
}

async fn read(State(context): State<Context>, Path((_, id)): Path<(String, String)>) -> Result<String, Refused> {
    let statement = sql("SELECT amount FROM entry WHERE id = $1").bind(id);
    let amount = first(context.database(), statement, Row::integer).await.map_err(Refused)?;
    Ok(amount.unwrap_or_default().to_string())
}

async fn nothing() -> &'static str {
    "1"
}

struct Refused(Failure);

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::SERVICE_UNAVAILABLE, self.0.to_string()).into_response()
    }
}
