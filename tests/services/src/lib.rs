//! What the tests of services share: each of them runs a service natively, on the real engine with the real migrations, and asks it by
//! requests as the gateway would send them.
//!
//! A test makes a [`database::Fresh`] database, a context around it, a router, and sends with [`request::send`] as a [`caller::Who`]. What
//! a shop of one service looks like beyond that is the service's own.

pub mod database;

pub mod caller;
pub mod request;
pub mod answer;

pub mod crowd;

pub mod plan;
