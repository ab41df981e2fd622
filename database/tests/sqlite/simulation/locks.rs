//! Locks between the connections of one process, with SQLite's rules, and the memory that they share for the WAL's index.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

use super::device::Code;

/// Tells connections apart.
pub(super) type Holder = usize;

/// The lock on a database: each connection's level.
#[derive(Default)]
pub(super) struct DatabaseLock(BTreeMap<Holder, Code>);

impl DatabaseLock {
    pub(super) fn raise(&mut self, holder: Holder, level: Code) -> Result<(), Code> {
        let own = self.0.get(&holder).copied().unwrap_or(ffi::SQLITE_LOCK_NONE);
        if own >= level {
            return Ok(());
        }
        let others = self.0.iter().filter(|(other, _)| **other != holder).map(|(_, level)| *level).max();
        let others = others.unwrap_or(ffi::SQLITE_LOCK_NONE);
        let is_free = match level {
            ffi::SQLITE_LOCK_SHARED => others < ffi::SQLITE_LOCK_PENDING,
            ffi::SQLITE_LOCK_RESERVED => others < ffi::SQLITE_LOCK_RESERVED,
            _ => others < ffi::SQLITE_LOCK_SHARED,
        };
        if is_free {
            self.0.insert(holder, level);
            return Ok(());
        }
        // Whoever wants to be alone keeps new readers out while the old ones finish.
        if level == ffi::SQLITE_LOCK_EXCLUSIVE && others < ffi::SQLITE_LOCK_RESERVED {
            self.0.insert(holder, ffi::SQLITE_LOCK_PENDING);
        }
        Err(ffi::SQLITE_BUSY)
    }

    pub(super) fn lower(&mut self, holder: Holder, level: Code) {
        if level == ffi::SQLITE_LOCK_NONE {
            self.0.remove(&holder);
        } else {
            self.0.insert(holder, level);
        }
    }

    pub(super) fn is_reserved(&self) -> bool {
        self.0.values().any(|level| *level >= ffi::SQLITE_LOCK_RESERVED)
    }
}

const SLOTS: usize = 8;

/// The memory that the connections to one database share. SQLite guards it with locks and barriers of its own.
#[derive(Default)]
pub(super) struct SharedMemory(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// Atomics, since SQLite writes to them from many threads while we hold a plain reference.
    regions: Vec<Box<[AtomicU64]>>,
    /// The slots that each connection holds: shared and exclusive.
    holders: BTreeMap<Holder, [Slots; 2]>,
}

type Slots = [bool; SLOTS];

impl SharedMemory {
    /// The address of a region; none if it is not there and shall not be made. It stays until the last connection lets go.
    pub(super) fn region(&self, holder: Holder, number: usize, bytes: usize, extends: bool) -> Option<*mut u8> {
        let mut memory = self.memory();
        memory.holders.entry(holder).or_default();
        while extends && memory.regions.len() <= number {
            memory.regions.push((0..bytes / 8).map(|_| AtomicU64::new(0)).collect());
        }
        memory.regions.get(number).map(|region| region.as_ptr().cast_mut().cast())
    }

    pub(super) fn lock(&self, holder: Holder, slots: std::ops::Range<usize>, is_exclusive: bool) -> Result<(), Code> {
        let mut memory = self.memory();
        let others = memory.holders.iter().filter(|(other, _)| **other != holder);
        let is_held = others.map(|(_, [shared, exclusive])| {
            slots.clone().any(|slot| exclusive[slot] || (is_exclusive && shared[slot]))
        });
        if is_held.into_iter().any(|is_held| is_held) {
            return Err(ffi::SQLITE_BUSY);
        }
        let own = memory.holders.entry(holder).or_default();
        own[usize::from(is_exclusive)][slots].fill(true);
        Ok(())
    }

    pub(super) fn unlock(&self, holder: Holder, slots: std::ops::Range<usize>, is_exclusive: bool) {
        if let Some(own) = self.memory().holders.get_mut(&holder) {
            own[usize::from(is_exclusive)][slots].fill(false);
        }
    }

    /// A connection lets go. After the last one the memory is new: what was in it is read from the WAL again.
    pub(super) fn leave(&self, holder: Holder) {
        let mut memory = self.memory();
        memory.holders.remove(&holder);
        if memory.holders.is_empty() {
            memory.regions.clear();
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
