//! The service through its routes, on the real engine with the real migrations and a clock that tests set; no socket,
//! no wasm.

mod shop;

mod bad_input;
mod categories;
mod listing;
mod products;
mod reservations;
mod stock;
