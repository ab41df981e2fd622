//! Accounts, signing in, sessions.
pub mod domain;

pub mod identity;
