//! [`Stop`]: how a running function learns that nobody waits for its results, and how a process waits for its functions
//! before it ends.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::process;

/// Set when the consumer of a function's results is gone. Functions look at it between rows.
#[derive(Clone, Default)]
pub struct Stop {
    set: Arc<AtomicBool>,
    pulse: Option<Pulse>,
}

/// Hears of each row before it is computed.
type Pulse = Arc<dyn Fn(usize) + Send + Sync>;

/// Set once, when the process ends.
static ENDING: AtomicBool = AtomicBool::new(false);

/// How many functions run, and a bell that rings when one ends.
static RUNNING: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Stop {
    /// A stop that is never set, whose rows are told to `pulse`.
    pub(crate) fn with_pulse(pulse: impl Fn(usize) + Send + Sync + 'static) -> Self {
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
        if let Some(pulse) = &self.pulse {
            pulse(row);
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

/// Whether the process is about to end.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}

/// Tells all functions of the process to stop and waits until they have, at most `patience`; ends all its workers.
/// For the end of a process whose language runtime must not be entered while it is torn down. Whether all have stopped.
pub fn stop_all(patience: Duration) -> bool {
    ENDING.store(true, Ordering::Relaxed);
    let deadline = Instant::now() + patience;
    let running = RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner);
    let waited = RUNNING.1.wait_timeout_while(running, patience, |running| *running > 0);
    let (running, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
    drop(running);
    process::end_all(deadline.saturating_duration_since(Instant::now()));
    !timed_out.timed_out()
}

/// For a forked child, which has none of its parent's threads. Its parent's workers stay its parent's.
pub fn forget_all() {
    *RUNNING.0.lock().unwrap_or_else(PoisonError::into_inner) = 0;
}
