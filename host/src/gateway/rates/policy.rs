//! How much a budget holds and how it comes back: the generic cell rate algorithm (ITU-T I.371).
//!
//! A request moves the moment at which the budget is whole again, and is refused if that moment lies too far ahead. So a budget comes
//! back steadily, not at the end of a window.

use super::budget::Budget;
use super::flow::Flow;
use super::store::{Ahead, Store};
use super::table::Table;
use crate::manifest::{Rate, WithoutStore};
use http::HeaderValue;
use std::time::Duration;

/// A policy of the manifest, and what has been used of its budgets.
pub(super) struct Policy {
    pub(super) name: String,
    /// `RateLimit-Policy`.
    pub(super) field: HeaderValue,
    flow: Flow,
    without_store: WithoutStore,
    used: Table,
}

/// Why a request is not answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its budget is used up, for so long.
    Over(Duration),
    /// What is left of its budget can't be looked up, for so long at least.
    Unknown(Duration),
}

impl Policy {
    pub(super) fn new(rate: &Rate) -> Self {
        let field = format!("{:?};q={};w={}", rate.name, rate.requests, rate.seconds);
        let interval_us = (u64::from(rate.seconds) * 1_000_000 / u64::from(rate.requests)).max(1);
        Self {
            name: rate.name.clone(),
            field: HeaderValue::try_from(field).expect("the name of a policy is plain text"),
            flow: Flow { interval_us, whole_us: interval_us * u64::from(rate.burst) },
            without_store: rate.without_store,
            used: Table::new(),
        }
    }

    /// Takes one request out of a budget of this host; answers with how many are left in it.
    pub(super) fn take(&self, budget: &Budget<'_>, now_us: u64) -> Result<u64, Refused> {
        let Flow { interval_us, whole_us } = self.flow;
        // The moment at which the budget is whole may be at most `whole_us` ahead, this request included.
        let last = now_us + whole_us - interval_us;
        match self.used.advance(budget, now_us, interval_us, last) {
            Ok(whole_at) => Ok(self.flow.left(whole_at.saturating_sub(now_us))),
            Err(whole_at) => Err(Refused::Over(self.flow.wait(whole_at - now_us))),
        }
    }

    /// Takes one request out of a budget that hosts share; `name` is that of its kind.
    pub(super) async fn take_shared(
        &self,
        store: &Store,
        name: &str,
        budget: &Budget<'_>,
        now_us: u64,
    ) -> Result<u64, Refused> {
        let refuses_alone = self.without_store == WithoutStore::Refuse;
        if refuses_alone && store.is_down() {
            return Err(Refused::Unknown(store.retry()));
        }
        // What is used up by this host alone need not be asked for.
        let left_here = self.take(budget, now_us)?;
        match store.take(name, budget, self.flow).await {
            Some(Ok(Ahead(ahead_us))) => Ok(self.flow.left(ahead_us)),
            Some(Err(Ahead(ahead_us))) => {
                // A refused request costs nothing, and until the budget is back there is nothing to ask.
                self.used.put(budget, now_us + ahead_us);
                Err(Refused::Over(self.flow.wait(ahead_us)))
            }
            None if refuses_alone => Err(Refused::Unknown(store.retry())),
            None => Ok(left_here),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn policy(requests: u32, seconds: u32, burst: u32) -> Policy {
        let without_store = WithoutStore::default();
        Policy::new(&Rate { name: "test".into(), requests, seconds, burst, without_store })
    }

    fn over(wait: Duration) -> Result<u64, Refused> {
        Err(Refused::Over(wait))
    }

    fn take(policy: &Policy, now_us: u64) -> Result<u64, Refused> {
        policy.take(&Budget::of_peer(0, None), now_us)
    }

    #[test]
    fn a_burst_is_allowed_and_then_the_rate() {
        let policy = policy(60, 60, 3);
        let lefts: Vec<_> = (0..3).map(|_| take(&policy, 0)).collect();
        assert_eq!(lefts, [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(take(&policy, 0), over(Duration::from_secs(1)));
        assert_eq!(take(&policy, SECOND - 1), over(Duration::from_micros(1)));
        assert_eq!(take(&policy, SECOND), Ok(0));
        assert_eq!(take(&policy, SECOND), over(Duration::from_secs(1)), "a refused one was not counted");
        assert_eq!(take(&policy, 100 * SECOND), Ok(2), "it is whole again, and no more than that");
    }

    #[test]
    fn over_any_time_no_more_than_the_rate_and_one_burst_pass() {
        let policy = policy(7, 2, 5);
        let passed = (0..100 * 1_000).filter(|ms| take(&policy, ms * 1_000).is_ok()).count();
        assert!((350..=355).contains(&passed), "{passed}");
    }

    #[test]
    fn budgets_of_a_policy_are_counted_apart() {
        let policy = policy(1, 60, 1);
        for component in 0..3 {
            let budget = Budget::of_peer(component, None);
            assert!(policy.take(&budget, 0).is_ok() && policy.take(&budget, 0).is_err());
        }
    }

    #[test]
    fn many_at_once_get_no_more_than_the_burst() {
        let policy = policy(1, 3600, 100);
        let passed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..1000).filter(|_| take(&policy, 0).is_ok()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(passed, 100);
    }
}
