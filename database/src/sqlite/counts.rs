//! What the engine counts about itself, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// Totals since the database was opened.
#[derive(Debug, Default)]
pub(super) struct Counts {
    queries_inline: AtomicU64,
    queries_moved: AtomicU64,
    transactions: AtomicU64,
    groups: AtomicU64,
    commits_failed: AtomicU64,
}

/// Totals since the database was opened, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Queries that were answered on the calling thread.
    pub queries_inline: u64,
    /// Queries that went to a reader thread.
    pub queries_moved: u64,
    /// Transactions that were carried out, whatever their outcome.
    pub transactions: u64,
    /// Commits that they were grouped into.
    pub groups: u64,
    /// Groups whose commit failed.
    pub commits_failed: u64,
}

impl Counts {
    pub(super) fn query(&self, is_inline: bool) {
        let counter = if is_inline { &self.queries_inline } else { &self.queries_moved };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn group(&self, transactions: usize, failed: bool) {
        self.transactions.fetch_add(transactions as u64, Ordering::Relaxed);
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.commits_failed.fetch_add(failed.into(), Ordering::Relaxed);
    }

    /// A transaction that made the engine roll back its group, and was answered alone.
    pub(super) fn undone(&self) {
        self.transactions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn totals(&self) -> Totals {
        Totals {
            queries_inline: self.queries_inline.load(Ordering::Relaxed),
            queries_moved: self.queries_moved.load(Ordering::Relaxed),
            transactions: self.transactions.load(Ordering::Relaxed),
            groups: self.groups.load(Ordering::Relaxed),
            commits_failed: self.commits_failed.load(Ordering::Relaxed),
        }
    }
}
