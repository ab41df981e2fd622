//! The service with a gateway that is asked over HTTP: real sockets on both sides, and the stand-in of `tests/servers` behind them.
//!
//! What holds of every provider is the list of `tests/payment`, run a second time. What only a network has is here.

mod provider;
#[path = "../payment/shop.rs"]
mod shop;

#[path = "../payment/operations.rs"]
mod operations;
#[path = "../payment/tokens.rs"]
mod tokens;
#[path = "../payment/keys.rs"]
mod keys;
#[path = "../payment/crashes.rs"]
mod crashes;
#[path = "../payment/pending.rs"]
mod pending;
#[path = "../payment/ledger.rs"]
mod ledger;
#[path = "../payment/webhooks.rs"]
mod webhooks;
#[path = "../payment/http.rs"]
mod http;
#[path = "../payment/bad_input.rs"]
mod bad_input;
#[path = "../payment/orders.rs"]
mod orders;
#[path = "../payment/plans.rs"]
mod plans;

mod answers;
mod lost;
mod names;
mod set_up;
mod sent_events;
