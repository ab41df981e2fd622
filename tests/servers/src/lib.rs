//! The servers that tests talk to: those that the environment names, or private ones, started from installed programs and gone
//! with the process; and a stand-in for a gateway of payments, which no test can have.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect, also in its helpers")]

pub mod gateway;
pub mod postgres;
pub mod valkey;
