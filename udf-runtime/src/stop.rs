//! [`Stop`]: how a running function learns that nobody waits for its results, and how a process waits for its functions
//! before it ends.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crate::process;

/// Set when the consumer of a function's results is gone. Functions look at it between rows.
#[derive(Clone, Default)]
pub struct Stop {
    set: Arc<AtomicBool>,
    pulse: Option<Pulse>,
}

/// Hears of rows before they are computed.
type Pulse = Arc<dyn Fn(Range<usize>) + Send + Sync>;

/// Set once, when the process ends.
static ENDING: AtomicBool = AtomicBool::new(false);

/// How many functions run, and a bell that rings when one ends.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

thread_local! {
    static OF_THIS_THREAD: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

impl Stop {
    /// That of the function to which this thread is dedicated.
    #[must_use]
    pub fn of_this_thread() -> Option<Self> {
        OF_THIS_THREAD.with_borrow(Clone::clone)
    }

    /// Dedicates this thread to the function.
    pub(crate) fn adopt_this_thread(&self) {
        OF_THIS_THREAD.set(Some(self.clone()));
    }

    /// A stop that is never set, whose rows are told to `pulse`.
    pub(crate) fn with_pulse(pulse: impl Fn(Range<usize>) + Send + Sync + 'static) -> Self {
        Self { set: Arc::default(), pulse: Some(Arc::new(pulse)) }
    }

    /// Whether the function should end without another call.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed) || is_ending()
    }

    /// The function is about to compute this row of the batch that it completes. Whoever watches over the function
    /// then knows which row kills it or takes too long.
    pub fn row(&self, row: usize) {
        self.rows(row..row + 1);
    }

    /// The same for rows that one call computes.
    pub fn rows(&self, rows: Range<usize>) {
        if let Some(pulse) = &self.pulse {
            pulse(rows);
        }
    }

    pub(crate) fn set(&self) {
        self.set.store(true, Ordering::Relaxed);
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stop").field("set", &self.is_set()).finish_non_exhaustive()
    }
}

/// Counts a thread that runs a function for as long as it is held.
#[derive(Debug)]
pub(crate) struct RunningGuard(());

impl RunningGuard {
    pub(crate) fn start() -> Self {
        *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for RunningGuard {
    fn drop(&mut self) {
        *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        RUNNING.1.notify_all();
    }
}

/// Whether the process is about to end.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Tells all functions in this process to stop and waits until they have, at most `patience`. Whether all have stopped.
/// For the end of a process whose language runtime must not be entered while it is torn down.
#[must_use]
pub fn stop_all(patience: Duration) -> bool {
    ENDING.store(true, Ordering::Relaxed);
    let running = RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = RUNNING.1.wait_timeout_while(running, patience, |running| *running > 0);
    !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
}

/// Ends all workers of the process: busy ones at once, idle ones in good order unless that takes longer than `patience`.
pub fn end_workers(patience: Duration) {
    ENDING.store(true, Ordering::Relaxed);
    process::end_all(patience);
}

/// For a forked child, which has none of its parent's threads. Its parent's workers stay its parent's.
pub fn forget_all() {
    *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) = 0;
}
