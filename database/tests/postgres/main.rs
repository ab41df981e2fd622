//! The engine on a server at its boundary: a real server, through the trait, as a host uses it.
//!
//! `SOUK_TEST_POSTGRES` is the URL of an administrator on a server for tests. Without it a private server is started from the
//! installed programs; without those the tests are left out, and say so.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect, also in its helpers")]

use souk_test_servers::postgres as server;

#[path = "../contract/words.rs"]
mod words;
#[path = "../contract/shop.rs"]
mod shop;
mod harness;

#[path = "../contract/mod.rs"]
mod contract;

mod types;
mod denied;
mod isolation;
mod administrator;
mod limits;
mod round_trips;

mod conflicts;
mod outbox;

mod migrations;
mod plan;
mod life;
mod tls;
mod idle;
