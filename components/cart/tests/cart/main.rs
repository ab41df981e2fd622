//! The service through its routes and use cases, on the real engine with the real migrations, beside the real product service with a database
//! of its own, and a clock that tests set; no socket, no wasm.

mod shop;

mod owners;
mod items;
mod versions;
mod differences;
mod accept;
mod limits;
mod merge;
mod expiry;
mod sold;
mod crowds;
mod crashes;
mod products;
mod rules;
mod bad_input;
mod events;
mod plans;
