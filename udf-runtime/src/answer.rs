//! [`Answer`]: what a function returned for one batch of arguments, or for a part of it.

use std::time::Duration;

use arrow::array::UInt32Array;
use arrow::record_batch::RecordBatch;

use crate::FunctionFailure;

/// The results for one batch of arguments. They may come in several answers, so that a call with more results than fit
/// into memory, or without an end, is no burden.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The results, one column for each that the function makes.
    pub rows: RecordBatch,
    /// For each result row the argument row that it came from, ascending; `None` when row `i` came from row `i`.
    pub origins: Option<UInt32Array>,
    /// The rows that failed and were allowed to, ascending.
    pub failures: Vec<RowFailure>,
    /// Where the time went.
    pub spent: Spent,
    /// Whether the next answer has more results for the same batch; only where there is any number of results a row.
    pub more: bool,
}

/// An argument row whose call failed, as data.
#[derive(Clone, Debug)]
pub struct RowFailure {
    /// How often the function was called for the row.
    pub attempts: u32,
    /// What was raised last, with the row.
    pub failure: FunctionFailure,
}

/// Time spent on a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Turning arguments into the function's values, and its results into columns.
    pub converting: Duration,
    /// In the user's function.
    pub calling: Duration,
}

impl Answer {
    /// One result row for each argument row, and no failures.
    #[must_use]
    pub fn one_per_row(rows: RecordBatch) -> Self {
        Self { rows, origins: None, failures: Vec::new(), spent: Spent::default(), more: false }
    }
}
