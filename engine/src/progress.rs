//! [`Progress`]: how far a run is, readable from another thread while it goes on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Counters of one run, one per stage that users wait for.
#[derive(Debug, Default)]
pub struct Progress {
    stages: Mutex<Vec<Arc<StageProgress>>>,
}

/// Rows done by one stage.
#[derive(Debug)]
pub struct StageProgress {
    name: String,
    rows: AtomicU64,
}

impl Progress {
    /// The stages that have started, in their order.
    #[must_use]
    pub fn stages(&self) -> Vec<Arc<StageProgress>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn start(&self, name: &str) -> Arc<StageProgress> {
        let stage = Arc::new(StageProgress { name: name.to_owned(), rows: AtomicU64::new(0) });
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        stages.push(Arc::clone(&stage));
        stage
    }
}

impl StageProgress {
    /// The stage's name, as in `map encode`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows done so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    pub(crate) fn add(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }
}
