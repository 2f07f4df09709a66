//! [`Progress`]: how far a run is and where its time goes, readable from another thread while it goes on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use udf_runtime::{RowFailure, Spent};

/// Counters of one run, one set for each stage that users wait for, and remarks for them.
#[derive(Debug, Default)]
pub struct Progress {
    stages: Mutex<Vec<Arc<StageProgress>>>,
    remarks: Mutex<Vec<String>>,
    mixed: AtomicBool,
}

/// What one stage did so far.
#[derive(Debug)]
pub struct StageProgress {
    name: String,
    total: Option<u64>,
    rows: AtomicU64,
    kept: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<RowFailure>>,
    times: [AtomicU64; 5],
}

/// Where a stage's time went; the parts overlap, because reading, computing and writing go on side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// Waiting for rows of the input.
    pub reading: Duration,
    /// Between columns and the function's values.
    pub converting: Duration,
    /// In the function, all workers together.
    pub calling: Duration,
    /// Waiting for answers, with nothing else to do.
    pub waiting: Duration,
    /// Making results durable.
    pub writing: Duration,
}

impl Progress {
    /// The stages that have started, in their order.
    #[must_use]
    pub fn stages(&self) -> Vec<Arc<StageProgress>> {
        self.stages.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What users should know about the run, in order: whole lines.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Some results were computed by earlier code, which failed: what is made of them is made of two codes.
    pub(crate) fn takes_over(&self) {
        self.mixed.store(true, Ordering::Relaxed);
    }

    /// Whether results of earlier code were taken over.
    pub(crate) fn is_mixed(&self) -> bool {
        self.mixed.load(Ordering::Relaxed)
    }

    pub(crate) fn start(&self, name: &str, total: Option<usize>) -> Arc<StageProgress> {
        let stage = Arc::new(StageProgress {
            name: name.to_owned(),
            total: total.map(|total| total as u64),
            rows: AtomicU64::new(0),
            kept: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failures: Mutex::default(),
            times: Default::default(),
        });
        let mut stages = self.stages.lock().unwrap_or_else(PoisonError::into_inner);
        stages.push(Arc::clone(&stage));
        stage
    }

    pub(crate) fn tell(&self, remark: String) {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).push(remark);
    }
}

impl StageProgress {
    /// The stage's name, as in `map encode`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Rows of its input, when that is known before.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Rows of its input done so far, with those whose results were at hand.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Rows whose results were at hand.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.kept.load(Ordering::Relaxed)
    }

    /// Rows that failed and were allowed to.
    #[must_use]
    pub fn failed_rows(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// These rows with what was raised; their number is that of the input row.
    #[must_use]
    pub fn failures(&self) -> Vec<RowFailure> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where the time went so far.
    #[must_use]
    pub fn times(&self) -> Times {
        let [reading, converting, calling, waiting, writing] =
            [0, 1, 2, 3, 4].map(|at| Duration::from_nanos(self.times[at].load(Ordering::Relaxed)));
        Times { reading, converting, calling, waiting, writing }
    }

    pub(crate) fn add(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn add_kept(&self, rows: usize) {
        self.add(rows);
        self.kept.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self, failures: impl Iterator<Item = RowFailure>) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(failures);
        self.failed.store(all.len() as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self, took: Duration) {
        self.took(0, took);
    }

    pub(crate) fn spent(&self, spent: Spent) {
        self.took(1, spent.converting);
        self.took(2, spent.calling);
    }

    pub(crate) fn waited(&self, took: Duration) {
        self.took(3, took);
    }

    pub(crate) fn wrote(&self, took: Duration) {
        self.took(4, took);
    }

    fn took(&self, at: usize, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.times[at].fetch_add(nanos, Ordering::Relaxed);
    }
}
