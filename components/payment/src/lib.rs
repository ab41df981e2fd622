//! Payments: money is held, taken, let go and given back, and every movement is booked.
//!
//! What must never happen here: money that is taken twice for one key, taken beyond what was authorized, given back beyond what was taken,
//! or moved without an entry in the ledger.
//!
//! Each operation has three steps, so that a crash between any two loses nothing: a transaction records the intent under the caller's key; the
//! provider is asked with the same key; a transaction writes the outcome, the state, the ledger and the event. Whoever comes later with the key, or
//! `resolve`, finds an intent without an outcome and asks the provider what became of it ([`payments`] reads as this).
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/payments` | admins: `GET` a page (`page size order_id customer status`) |
//! | `/api/v1/payments/{id}` | `GET`, for admins and the customer |
//! | `/api/v1/payments/{id}/refunds` | admins: `POST`, with `Idempotency-Key` |
//! | `/api/v1/payments/resolve` | admins: `POST` finishes what has no outcome |
//! | `/api/v1/payments/ledger` | admins: `GET` sums of each account |
//! | `/api/v1/payments/webhooks/{provider}` | `POST` a signed event |
//!
//! Besides HTTP it exports `souk:payment/processor` (`wit/payment`, where the events are described too). Limits stand in [`domain`].
//!
//! This crate is all of the service but the choice of a provider: a component is a crate of one file that makes it (`component`). There are two:
//! `payment-simulator` moves no money ([`provider::simulator`]), `payment-http` asks a gateway ([`provider::http`]).
//!
//! Left out on purpose: cards and whatever else customers pay with (only a provider's tokens come here), disputes, payouts, fees, exchange
//! rates.

pub mod domain;

pub mod store;

pub mod provider;

pub mod payments;

pub mod http;

#[cfg(target_family = "wasm")]
pub mod component;

souk_database::migrations! {
    "../../../migrations/payment/":
    "0001_payments.sql",
}
