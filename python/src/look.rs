//! [`look`]: has the thread that hears signals look for them now, rather than with its next tick.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use pyo3::prelude::*;
use tokio::sync::Notify;

/// How many waits of the main thread are under way; others hear no signals.
static WAITS: AtomicUsize = AtomicUsize::new(0);

/// How often it was asked to look, and up to which of these it did.
static ASKED: AtomicU64 = AtomicU64::new(0);
static ANSWERED: AtomicU64 = AtomicU64::new(0);

static ASKS: Notify = Notify::const_new();
static ANSWERS: Notify = Notify::const_new();

/// Returns once the main thread has looked for signals, if it waits for a run. If a signal stops that run, what waits
/// here is dropped with it.
pub(crate) async fn look() {
    let ask = ASKED.fetch_add(1, Ordering::AcqRel) + 1;
    loop {
        let answer = ANSWERS.notified();
        if WAITS.load(Ordering::Acquire) == 0 || ANSWERED.load(Ordering::Acquire) >= ask {
            return;
        }
        ASKS.notify_one();
        answer.await;
    }
}

/// A wait of a thread, which may be the one that hears signals.
pub(crate) struct Looking(bool);

impl Looking {
    pub(crate) fn start(py: Python<'_>) -> PyResult<Self> {
        let threading = py.import("threading")?;
        let this = threading.call_method0("current_thread")?;
        let hears = this.is(&threading.call_method0("main_thread")?);
        WAITS.fetch_add(usize::from(hears), Ordering::AcqRel);
        Ok(Self(hears))
    }

    /// Returns when somebody asks.
    pub(crate) async fn asked(&self) {
        if self.0 {
            ASKS.notified().await;
        } else {
            std::future::pending().await
        }
    }

    /// Runs signal handlers.
    pub(crate) fn check(&self, py: Python<'_>) -> PyResult<()> {
        let asked = ASKED.load(Ordering::Acquire);
        py.check_signals()?;
        if self.0 {
            ANSWERED.fetch_max(asked, Ordering::AcqRel);
            ANSWERS.notify_waiters();
        }
        Ok(())
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        WAITS.fetch_sub(usize::from(self.0), Ordering::AcqRel);
        ANSWERS.notify_waiters();
    }
}
