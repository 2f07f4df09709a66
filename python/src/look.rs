//! [`look`]: has the thread that hears signals look for them now, rather than with its next tick.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use tokio::sync::Notify;

/// How many waits of the main thread are under way; others hear no signals.
static WAITS: AtomicUsize = AtomicUsize::new(0);

/// How often it was asked to look, and up to which of these it did.
static ASKED: AtomicU64 = AtomicU64::new(0);
static ANSWERED: AtomicU64 = AtomicU64::new(0);

/// When a run was stopped last.
static STOPPED: Mutex<Option<Instant>> = Mutex::new(None);

static ASKS: Notify = Notify::const_new();
static ANSWERS: Notify = Notify::const_new();

/// How long what a signal stopped may take to be gone.
const STOPPING: Duration = Duration::from_secs(1);

/// Returns once the main thread has looked for signals, if it waits for a run. If a signal stops that run, what waits
/// here is dropped with it.
pub(crate) async fn look() {
    let ask = ASKED.fetch_add(1, Ordering::AcqRel) + 1;
    loop {
        let answer = ANSWERS.notified();
        if ANSWERED.load(Ordering::Acquire) >= ask {
            return;
        }
        if WAITS.load(Ordering::Acquire) == 0 {
            // Perhaps it is this run that was stopped just now, and about to be dropped.
            let stopped = *STOPPED.lock().unwrap_or_else(PoisonError::into_inner);
            if stopped.is_some_and(|stopped| stopped.elapsed() < STOPPING) {
                tokio::time::sleep(STOPPING).await;
            }
            return;
        }
        ASKS.notify_one();
        answer.await;
    }
}

/// A wait of a thread.
pub(crate) struct Looking {
    /// Whether it is the thread that hears signals.
    hears: bool,
    /// Whether the run is stopped.
    stops: Cell<bool>,
}

impl Looking {
    pub(crate) fn start(py: Python<'_>) -> PyResult<Self> {
        let threading = py.import("threading")?;
        let this = threading.call_method0("current_thread")?;
        let hears = this.is(&threading.call_method0("main_thread")?);
        WAITS.fetch_add(usize::from(hears), Ordering::AcqRel);
        Ok(Self { hears, stops: Cell::new(false) })
    }

    /// Returns when somebody asks.
    pub(crate) fn asked(&self) -> impl Future<Output = ()> + use<> {
        let hears = self.hears;
        async move {
            if hears {
                ASKS.notified().await;
            } else {
                std::future::pending().await
            }
        }
    }

    /// Runs signal handlers.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        let asked = ASKED.load(Ordering::Acquire);
        py.check_signals()?;
        self.answer(asked);
        Ok(())
    }

    /// The run is about to be dropped.
    pub(crate) fn stop(&self) {
        self.stops.set(true);
        *STOPPED.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn answer(&self, asked: u64) {
        if self.hears {
            ANSWERED.fetch_max(asked, Ordering::AcqRel);
            ANSWERS.notify_waiters();
        }
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        WAITS.fetch_sub(usize::from(self.hears), Ordering::AcqRel);
        if self.stops.get() {
            ANSWERS.notify_waiters();
        } else {
            self.answer(ASKED.load(Ordering::Acquire));
        }
    }
}
