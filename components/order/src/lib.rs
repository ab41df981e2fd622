//! Orders: placed as a saga over stock, payment and cart, that ends whatever happens.
//!
//! What must never happen here: an order without its payment, a payment without its order, one key with two effects, a price that the client
//! says, an order of somebody else.
//!
//! An order is placed in one transaction, with its key. From then on it is a machine of small steps ([`domain::saga`]): each calls one service
//! under an id or a key that belongs to the step, and each outcome is one transaction. Whatever stops in the middle, the job `resume` finds the order where
//! it was left, and repeats its step; so a step may come twice, and has its effect once. [`orders`] reads as this.
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/orders` | `GET` a page of one's own (`page size status number from before`; admins: of all, and `account`), `POST` checks out, with `Idempotency-Key` |
//! | `/api/v1/orders/{id}` | `GET` |
//! | `/api/v1/orders/{id}/cancel` | `POST` |
//! | `/api/v1/orders/{id}/ship`, `/deliver` | merchants and admins: `POST` |
//! | `/api/v1/orders/{id}/journal` | admins: `GET` what happened to it |
//! | `/api/v1/transactions` | `GET` a page, `POST` buys products without a cart, with `Idempotency-Key` if wanted |
//! | `/api/v1/transactions/{id}` | `GET` |
//!
//! Besides HTTP it exports `souk:order/orders` (`wit/order`, where the events are described too), and the jobs `resume` and `forget`. Limits stand in
//! [`domain`] and [`domain::saga`].
//!
//! Left out on purpose: taxes, shipping costs, vouchers, parts of an order that are sent or given back by themselves, invoices, guests without an account.

pub mod domain;

pub mod store;

pub mod others;

pub mod orders;

pub mod answer;

pub mod http;

#[cfg(target_family = "wasm")]
mod component;

souk_database::migrations! {
    "../../../migrations/order/":
    "0001_orders.sql",
}
