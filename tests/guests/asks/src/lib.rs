//! Gives its database the SQL in the body of a request, as it is, and answers with the cells that come back, or with the
//! error of the contract. What a component does that was taken over, or whose author knows no limits. `/padded/N` makes the
//! text N bytes longer.
#![cfg(target_family = "wasm")]

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::post;
use http::StatusCode;
use souk_database::contract::{Error, Expectation, Outcome, Statement, Step, Transaction, Value};
use souk_kit::context::Context;

souk_database::migrations! {
    "../migrations/":
    "0001_secret.sql",
}

souk_kit::serve!(router);

fn router(context: Context) -> Router {
    Router::new()
        .route("/{asks}/query", post(query))
        .route("/{asks}/transact", post(transact))
        .route("/{asks}/padded/{bytes}", post(padded))
        .with_state(context)
}

async fn query(State(context): State<Context>, sql: String) -> Result<String, Refused> {
    let rows = context.database().query(Statement { sql, parameters: Vec::new() }).await?;
    Ok(rows.cells.iter().map(text).collect::<Vec<_>>().join(" "))
}

async fn padded(
    State(context): State<Context>,
    Path((_, bytes)): Path<(String, usize)>,
    mut sql: String,
) -> Result<String, Refused> {
    sql.extend(std::iter::repeat_n(' ', bytes));
    query(State(context), sql).await
}

async fn transact(State(context): State<Context>, sql: String) -> Result<String, Refused> {
    let step = Step { statement: Statement { sql, parameters: Vec::new() }, expect: Expectation::Anything };
    match context.database().transact(Transaction { steps: vec![step], events: Vec::new() }).await? {
        Outcome::Committed(effects) => Ok(effects.iter().map(|effect| effect.changed.to_string()).collect()),
        other => Ok(format!("{other:?}")),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

struct Refused(Error);

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::UNPROCESSABLE_ENTITY, self.0.to_string()).into_response()
    }
}
