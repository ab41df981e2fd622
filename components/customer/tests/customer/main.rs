//! The service through its routes, on the real engine with the real migrations and a clock that tests set; no socket, no wasm.

mod shop;

mod profile;
mod addresses;
mod defaults;
mod owners;
mod admins;
mod deletion;
mod profiles;
mod bad_input;
mod plans;
