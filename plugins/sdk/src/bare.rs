//! What a guest without `std` has to bring itself: an allocator, the canonical ABI's `realloc`, a panic handler.
#![expect(unsafe_code, reason = "the canonical ABI and the allocator are raw memory")]

use alloc::alloc::{Layout, alloc, realloc};
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use crate::bindings::claviger::plugin::log;

// `memcpy` and its kin, which `core` expects to find. Only these few functions of the C library end up in the component.
#[link(name = "c")]
unsafe extern "C" {}

#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

/// The longest panic line told to the operator, in bytes. It is on the stack, because a panic may be for want of memory.
const PANIC_LINE: usize = 512;

/// The canonical ABI's allocator: the host asks for room here before it writes an argument or a result.
///
/// # Safety
/// `old` must come from this function with the same `old_len` and `align`, as the canonical ABI has it.
#[unsafe(export_name = "cabi_realloc")]
unsafe extern "C" fn cabi_realloc(old: *mut u8, old_len: usize, align: usize, new_len: usize) -> *mut u8 {
    if old_len == 0 && new_len == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    let size = if old_len == 0 { new_len } else { old_len };
    let Ok(layout) = Layout::from_size_align(size, align) else { core::arch::wasm32::unreachable() };
    // SAFETY: the layout has a size that is not zero; `old` has it when there is an `old`.
    let new = unsafe { if old_len == 0 { alloc(layout) } else { realloc(old, layout, new_len) } };
    if new.is_null() { core::arch::wasm32::unreachable() } else { new }
}

/// Tells the operator where it broke, then traps. The host bounds and escapes the line.
#[panic_handler]
fn panicked(info: &PanicInfo<'_>) -> ! {
    let mut line = Line { bytes: [0; PANIC_LINE], used: 0 };
    // A line that does not fit is told as far as it does.
    let _cut = write!(line, "{info}");
    log::write(log::Level::Error, line.text());
    core::arch::wasm32::unreachable()
}

struct Line {
    bytes: [u8; PANIC_LINE],
    used: usize,
}

impl Line {
    fn text(&self) -> &str {
        self.bytes.get(..self.used).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.used.saturating_add(text.len());
        let place = self.bytes.get_mut(self.used..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.used = end;
        Ok(())
    }
}
