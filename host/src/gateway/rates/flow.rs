//! The numbers of a policy, in microseconds: what budgets in memory and in a store have in common.

use std::time::Duration;

/// How fast a budget comes back, and how much it holds.
#[derive(Clone, Copy)]
pub(super) struct Flow {
    /// Time after which one more request is allowed.
    pub(super) interval_us: u64,
    /// Time in which an unused budget becomes whole: what a request may be ahead of.
    pub(super) whole_us: u64,
}

impl Flow {
    /// The requests that are left in a budget that is whole so far ahead.
    pub(super) fn left(self, ahead_us: u64) -> u64 {
        self.whole_us.saturating_sub(ahead_us) / self.interval_us
    }

    /// The time until there is one.
    pub(super) fn wait(self, ahead_us: u64) -> Duration {
        Duration::from_micros((ahead_us + self.interval_us).saturating_sub(self.whole_us))
    }
}
