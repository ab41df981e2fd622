//! What one instance may allocate: its linear memories and its tables, each summed over the whole instance.
//!
//! wasmtime's own `StoreLimits` bounds each memory by itself; a component may have many. Growth beyond the bound fails in the
//! guest as it would on a machine without memory; most guests trap then, which costs them their instance and nobody else anything.

use crate::config::{ComponentLimits, size};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::ResourceLimiter;

/// What the instances of one generation take together.
#[derive(Debug, Default)]
pub struct Usage {
    instances: AtomicU64,
    memory_bytes: AtomicU64,
}

/// The sums so far and their bounds.
pub(super) struct Bounds {
    memory: Sum,
    table: Sum,
    usage: Arc<Usage>,
}

struct Sum {
    used: usize,
    max: usize,
    reached: bool,
}

impl Sum {
    /// Counts a growth in, unless it passes the bound.
    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let used = self.used.saturating_add(desired.saturating_sub(current));
        let within = used <= self.max;
        if within {
            self.used = used;
        } else {
            self.reached = true;
        }
        within
    }
}

impl Bounds {
    /// Nothing allocated yet.
    pub(super) fn new(limits: &ComponentLimits, usage: &Arc<Usage>) -> Self {
        usage.instances.fetch_add(1, Ordering::Relaxed);
        Self {
            usage: Arc::clone(usage),
            memory: Sum { used: 0, max: size(limits.memory_bytes_max), reached: false },
            table: Sum { used: 0, max: size(limits.table_elements_max), reached: false },
        }
    }

    /// The name of a limit that the instance has run into.
    pub(super) fn reached(&self) -> Option<&'static str> {
        let named = [(&self.memory, "memory_bytes_max"), (&self.table, "table_elements_max")];
        named.into_iter().find(|(sum, _)| sum.reached).map(|(_, name)| name)
    }
}

impl Usage {
    /// So many instances.
    pub fn instances(&self) -> u64 {
        self.instances.load(Ordering::Relaxed)
    }

    /// Bytes of their linear memories.
    pub fn memory_bytes(&self) -> u64 {
        self.memory_bytes.load(Ordering::Relaxed)
    }
}

impl Drop for Bounds {
    fn drop(&mut self) {
        self.usage.instances.fetch_sub(1, Ordering::Relaxed);
        self.usage.memory_bytes.fetch_sub(self.memory.used as u64, Ordering::Relaxed);
    }
}

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let before = self.memory.used;
        let within = self.memory.grow(current, desired);
        self.usage.memory_bytes.fetch_add((self.memory.used - before) as u64, Ordering::Relaxed);
        Ok(within)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }
}
