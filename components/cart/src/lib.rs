//! Carts: what a guest or an account is about to buy, checked against the products each time it is looked at.
//!
//! What must never happen here: somebody sees or changes another's cart, a price comes from a client, a cart is told as if it were fine
//! though nobody could check it, or something is put in, merged or taken out twice by one request.
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/cart` | `GET`, `DELETE` empties |
//! | `/api/v1/cart/items` | `POST` adds to what is there |
//! | `/api/v1/cart/items/{product_id}` | `PUT` sets the quantity, `DELETE` |
//! | `/api/v1/cart/accept` | `POST` takes the prices and quantities of now |
//! | `/api/v1/cart/merge` | signed in, with the field `cart-token`: `POST` puts the guest's cart into the account's |
//!
//! Besides HTTP it exports `souk:cart/carts` (here [`carts::of_account`]; the contract, with the events, is `wit/cart`) and the job `expire`.
//! What it needs of products is the trait [`products::Products`]. Limits stand in [`domain`].
//!
//! A cart keeps a copy of what the customer has seen (price, name, quantity) and answers with what is different now, so that nobody pays a
//! price that they have not seen. Nothing is set aside by being in a cart: that is what an order does.
//!
//! Left out on purpose: several carts of one account, wish lists, discounts, shipping, taxes, and telling somebody about a cart that they
//! have forgotten, which is what the events are for.

pub mod domain;

pub mod products;

pub mod store;

pub mod carts;

pub mod http;

#[cfg(target_family = "wasm")]
mod component;

souk_database::migrations! {
    "../../../migrations/cart/":
    "0001_carts.sql",
}
