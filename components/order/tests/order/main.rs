//! The service through its routes and its job, beside the real services that it needs, on the real engine with the real migrations and a clock
//! that tests set; no socket, no wasm.

mod services;

mod faults;

mod shop;

mod truth;

mod placing;
mod refusals;
mod bad_input;
mod keys;
mod owners;
mod changes;
mod tokens;
mod patience;
mod reservations;
mod crashes;
mod crowds;
mod late;
mod random;
mod plans;
