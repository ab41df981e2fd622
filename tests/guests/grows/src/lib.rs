//! The next version of the guest `asks`: with a table more, and answers of its own. Each path is answered with what it reads from the new table and the old one.
#![cfg(target_family = "wasm")]

use axum::Router;
use axum::extract::State;
use souk_kit::context::Context;
use souk_kit::database::{Row, first, sql};

souk_database::migrations! {
    "../../asks/migrations/":
    "0001_secret.sql",
    "0002_place.sql",
}

souk_kit::serve!(router);

fn router(context: Context) -> Router {
    Router::new().fallback(read).with_state(context)
}

async fn read(State(context): State<Context>) -> Result<String, String> {
    let statement = sql("SELECT name, word FROM place JOIN secret ON secret.id = place.id");
    let found = first(context.database(), statement, |row: &mut Row| Ok(format!("{} {}", row.text()?, row.text()?)));
    found.await.map(Option::unwrap_or_default).map_err(|failure| failure.to_string())
}
