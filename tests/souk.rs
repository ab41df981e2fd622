//! The real host, started as a process, with real components, over real sockets.
//!
//! Each module starts a host with the limits that it is about, or shares one ([`host::Shared`]). Nothing in here measures time
//! except to say that something was not for ever: `SOON` is generous, and limits are lowered in the manifest so that
//! running into them is quick.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]
#![expect(clippy::print_stdout, reason = "a test that failed shows what the host logged")]

mod start;
mod faults;
mod cache;

mod routing;
mod fields;
mod heads;
mod bodies;
mod connections;
mod load;
mod rates;
mod auth;
mod forged;
mod identity;

mod sandbox;
mod outbound;
mod links;
mod output;
mod settings;
mod streams;
mod jobs;

mod swaps;
mod watch;
mod seals;
mod embed;

mod shutdown;

mod databases;

mod product;
mod users;

mod fixtures;

mod application;
mod host;
mod code;
mod http;
mod http2;
