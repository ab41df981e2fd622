//! A file behind a page cache, sector by sector.
//!
//! A sector that was written and not synced has versions: one for each write. After a power cut any of them may be found, or the
//! one before, or the start of one and the end of another; and each sector decides for itself, so the order of writes is lost.
//! That a write leaves the bytes beside it alone is promised to SQLite (`SQLITE_IOCAP_POWERSAFE_OVERWRITE`), as on any Unix.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::chance::Chance;

const SECTOR: usize = 512;

/// How much of what was not synced a power cut leaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Remains {
    /// Nothing: the disk had not begun.
    Nothing,
    /// All of it: the disk was just done.
    Everything,
    /// Sectors, lengths and names at random.
    Some,
}

#[derive(Default)]
pub(super) struct Cached {
    /// What programs read.
    now: Vec<u8>,
    /// What was there at the last sync.
    synced: Vec<u8>,
    unsynced: BTreeMap<usize, Sector>,
    /// The lengths since the last sync.
    lengths: Vec<usize>,
}

#[derive(Default)]
struct Sector {
    /// What was in it after each write.
    versions: Vec<Vec<u8>>,
    /// Whether the next sync will write it.
    is_dirty: bool,
}

impl Cached {
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { now: bytes.clone(), synced: bytes, ..Self::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.now.len()
    }

    /// Reads as many bytes as there are, and zeros behind the end; answers with how many there were.
    pub(super) fn read(&self, at: usize, into: &mut [u8]) -> usize {
        let there = self.now.get(at..).unwrap_or_default();
        let bytes = there.len().min(into.len());
        into[..bytes].copy_from_slice(&there[..bytes]);
        into[bytes..].fill(0);
        bytes
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        if end > self.now.len() {
            self.now.resize(end, 0);
            self.lengths.push(end);
        }
        self.now[at..end].copy_from_slice(bytes);
        for sector in at / SECTOR..end.div_ceil(SECTOR) {
            let version = self.now[range(sector, self.now.len())].to_vec();
            let sector = self.unsynced.entry(sector).or_default();
            sector.versions.push(version);
            sector.is_dirty = true;
        }
    }

    pub(super) fn truncate(&mut self, bytes: usize) {
        self.now.resize(bytes, 0);
        self.lengths.push(bytes);
    }

    pub(super) fn sync(&mut self) {
        // Shortened in between, what stood behind that is gone even if the file grew again.
        self.synced.truncate(self.lengths.iter().copied().min().unwrap_or(usize::MAX));
        self.synced.resize(self.now.len(), 0);
        self.lengths.clear();
        let (now, synced) = (&self.now, &mut self.synced);
        self.unsynced.retain(|&sector, Sector { is_dirty, .. }| {
            if *is_dirty && sector * SECTOR < now.len() {
                let range = range(sector, now.len());
                synced[range.clone()].copy_from_slice(&now[range]);
            }
            !*is_dirty
        });
    }

    /// A sync that failed. As Linux does it, the cache then takes the sectors for clean: a later sync succeeds without them unless
    /// they are written again. They may or may not have reached the platter.
    pub(super) fn sync_failed(&mut self) {
        self.unsynced.values_mut().for_each(|sector| sector.is_dirty = false);
    }

    /// What is found after a power cut.
    pub(super) fn remains(&self, remains: Remains, chance: &mut Chance) -> Vec<u8> {
        match remains {
            Remains::Nothing => self.synced.clone(),
            Remains::Everything => self.now.clone(),
            Remains::Some => self.some_remains(chance),
        }
    }

    fn some_remains(&self, chance: &mut Chance) -> Vec<u8> {
        let length = match chance.index(self.lengths.len() + 1) {
            0 => self.synced.len(),
            nth => self.lengths[nth - 1],
        };
        let mut found = self.synced.clone();
        found.resize(length, 0);
        // A file may have grown on the platter before what stands in it was written there.
        for sector in self.synced.len().div_ceil(SECTOR)..length.div_ceil(SECTOR) {
            if chance.one_in(2) {
                found[range(sector, length)].fill_with(|| chance.below(256).to_le_bytes()[0]);
            }
        }
        for (&number, sector) in &self.unsynced {
            let version = chance.index(sector.versions.len() + 1);
            if version > 0 && number * SECTOR < length {
                let version = &sector.versions[version - 1];
                let torn_at = if chance.one_in(4) { chance.index(SECTOR) } else { SECTOR };
                let bytes = version.len().min(torn_at).min(length - number * SECTOR);
                found[number * SECTOR..][..bytes].copy_from_slice(&version[..bytes]);
            }
        }
        found
    }
}

fn range(sector: usize, length: usize) -> Range<usize> {
    sector * SECTOR..((sector + 1) * SECTOR).min(length)
}
