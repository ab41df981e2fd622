//! What happened, counted, for the summary; and an order of anybody, for those who try to see another's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::connection::{Answer, is_success};

/// Counts by name.
#[derive(Default)]
pub(crate) struct Notes {
    counts: Mutex<BTreeMap<String, u64>>,
    an_order: Mutex<Option<(usize, String)>>,
}

impl Notes {
    /// One more of these.
    pub(crate) fn count(&self, name: &str) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default() += 1;
    }

    /// What came of an order.
    pub(crate) fn answered(&self, answer: &Answer) {
        match (answer.status, answer.problem()) {
            (201, _) => self.count("paid"),
            (202, _) => self.count("waited for"),
            (status, _) if is_success(status) => self.count("done"),
            (_, name) if name.is_empty() => self.count(&format!("status {}", answer.status)),
            (_, name) => self.count(&name),
        }
    }

    /// Leaves an order of one's own for others to try.
    pub(crate) fn leave(&self, owner: usize, order: &str) {
        *self.an_order.lock().unwrap_or_else(PoisonError::into_inner) = Some((owner, order.to_owned()));
    }

    /// An order of somebody else.
    pub(crate) fn anothers(&self, me: usize) -> Option<String> {
        let left = self.an_order.lock().unwrap_or_else(PoisonError::into_inner).clone();
        left.filter(|(owner, _)| *owner != me).map(|(_, order)| order)
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let told: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        told.join(", ")
    }
}
