//! The allocator: mimalloc, told to keep freed memory for a while.
//!
//! Scans free and take large buffers all the time; with the system's allocator each of them pays page faults again.
//! Transparent huge pages are off: on virtual machines the fault of one was measured at 5 ms, which made reading a
//! million rows four times slower than with plain pages, and up to 1.4 times faster when they were warm.

#![expect(unsafe_code, reason = "the option is set through mimalloc's C interface")]

use std::ffi::{c_int, c_long};
use std::sync::atomic::{AtomicBool, Ordering};

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// `mi_option_purge_delay` in mimalloc.h.
const PURGE_DELAY: c_int = 15;

/// How long freed memory stays with the process.
const PURGE_DELAY_MILLIS: c_long = 5_000;

/// The same below a ceiling: it goes at once.
///
/// WHY: what waits is given back (3.3) only once a thread has asked for some thousand new blocks. Those that read and
/// write rows ask for a few large ones: the memory of each is kept, so that merges held a multiple of what they used.
const NO_DELAY_MILLIS: c_long = 0;

/// `mi_option_generic_collect` in mimalloc.h.
const COLLECT_AFTER: c_int = 34;

/// A thread gives back what others have freed of its memory after so many new blocks: ten times as often as it would.
const COLLECT_AFTER_BLOCKS: c_long = 1_000;

/// Whether a session of this process has a ceiling.
static HAS_CEILING: AtomicBool = AtomicBool::new(false);

/// Sets the options; `has_ceiling` says whether the session that is opened has one.
pub(crate) fn configure(has_ceiling: bool) {
    let has_ceiling = has_ceiling || engine::has_ceiling();
    let has_ceiling = HAS_CEILING.fetch_or(has_ceiling, Ordering::Relaxed) || has_ceiling;
    let delay = if has_ceiling { NO_DELAY_MILLIS } else { PURGE_DELAY_MILLIS };
    // SAFETY: the function takes two integers and may be called at any time.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, delay) }
    if has_ceiling {
        // SAFETY: as above.
        unsafe { libmimalloc_sys::mi_option_set(COLLECT_AFTER, COLLECT_AFTER_BLOCKS) }
    }
}
