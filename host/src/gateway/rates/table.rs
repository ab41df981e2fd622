//! What has been used of one policy, by budget, in memory that never grows and without a lock.
//!
//! A table of places in groups: a budget's group follows from its keyed hash, its place in the group is the one with its tag. One that
//! finds no place takes that of the budget that is whole the soonest, which forgets the least: whoever floods the table with new
//! addresses pushes out those that hardly asked, and never who is at the end of a budget.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// Places in a group.
const WAYS: usize = 8;

/// Groups: with eight places each 65,536 budgets and half a MiB, for each policy.
const GROUPS: usize = 8_192;

/// The upper bits of a place say whose it is. Two of one group share a place once in 65,536 times; they are one budget then.
const TAG_BITS: u32 = 16;

/// The lower bits: microseconds since the host began, which lasts nine years.
const TIME_MASK: u64 = u64::MAX >> TAG_BITS;

pub(super) struct Table {
    places: Box<[AtomicU64]>,
    /// Drawn by chance: nobody can look for addresses that share a place.
    hash: RandomState,
}

impl Table {
    pub(super) fn new() -> Self {
        Self { places: (0..WAYS * GROUPS).map(|_| AtomicU64::new(0)).collect(), hash: RandomState::new() }
    }

    /// Moves the time of a key ahead by `step`, from `now` if it lies behind; answers with the new time. Where it lies ahead of `last`
    /// already, it stays, and is the error.
    pub(super) fn advance(&self, key: &impl Hash, now: u64, step: u64, last: u64) -> Result<u64, u64> {
        let (group, tag) = self.group(key);
        loop {
            let (place, value) = find(group, tag);
            let time = if value & !TIME_MASK == tag { (value & TIME_MASK).max(now) } else { now };
            if time > last {
                return Err(time);
            }
            let next = (time + step).min(TIME_MASK);
            if place.compare_exchange_weak(value, tag | next, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                return Ok(next);
            }
        }
    }

    /// Sets the time of a key, to what is known of it elsewhere.
    pub(super) fn put(&self, key: &impl Hash, time: u64) {
        let (group, tag) = self.group(key);
        // Who takes the place between the two loses it again, as in any flood.
        find(group, tag).0.store(tag | time.min(TIME_MASK), Ordering::Relaxed);
    }

    /// Where a key has its place, and the tag of that place.
    fn group(&self, key: &impl Hash) -> (&[AtomicU64], u64) {
        let hash = self.hash.hash_one(key);
        let group = usize::try_from(hash).unwrap_or(usize::MAX) % GROUPS;
        (&self.places[group * WAYS..][..WAYS], hash & !TIME_MASK)
    }
}

/// The place of a tag, or the one that can be spared best, with what stands in it.
fn find(group: &[AtomicU64], tag: u64) -> (&AtomicU64, u64) {
    let mut best: Option<(&AtomicU64, u64)> = None;
    for place in group {
        let value = place.load(Ordering::Relaxed);
        if value & !TIME_MASK == tag && value != 0 {
            return (place, value);
        }
        if best.is_none_or(|(_, sparest)| value & TIME_MASK < sparest & TIME_MASK) {
            best = Some((place, value));
        }
    }
    best.expect("a group has places")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_at_the_end_of_a_budget_is_not_forgotten_in_a_flood() {
        let table = Table::new();
        for _ in 0..10 {
            table.advance(&0, 0, 10, 90).unwrap();
        }
        for other in 1..1_000_000 {
            let _ = table.advance(&other, 0, 10, 90);
        }
        assert_eq!(table.advance(&0, 0, 10, 90), Err(100));
    }

    #[test]
    fn what_is_known_elsewhere_takes_the_place_of_what_was_counted() {
        let table = Table::new();
        assert_eq!(table.advance(&0, 0, 10, 90), Ok(10));
        table.put(&0, 100);
        assert_eq!(table.advance(&0, 0, 10, 90), Err(100));
        table.put(&0, 20);
        assert_eq!(table.advance(&0, 0, 10, 90), Ok(30));
        table.put(&1, 95);
        assert_eq!(table.advance(&1, 0, 10, 90), Err(95), "also of one that never asked here");
    }

    #[test]
    fn few_budgets_have_a_place_each() {
        let table = Table::new();
        let shared = (0..10_000).filter(|budget| table.advance(budget, 0, 10, 0) != Ok(10)).count();
        assert!(shared < 20, "{shared}");
    }
}
