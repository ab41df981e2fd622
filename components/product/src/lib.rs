//! Products, categories, search and stock.
//!
//! What must never happen here: stock below zero, one unit promised to two, or one merchant's edit lost under
//! another's.
//!
//! | route | methods |
//! |---|---|
//! | `/api/v1/products` | `GET` a page (`page size sort category status currency price_min price_max q`), `POST` |
//! | `/api/v1/products/{id}` | `GET`, `PUT`, `PATCH` (RFC 7396), `DELETE` |
//! | `/api/v1/products/{id}/stock` | `GET`, `PUT` sets |
//! | `/api/v1/products/{id}/stock/adjustments` | `POST` adds or takes away, with `Idempotency-Key` if wanted |
//! | `/api/v1/categories` | `GET` a page, `POST` creates |
//! | `/api/v1/categories/{slug}` | `GET`, `PUT` creates or replaces, `DELETE` |
//! | `/api/v1/reservations/{id}` | `GET`, `PUT` reserves, `DELETE` releases |
//! | `/api/v1/reservations/{id}/commit` | `POST` |
//! | `/api/v1/reservations/{id}/return` | `POST` takes back what was sold |
//!
//! Besides HTTP it exports `souk:product/catalog` and `souk:product/inventory` (`wit/product`, where the events are
//! described too).
//!
//! Writes name the version they saw by `If-Match`; a product's tag covers its stock as well, but each write compares
//! the half that it changes ([`domain::Revision`]), so that sales do not make a merchant's edit stale. Limits stand in
//! [`domain`].
//!
//! Who may call what comes with identity; until then the host binds to loopback only. Pictures are URLs: files are kept
//! elsewhere.

pub mod domain;

pub mod store;

pub mod http;

#[cfg(target_family = "wasm")]
mod component;

souk_database::migrations! {
    "../../../migrations/product/":
    "0001_products.sql",
    "0002_search.sqlite.sql",
    "0002_search.postgres.sql",
    "0003_returns.sql",
}
