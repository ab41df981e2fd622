//! Customers: the profile of an account of any issuer, with addresses.
//!
//! What must never happen here: somebody sees or changes another's profile, two addresses or none are the default of one who
//! has some, or anything is left of a customer who was deleted.
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/customers/me` | `GET`, `PUT` and `PATCH` (RFC 7396) create or change, `DELETE` |
//! | `/api/v1/customers/me/addresses` | `GET` a page, `POST` |
//! | `/api/v1/customers/me/addresses/{id}` | `GET`, `PUT`, `DELETE` |
//! | `/api/v1/customers` | admins: `GET` a page (`page size q status`) |
//! | `/api/v1/customers/{id}` | admins: `GET`, `PATCH`, `DELETE` |
//! | `/api/v1/customers/{id}/addresses` | admins: `GET` a page, `POST` |
//! | `/api/v1/customers/{id}/addresses/{id}` | admins: `GET`, `PUT`, `DELETE` |
//! | `/api/v1/customers/{id}/changes` | admins: `GET` a page, latest first |
//!
//! Besides HTTP it exports `souk:customer/profiles` (here [`profiles`]; the contract, with the events, is `wit/customer`).
//! Limits stand in [`domain`].
//!
//! A profile and an address have a version each, so that who edits the one does not disturb who edits the other. Deletion
//! keeps the row and its id, for the orders that name it, and takes everything else away in one transaction.
//!
//! Left out on purpose: whether mail arrives, a number is answered, a country exists; an export of all that is known of
//! somebody, which is three `GET`s; telling others to delete their copies, which is what `customer.deleted` is for.

pub mod domain;

pub mod store;

pub mod profiles;

pub mod http;

#[cfg(target_family = "wasm")]
mod component;

souk_database::migrations! {
    "../../../migrations/customer/":
    "0001_customers.sql",
}
