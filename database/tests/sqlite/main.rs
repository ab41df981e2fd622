//! The embedded engine at its boundary: real files, through the trait, as a host uses it.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect, also in its helpers")]

#[path = "../contract/words.rs"]
mod words;
#[path = "../contract/shop.rs"]
mod shop;
mod harness;
mod chance;
mod ledger;
mod simulation;

#[path = "../contract/mod.rs"]
mod contract;

mod dialect;
mod denied;
mod limits;
mod parameters;

mod groups;
mod outbox;
mod model;

mod migrations;
mod life;
mod disk;
mod faults;
mod power;

#[cfg(unix)]
mod killed;
