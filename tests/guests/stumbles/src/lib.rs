//! A next version of the guest `asks` whose migration changes something and then fails. It would answer well.
#![cfg(target_family = "wasm")]

use axum::Router;
use souk_kit::context::Context;

souk_database::migrations! {
    "../../asks/migrations/":
    "0001_secret.sql",
    "0002_torn.sql",
}

souk_kit::serve!(router);

fn router(_: Context) -> Router {
    Router::new().fallback(async || "alive")
}
