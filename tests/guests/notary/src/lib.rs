//! Signs, revokes and hashes whatever a request asks for: what a component does with `souk:identity` that knows no accounts and believes
//! everybody.
#![cfg(target_family = "wasm")]

use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use souk_kit::component::outside::on_this_thread;
use souk_kit::context::Context;

#[expect(clippy::pedantic, reason = "generated; the documentation stands in wit/identity")]
mod bindings {
    souk_kit::wit_bindgen::generate!({
        path: "../../../wit/identity",
        world: "souk:identity/imports",
        runtime_path: "souk_kit::wit_bindgen::rt",
    });
}

use bindings::souk::identity::{passwords, tokens};

souk_kit::serve!(router);

fn router(_: Context) -> Router {
    Router::new()
        .route("/notary/sign", post(sign))
        .route("/notary/revoke", post(revoke))
        .route("/notary/hash", post(hash))
        .route("/notary/verify", post(verify))
}

#[derive(Deserialize)]
struct Grant {
    subject: String,
    #[serde(default)]
    client: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scopes: Vec<String>,
    family: String,
}

async fn sign(Json(grant): Json<Grant>) -> Result<String, Refused> {
    let grant = tokens::Grant {
        subject: grant.subject,
        client: grant.client.unwrap_or_else(|| "notary".to_owned()),
        roles: grant.roles,
        scopes: grant.scopes,
        family: grant.family,
    };
    let token = on_this_thread(tokens::sign(grant)).await?;
    Ok(format!("{} {}", token.expires_in, token.text))
}

async fn revoke(Json(families): Json<Vec<String>>) -> Result<(), Refused> {
    Ok(on_this_thread(tokens::revoke(families)).await?)
}

async fn hash(password: String) -> Result<String, Refused> {
    Ok(on_this_thread(passwords::hash(password)).await?)
}

#[derive(Deserialize)]
struct Attempt {
    password: String,
    hash: Option<String>,
}

async fn verify(Json(attempt): Json<Attempt>) -> Result<String, Refused> {
    Ok(format!("{:?}", on_this_thread(passwords::verify(attempt.password, attempt.hash)).await?))
}

struct Refused(String);

impl From<tokens::Error> for Refused {
    fn from(error: tokens::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<passwords::Error> for Refused {
    fn from(error: passwords::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl axum::response::IntoResponse for Refused {
    fn into_response(self) -> axum::response::Response {
        (StatusCode::UNPROCESSABLE_ENTITY, self.0).into_response()
    }
}
