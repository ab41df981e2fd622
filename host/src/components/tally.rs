//! What was counted of one generation: enough to tell whether it serves as well as the one before.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts of one generation.
#[derive(Default)]
pub(super) struct Tally {
    /// Requests and calls that are being answered.
    pub(super) under_way: AtomicU64,
    /// Requests over HTTP.
    pub(super) requests: Series,
    /// Calls of other components.
    pub(super) calls: Series,
    /// Requests and calls that ran out of time.
    pub(super) timeouts: AtomicU64,
}

/// Requests, or calls, that have ended.
pub(super) struct Series {
    ended: AtomicU64,
    failed: AtomicU64,
    took: [AtomicU64; BUCKETS],
}

/// A series at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    /// So many have ended.
    pub(super) count: u64,
    /// So many of them failed: answered 5xx, trapped, too slow.
    pub(super) failed: u64,
    took: Vec<u64>,
}

/// Four for each doubling: a percentile is at most a quarter too high.
const STEPS_BITS: u32 = 2;

/// From 1 µs to a minute and more.
const BUCKETS: usize = 27 << STEPS_BITS;

impl Default for Series {
    fn default() -> Self {
        let took = [const { AtomicU64::new(0) }; BUCKETS];
        Self { ended: AtomicU64::new(0), failed: AtomicU64::new(0), took }
    }
}

impl Series {
    /// One has ended.
    pub(super) fn count(&self, took: Duration, is_failed: bool) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.took[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.failed.fetch_add(u64::from(is_failed), Ordering::Relaxed);
        self.ended.fetch_add(1, Ordering::Relaxed);
    }

    /// One that has ended well turns out to have failed.
    pub(super) fn fail(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(super) fn read(&self) -> Ended {
        Ended {
            count: self.ended.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            took: self.took.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
        }
    }
}

impl Ended {
    /// What was counted after `began`.
    pub(super) fn since(&self, began: &Self) -> Self {
        let took = self.took.iter().zip(&began.took).map(|(now, before)| now.saturating_sub(*before));
        Self {
            count: self.count.saturating_sub(began.count),
            failed: self.failed.saturating_sub(began.failed),
            took: took.collect(),
        }
    }

    /// So many in a hundred took no longer than this, in microseconds. 0 if there were none.
    pub(super) fn percentile_us(&self, percent: u64) -> u64 {
        let wanted = (self.took.iter().sum::<u64>() * percent).div_ceil(100);
        let mut seen = 0;
        for (bucket, count) in self.took.iter().enumerate() {
            seen += count;
            if seen >= wanted && seen > 0 {
                return upper_us(bucket);
            }
        }
        0
    }
}

fn bucket(us: u64) -> usize {
    let us = us.max(1 << STEPS_BITS);
    let doubling = us.ilog2();
    let step = (us >> (doubling - STEPS_BITS)) & ((1 << STEPS_BITS) - 1);
    let index = (u64::from(doubling) << STEPS_BITS) + step;
    usize::try_from(index).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The longest time that is counted here.
fn upper_us(bucket: usize) -> u64 {
    let (doubling, step) = (bucket >> STEPS_BITS, (bucket & ((1 << STEPS_BITS) - 1)) as u64);
    let width = (1_u64 << doubling) >> STEPS_BITS;
    (1 << doubling) + (step + 1) * width.max(1) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_within_the_bounds_of_its_bucket() {
        for us in (0..2_000).chain((1..60).map(|s| s * 1_000_000)) {
            let bucket = bucket(us);
            assert!(us <= upper_us(bucket), "{us}");
            assert!(bucket <= 1 << STEPS_BITS << STEPS_BITS || us * 5 > upper_us(bucket) * 4 - 5, "{us}");
            assert!(bucket == 0 || us <= 4 || us > upper_us(bucket - 1), "{us}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_found_from_what_was_counted() {
        let series = Series::default();
        assert_eq!(series.read().percentile_us(90), 0);
        for us in 1..=100 {
            series.count(Duration::from_micros(us * 100), us > 98);
        }
        let ended = series.read();
        assert_eq!((ended.count, ended.failed), (100, 2));
        series.count(Duration::from_micros(5), true);
        let after = series.read().since(&ended);
        assert_eq!((after.count, after.failed), (1, 1));
        assert!(after.percentile_us(50) <= 7, "{}", after.percentile_us(50));
        for percent in [50, 90, 99] {
            let found = ended.percentile_us(percent);
            assert!((percent * 100..=percent * 125).contains(&found), "p{percent} {found}");
        }
    }
}
