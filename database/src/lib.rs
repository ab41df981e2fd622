//! What a database is to souk: the types and the trait of the contract `souk:database`, how migrations are named and carried, and
//! the engines: the embedded one and PostgreSQL.
//!
//! Three parties share this crate: the host (which runs the engines), the guest kit (which needs the types only) and a
//! service built natively (which uses an engine directly). It knows none of them.

pub mod contract;

pub mod migration;

#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod engine;

#[cfg(feature = "sqlite")]
pub mod sqlite;
#[cfg(feature = "postgres")]
pub mod postgres;
