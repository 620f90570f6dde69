//! The allocator of this room's tests: the program's, with a switch, so that a test can show what it is for.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use zeroizing_alloc::ZeroAlloc;

#[global_allocator]
static SWITCHED: Switched = Switched;

static WIPES: AtomicBool = AtomicBool::new(true);

/// From now on freed memory keeps what it held, as it does in an ordinary program.
pub(super) fn stop_wiping() {
    WIPES.store(false, Ordering::SeqCst);
}

struct Switched;

// SAFETY: each call goes to one of two allocators that share one heap, with the arguments it came with.
#[expect(unsafe_code, reason = "the trait of allocators is unsafe; this one exists in tests alone")]
unsafe impl GlobalAlloc for Switched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if WIPES.load(Ordering::Relaxed) {
            unsafe { ZeroAlloc(System).dealloc(pointer, layout) }
        } else {
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}
