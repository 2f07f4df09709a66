//! [`BatchSizer`]: how many rows a call should get.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::logical::UdfOptions;

/// A call should take about this long: long enough that handing it over costs nothing, short enough that workers end
/// together and that little is lost.
const TARGET: Duration = Duration::from_millis(50);
const FIRST_ROWS: usize = 8;
const MOST_ROWS: usize = 8192;
/// A call's arguments and its results should be no larger.
const MOST_BYTES: usize = 16 << 20;

/// The height of the next batch, learnt from those before.
#[derive(Debug)]
pub(super) struct BatchSizer {
    rows: AtomicUsize,
    fixed: bool,
    least: usize,
    most: usize,
}

impl BatchSizer {
    pub(super) fn new(options: &UdfOptions) -> Self {
        let most = (options.unit_rows / 4).clamp(1, MOST_ROWS);
        let least = options.concurrency.clamp(1, most);
        let first = FIRST_ROWS.clamp(least, most);
        let rows = options.batch_rows.unwrap_or(first).max(1);
        Self { rows: AtomicUsize::new(rows), fixed: options.batch_rows.is_some(), least, most }
    }

    /// Rows for the next batch.
    pub(super) fn rows(&self) -> usize {
        self.rows.load(Ordering::Relaxed)
    }

    /// A call for so many rows took so long; its arguments or its results, whichever are larger, had so many bytes.
    pub(super) fn learn(&self, rows: usize, bytes: usize, took: Duration) {
        if self.fixed || rows == 0 || took.is_zero() {
            return;
        }
        // At most four times as many as before: a first call may be fast by chance.
        let by_time = (rows as u128 * TARGET.as_nanos() / took.as_nanos()).min(rows as u128 * 4);
        let by_time = usize::try_from(by_time).unwrap_or(MOST_ROWS);
        let by_bytes = rows * MOST_BYTES / bytes.max(1);
        let next = by_time.min(by_bytes.max(1)).clamp(self.least, self.most);
        self.rows.store(next, Ordering::Relaxed);
    }
}
