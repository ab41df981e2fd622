//! What the C library keeps of memory that nobody uses any more: as little as can be had without slowing requests down.

/// From this size on a piece of memory is the system's again once it is let go. The C library has such a bound, too, but raises it to the
/// largest piece that was ever let go, and then keeps what files, code and bodies of some MiB took: after fifty swaps 47 MiB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const RETURNED_FROM_BYTES: i32 = 1 << 20;

/// To be called once, at the start.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn keep_little() {
    // SAFETY: it sets a number of the allocator, under the allocator's own lock.
    let is_set = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, RETURNED_FROM_BYTES) };
    if is_set != 1 {
        tracing::debug!("the allocator keeps as much as it likes");
    }
}

/// Gives back what compiling took: hundreds of MiB in small pieces, which the C library keeps for itself. 217 MiB are resident after a first start
/// without this, 88 with it. Every thread that allocates waits meanwhile, a tenth of a second and more.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn give_back() {
    // SAFETY: it looks at the allocator's own lists only, under the allocator's own locks, and nothing that is in use moves.
    let _gave_some = unsafe { libc::malloc_trim(0) };
}

/// Other C libraries keep less, or have no way to be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn keep_little() {}

/// Other C libraries keep less, or have no way to be told.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}
