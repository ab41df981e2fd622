//! The service through its use cases and routes, on the real engine with the real migrations and a clock that tests set; no socket, no wasm.
//!
//! The provider is the simulator. `tests/gateway` runs the same list over HTTP: whatever is in a module that it names holds of every provider.

mod provider;
mod shop;

mod operations;
mod tokens;
mod keys;
mod crashes;
mod pending;
mod ledger;
mod webhooks;
mod http;
mod bad_input;
mod orders;
mod plans;

mod simulator;

mod vectors;
