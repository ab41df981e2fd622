//! The host of souk: runs an application of WebAssembly components, each sandboxed and with a database of its own.
//!
//! Modules stand in the order in which a request meets them; each uses only what stands below it:
//!
//! ```text
//! up, check, graph, migrate, db, keys, user, operate, sign, embed → listener → gateway → components → databases, capabilities → identity → souk_database, souk_identity
//! ```
//!
//! The last group are leaves: everyone may use them, and they know nobody.

pub mod up;

pub mod check;

pub mod graph;

pub mod migrate;

pub mod db;

pub mod keys;

pub mod user;

pub mod operate;

pub mod sign;

pub mod embed;

mod summary;

mod demo;

mod watch;

pub mod listener;

mod admin;

mod metrics;

pub mod gateway;

pub mod components;

pub mod databases;

pub mod capabilities;

pub mod identity;

pub mod manifest;

pub mod audit;
pub mod body;
pub mod clock;
pub mod config;
pub mod handler;
pub mod health;
pub mod memory;
pub mod operator;
pub mod private;
pub mod problem;
pub mod telemetry;
pub mod trace;
