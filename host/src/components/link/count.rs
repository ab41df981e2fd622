//! What was counted of each link, however often its two ends were swapped.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What was counted of one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// The importer's name.
    pub from: Arc<str>,
    /// The server's name.
    pub to: Arc<str>,
    /// Without its version.
    pub interface: Arc<str>,
    /// Calls that have ended.
    pub calls: u64,
    /// Those of them that went wrong on the way.
    pub failures: u64,
    /// How long all of them took together.
    pub took: Duration,
}

/// The counters of all links.
#[derive(Default)]
pub(in crate::components) struct Counted(Mutex<Vec<Arc<Counters>>>);

pub(super) struct Counters {
    pub(super) from: Arc<str>,
    pub(super) to: Arc<str>,
    pub(super) interface: Arc<str>,
    calls: AtomicU64,
    failures: AtomicU64,
    took_us: AtomicU64,
}

impl Counted {
    /// The counters of this link: the same ones for every generation of either end.
    pub(super) fn of(&self, from: &str, to: &str, interface: &str) -> Arc<Counters> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |it: &&Arc<Counters>| &*it.from == from && &*it.to == to && &*it.interface == interface;
        if let Some(there) = all.iter().find(is_it) {
            return Arc::clone(there);
        }
        let counters = Arc::new(Counters {
            from: from.into(),
            to: to.into(),
            interface: interface.into(),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            took_us: AtomicU64::new(0),
        });
        all.push(Arc::clone(&counters));
        counters
    }

    /// What was counted of all links.
    pub(in crate::components) fn figures(&self) -> Vec<Figures> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|counters| counters.figures()).collect()
    }
}

impl Counters {
    /// A call has ended.
    pub(super) fn count(&self, took: Duration, is_failure: bool) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.took_us.fetch_add(took_us, Ordering::Relaxed);
        self.failures.fetch_add(u64::from(is_failure), Ordering::Relaxed);
    }

    fn figures(&self) -> Figures {
        Figures {
            from: Arc::clone(&self.from),
            to: Arc::clone(&self.to),
            interface: Arc::clone(&self.interface),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            took: Duration::from_micros(self.took_us.load(Ordering::Relaxed)),
        }
    }
}
