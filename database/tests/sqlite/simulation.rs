//! A simulated disk under the real engine: it forgets what was not synced when the power is cut, and fails when told to.
//!
//! Only what SQLite asks of a file system is simulated; the engine and SQLite above it are the real ones. All is kept in
//! memory, and within one process.

/// One file: what programs see, what is on the platter, and what lies in between.
mod cached;
/// The directory, the power switch and the faults.
pub(crate) mod device;
/// Locks on a database and its shared memory.
mod locks;
/// The way into SQLite.
pub(crate) mod vfs;
