//! What was counted since a database was opened.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters, as they count.
#[derive(Default)]
pub(super) struct Counts {
    round_trips: AtomicU64,
    conflicts: AtomicU64,
    connected: AtomicU64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Round trips to the server for queries and transactions; logging in and migrating are not counted.
    pub round_trips: u64,
    /// Transactions that were tried again, since the server preferred another.
    pub conflicts: u64,
    /// Connections that were opened for queries and transactions.
    pub connected: u64,
}

impl Counts {
    pub(super) fn round_trip(&self) {
        self.round_trips.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn conflict(&self) {
        self.conflicts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn connected(&self) {
        self.connected.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            round_trips: self.round_trips.load(Ordering::Relaxed),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            connected: self.connected.load(Ordering::Relaxed),
        }
    }
}
