//! What the service does with its database: each operation is one transaction and one function that reads as the use case.
//!
//! Statements serve every engine: `$1` parameters, text and integers, `ON CONFLICT DO NOTHING`. Whatever changes a profile or an
//! address begins with an `UPDATE` of the customer's row, so changes of one customer come one after another, and each has its
//! number in the history.

pub mod profile;

pub mod address;

pub mod change;

pub mod listing;
