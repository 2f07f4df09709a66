//! The allocator: mimalloc, told to keep freed memory for a while.
//!
//! Scans free and take large buffers all the time; with the system's allocator each of them pays page faults again.
//! Transparent huge pages are off: on virtual machines the fault of one was measured at 5 ms, which made reading a
//! million rows four times slower than with plain pages, and up to 1.4 times faster when they were warm.

#![expect(unsafe_code, reason = "the option is set through mimalloc's C interface")]

use std::ffi::{c_int, c_long};

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h.
const PURGE_DELAY: c_int = 15;

/// How long freed memory stays with the process.
const PURGE_DELAY_MILLIS: c_long = 5_000;

/// The same below a ceiling: what stays counts.
const SHORT_DELAY_MILLIS: c_long = 10;

/// Sets the options.
pub(crate) fn configure() {
    let delay = if engine::has_ceiling() { SHORT_DELAY_MILLIS } else { PURGE_DELAY_MILLIS };
    // SAFETY: the function takes two integers and may be called at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, delay) }
}
