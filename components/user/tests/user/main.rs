//! The service through its routes, on the real engine with the real migrations, with real signatures and hashes and a clock
//! that tests set; no socket, no wasm.

mod shop;
mod identity;
#[path = "../../examples/native/identity.rs"]
mod local;

mod register;
mod login;
mod throttle;
mod refresh;
mod cookies;
mod sessions;
mod me;
mod users;
mod secrets;
mod orders;
mod plans;
