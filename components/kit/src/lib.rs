//! What all services share, so that a service is its domain and little else.
//!
//! A service is an [`axum::Router`] made by one function out of a [`context::Context`]. `serve!` (on wasm) turns it
//! into a component, `native::serve` (feature `native`) into an ordinary process; both give the same answers. The
//! modules stand in the order in which a request meets them.
//!
//! This is the only crate with wit-bindgen plumbing. It sends no requests but those that a service hands to [`outbound`], and knows no service.

#[cfg(target_family = "wasm")]
pub mod component;
#[cfg(any(target_family = "wasm", test))]
mod heap;
#[cfg(feature = "native")]
pub mod native;

pub mod context;
pub mod time;

pub mod router;
pub mod segment;

pub mod caller;
pub mod etag;
pub mod idempotency;
pub mod json;
pub mod page;
pub mod query;

pub mod text;
pub mod email;

pub mod database;
pub mod event;
pub mod listing;

pub mod outbound;

pub mod log;
pub mod problem;

#[cfg(target_family = "wasm")]
pub use wit_bindgen;
