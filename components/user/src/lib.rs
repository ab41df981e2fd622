//! Accounts, signing in, sessions.
//!
//! What must never happen here: a refresh token that works twice, a token that works after its session was ended, a password
//! that can be guessed one try after another, an account that gives itself a role, or a shop that nobody can keep.
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/register` | `POST` |
//! | `/api/v1/login` | `POST`, with `"session": "cookie"` into cookies |
//! | `/api/v1/token/refresh` | `POST`, with the token in the body or in its cookie |
//! | `/api/v1/logout`, `/api/v1/logout/everywhere` | `POST` |
//! | `/api/v1/me` | `GET`, `PATCH` (RFC 7396) the name |
//! | `/api/v1/me/password` | `PUT` |
//! | `/api/v1/me/sessions` | `GET` a page |
//! | `/api/v1/me/sessions/{id}` | `DELETE` |
//! | `/api/v1/users` | admins: `GET` a page (`page size q role status`), `POST` |
//! | `/api/v1/users/{id}` | admins: `GET`, `PATCH` the name, the roles, the status |
//!
//! What a replacement of this service must keep, and the events, stand in `wit/user`. Keys and hashing are the host's
//! (`souk:identity`, here [`identity`]). Limits stand in [`domain`].
//!
//! Left out on purpose: mail (so no confirmed addresses, no forgotten passwords, no change of the e-mail), second factors,
//! accounts that delete themselves.

pub mod domain;

pub mod identity;

pub mod store;

pub mod accounts;

pub mod http;

#[cfg(target_family = "wasm")]
mod component;

souk_database::migrations! {
    "../../../migrations/user/":
    "0001_accounts.sql",
}
