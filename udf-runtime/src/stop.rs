//! [`Stop`]: how a running function learns that nobody waits for its results, and how a process waits for its functions
//! before it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Set when the consumer of a function's results is gone. Functions look at it between rows.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

/// Set once, when the process ends.
static ENDING: AtomicBool = AtomicBool::new(false);

/// How many functions run, and a bell that rings when one ends.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Stop {
    /// Whether the function should end without another call.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed) || ENDING.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Counts a thread that runs a function for as long as it is held.
#[derive(Debug)]
pub(crate) struct Running(());

impl Running {
    pub(crate) fn start() -> Self {
        *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        RUNNING.1.notify_all();
    }
}

/// Tells all functions of the process to stop and waits until they have, at most `patience`. For the end of a
/// process whose language runtime must not be entered while it is torn down. Whether all have stopped.
pub fn stop_all(patience: Duration) -> bool {
    ENDING.store(true, Ordering::Relaxed);
    let running = RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = RUNNING.1.wait_timeout_while(running, patience, |running| *running > 0);
    !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
}

/// For a forked child, which has none of its parent's threads.
pub fn forget_all() {
    *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) = 0;
}
