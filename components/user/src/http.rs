//! The routes: requests in, domain types; domain types out, responses. No statement and no rule stands here.

use axum::Router;
use axum::routing::{delete, get, post, put};
use souk_kit::context::Context;
use souk_kit::router::complete;

use crate::accounts::Accounts;
use crate::identity::Identity;

mod sign_in;

mod me;

mod users;

mod caller;

mod cookies;

mod account;

mod refusal;

/// All routes of the service.
pub fn router(context: Context, identity: impl Identity + 'static) -> Router {
    let routes = Router::new()
        .route("/api/v1/register", post(sign_in::register))
        .route("/api/v1/login", post(sign_in::login))
        .route("/api/v1/token/refresh", post(sign_in::refresh))
        .route("/api/v1/logout", post(sign_in::logout))
        .route("/api/v1/logout/everywhere", post(sign_in::logout_everywhere))
        .route("/api/v1/me", get(me::read).patch(me::patch))
        .route("/api/v1/me/password", put(me::replace_password))
        .route("/api/v1/me/sessions", get(me::sessions))
        .route("/api/v1/me/sessions/{id}", delete(me::end_session))
        .route("/api/v1/users", get(users::list).post(users::create))
        .route("/api/v1/users/{id}", get(users::read).patch(users::patch));
    complete(routes.with_state(Accounts::new(context, identity)))
}
