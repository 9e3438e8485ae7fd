//! An allocator that counts, for each thread by itself: tests that run side by side do not disturb each other.
#![expect(unsafe_code, reason = "a counting allocator has to be one")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, with a count of what each thread takes.
#[derive(Debug, Clone, Copy)]
pub struct Counting;

/// What a piece of work took from the allocator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// How often memory was taken, or moved to grow.
    pub n_allocations: usize,
    /// The most bytes that were held at a time, above those held before.
    pub peak_bytes: usize,
}

thread_local! {
    static N_ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    /// Below zero where a thread gives back what it took before the count began, or what another took.
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

/// Runs something on this thread; what it leaves to other threads is not in the count.
///
/// The allocator of the program must be [`Counting`], or all counts are zero.
pub fn measure<T>(f: impl FnOnce() -> T) -> (T, Usage) {
    let n_before = N_ALLOCATIONS.get();
    LIVE.set(0);
    PEAK.set(0);
    let result = f();
    let usage = Usage { n_allocations: N_ALLOCATIONS.get() - n_before, peak_bytes: PEAK.get().unsigned_abs() };
    (result, usage)
}

fn take(bytes: usize) {
    N_ALLOCATIONS.set(N_ALLOCATIONS.get() + 1);
    change(bytes.cast_signed());
}

/// No size is above `isize::MAX`; the sum is of what memory holds, and it must not panic in here.
fn change(bytes: isize) {
    let live = LIVE.get().wrapping_add(bytes);
    LIVE.set(live);
    PEAK.set(PEAK.get().max(live));
}

// SAFETY: every call goes to the system's allocator unchanged. The counters are constants without
// destructors, so to use them allocates nothing and is allowed at any time of a thread's life.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        take(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        change(-layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        take(new_size);
        change(-layout.size().cast_signed());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.realloc(pointer, layout, new_size) }
    }
}
