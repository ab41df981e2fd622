//! What one instance may allocate: its linear memories and its tables, each summed over the whole instance.
//!
//! wasmtime's own `StoreLimits` bounds each memory by itself; a component may have many. Growth beyond the bound fails in the
//! guest as it would on a machine without memory; most guests trap then, which costs them their instance and nobody else anything.

use crate::config::{ComponentLimits, size};
use wasmtime::ResourceLimiter;

/// The sums so far and their bounds.
pub(super) struct Bounds {
    memory: Sum,
    table: Sum,
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
    pub(super) fn new(limits: &ComponentLimits) -> Self {
        Self {
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

impl ResourceLimiter for Bounds {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.memory.grow(current, desired))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.table.grow(current, desired))
    }
}
