//! The heap of a service: lists of free pieces, one for each size, in front of the target's own allocator.
//!
//! A request makes some sixty small allocations and gives them all back. The target's allocator spends over a third of
//! the guest's instructions on them, in six calls a pair, each with the checks that a sandbox adds to a call. Taking a piece
//! off a list and putting it back is a dozen instructions.
//!
//! A piece stays with its size for ever, so what an instance holds is the sum of what each size needed at its peak. That
//! is little, and an instance lives for a bounded number of requests.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, UnsafeCell};
use std::ptr::null_mut;

/// Sizes are rounded up to a multiple of this, which is also the alignment of every piece.
const STEP: usize = 16;
/// Larger pieces are bodies and tables: rare, and the target's allocator reuses their memory for other sizes.
const PIECE_BYTES_MAX: usize = 2048;
/// What is asked of the target's allocator at once, to be cut into pieces.
const CHUNK_BYTES: usize = 16 * 1024;

/// The allocator. For one thread: it must not be shared, and a component has only one.
pub(crate) struct Heap {
    /// For each size the first free piece; each holds the address of the next.
    free: UnsafeCell<[*mut Piece; PIECE_BYTES_MAX / STEP]>,
    /// What is left of the chunk that is being cut.
    rest: Cell<*mut u8>,
    rest_bytes: Cell<usize>,
}

struct Piece {
    next: *mut Piece,
}

// SAFETY: without the feature `atomics` the target has no threads, so nobody shares it.
#[cfg(all(target_family = "wasm", not(target_feature = "atomics")))]
unsafe impl Sync for Heap {}

impl Heap {
    /// Without any memory.
    pub(crate) const fn new() -> Self {
        Self {
            free: UnsafeCell::new([null_mut(); PIECE_BYTES_MAX / STEP]),
            rest: Cell::new(null_mut()),
            rest_bytes: Cell::new(0),
        }
    }

    /// Cuts a piece of this size off the chunk, or off a new one. What remains of the old one is lost: less than a piece.
    #[cold]
    fn cut(&self, bytes: usize) -> *mut u8 {
        if self.rest_bytes.get() < bytes {
            // SAFETY: the alignment is a power of two, and the size is not zero.
            let chunk = unsafe { System.alloc(Layout::from_size_align_unchecked(CHUNK_BYTES, STEP)) };
            if chunk.is_null() {
                return chunk;
            }
            self.rest.set(chunk);
            self.rest_bytes.set(CHUNK_BYTES);
        }
        let piece = self.rest.get();
        self.rest_bytes.update(|left| left - bytes);
        // SAFETY: the chunk has at least `bytes` left from here.
        self.rest.set(unsafe { piece.add(bytes) });
        piece
    }
}

/// Which list serves a layout, if one does.
#[inline]
fn list(layout: Layout) -> Option<usize> {
    // Nobody asks for nothing; if so, the index is out of bounds as for a large piece.
    let index = layout.size().wrapping_sub(1) / STEP;
    (index < PIECE_BYTES_MAX / STEP && layout.align() <= STEP).then_some(index)
}

// SAFETY: a piece is at least as large as its layout and aligned to `STEP`, it is on a list or with a caller and never
// both, and the same layout finds the same list again. All others are the target allocator's.
unsafe impl GlobalAlloc for Heap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(index) = list(layout) else {
            // SAFETY: the caller's promise.
            return unsafe { System.alloc(layout) };
        };
        // SAFETY: one thread, and the reference ends before anything else can take one. What is on a list is a piece.
        unsafe {
            let first = &mut (*self.free.get())[index];
            if first.is_null() {
                return self.cut((index + 1) * STEP);
            }
            let piece = *first;
            *first = (*piece).next;
            piece.cast()
        }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(index) = list(layout) else {
            // SAFETY: the caller's promise, and it was the target allocator's with this layout.
            return unsafe { System.dealloc(pointer, layout) };
        };
        // SAFETY: as above; the piece is the caller's no more, and large and aligned enough for an address.
        unsafe {
            let first = &mut (*self.free.get())[index];
            #[expect(clippy::cast_ptr_alignment, reason = "every piece is aligned to STEP")]
            let piece = pointer.cast::<Piece>();
            (*piece).next = *first;
            *first = piece;
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller promises that the new size is valid with this alignment.
        let new = unsafe { Layout::from_size_align_unchecked(bytes, layout.align()) };
        match (list(layout), list(new)) {
            (Some(old), Some(new)) if old == new => pointer,
            // SAFETY: it was the target allocator's and stays there.
            (None, None) => unsafe { System.realloc(pointer, layout, bytes) },
            // SAFETY: both pieces are at least as large as what is copied, and they are two.
            _ => unsafe {
                let moved = self.alloc(new);
                if !moved.is_null() {
                    moved.copy_from_nonoverlapping(pointer, layout.size().min(bytes));
                    self.dealloc(pointer, layout);
                }
                moved
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of all sizes, taken, filled, resized and given back in an order that a small generator makes up: none overlaps
    /// another, none loses what was written into it, all are aligned.
    #[test]
    fn pieces_keep_apart() {
        let heap = Heap::new();
        let mut held: Vec<(*mut u8, Layout, u8)> = Vec::new();
        let mut state = 1u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % below
        };
        for round in 0..20_000_usize {
            let mark = u8::try_from(round % 251).unwrap();
            let layout = Layout::from_size_align(1 + random(3000), 1 << random(6)).unwrap();
            // SAFETY: layouts have a size; each pointer is used with the layout that it was got or resized with.
            unsafe {
                if held.len() < 200 || random(2) == 0 {
                    let pointer = heap.alloc(layout);
                    assert_eq!(pointer.addr() % layout.align(), 0);
                    pointer.write_bytes(mark, layout.size());
                    held.push((pointer, layout, mark));
                    continue;
                }
                let (mut pointer, mut layout, mark) = held.swap_remove(random(held.len()));
                if random(3) == 0 {
                    let bytes = 1 + random(3000);
                    pointer = heap.realloc(pointer, layout, bytes);
                    layout = Layout::from_size_align(layout.size().min(bytes), layout.align()).unwrap();
                    assert!((0..layout.size()).all(|at| *pointer.add(at) == mark));
                    layout = Layout::from_size_align(bytes, layout.align()).unwrap();
                } else {
                    assert!((0..layout.size()).all(|at| *pointer.add(at) == mark));
                }
                heap.dealloc(pointer, layout);
            }
        }
        for (pointer, layout, mark) in held {
            // SAFETY: as above.
            unsafe {
                assert!((0..layout.size()).all(|at| *pointer.add(at) == mark));
                heap.dealloc(pointer, layout);
            }
        }
    }

    #[test]
    fn a_piece_that_came_back_is_given_out_again() {
        let heap = Heap::new();
        let layout = Layout::from_size_align(100, 8).unwrap();
        // SAFETY: as above.
        unsafe {
            let first = heap.alloc(layout);
            heap.dealloc(first, layout);
            let another = Layout::from_size_align(112, 16).unwrap();
            assert_eq!(heap.alloc(another), first, "112 bytes are the same size, rounded up");
            let grown = heap.realloc(first, another, 97);
            assert_eq!(grown, first, "and so are 97");
            heap.dealloc(grown, Layout::from_size_align(97, 16).unwrap());
        }
    }
}
