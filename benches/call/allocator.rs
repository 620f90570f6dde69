//! What wiping freed memory costs: the program's allocator with a switch, so that both are measured in one run.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use zeroizing_alloc::ZeroAlloc;

use crate::Arms;
use crate::table::{batch, micros, percentile, ratio, say};

/// Rounds; in each, both run a batch.
const ROUNDS: usize = 100;

#[global_allocator]
static SWITCHED: Switched = Switched;

/// As the program runs, unless it is switched off.
static WIPES: AtomicBool = AtomicBool::new(true);

struct Switched;

// SAFETY: each call goes to one of two allocators that share one heap, with the arguments it came with.
#[expect(unsafe_code, reason = "the trait of allocators is unsafe; this one exists in benches alone")]
unsafe impl GlobalAlloc for Switched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if WIPES.load(Ordering::Relaxed) {
            unsafe { ZeroAlloc(System).dealloc(pointer, layout) }
        } else {
            unsafe { System.dealloc(pointer, layout) }
        }
    }

    /// Wiping forbids growth in place: that is a part of its cost.
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if WIPES.load(Ordering::Relaxed) {
            unsafe { ZeroAlloc(System).realloc(pointer, layout, size) }
        } else {
            unsafe { System.realloc(pointer, layout, size) }
        }
    }
}

/// Measures and prints.
pub(crate) fn print(runtime: &Runtime, arms: &Arms) {
    let mut samples: [Vec<Duration>; 2] = Default::default();
    for _ in 0..ROUNDS {
        for (wipes, samples) in [false, true].into_iter().zip(&mut samples) {
            WIPES.store(wipes, Ordering::Relaxed);
            batch(runtime, samples, || arms.unsynced.call("get"));
        }
    }
    let [plain, wiping] = samples.each_mut().map(|arm| percentile(arm, 50));
    say("\n| whole hallway, log not synced | p50 µs | × without wiping |");
    say("|---|---|---|");
    say(&format!("| freed memory left as it is | {:.1} | 1.000 |", micros(plain)));
    say(&format!("| freed memory wiped | {:.1} | {:.3} |", micros(wiping), ratio(wiping, plain)));
}
