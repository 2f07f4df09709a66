//! [`Samples`]: what is guessed of the columns of large versions, from a few of their rows, for whoever chooses how to join.
//!
//! Rows lie in files in runs of like values, or mixed; so some runs of rows are looked at. A session looks once.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow::array::{Array, ArrayRef};
use arrow::compute::{SortOptions, sort_to_indices};
use arrow::datatypes::DataType;
use datafusion::common::hash_utils::{RandomState, create_hashes};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Result, ScalarValue};
use datafusion::logical_expr::interval_arithmetic::Interval;

use super::dataset::Leaf;

/// Of versions with fewer rows nothing is asked: a join holds one side of these whatever is in them.
pub(super) const LEAST_ROWS: usize = 128 << 10;

/// What is looked at: so many runs, of so many rows.
pub(super) const RUNS: usize = 8;
pub(super) const RUN_ROWS: usize = 256;

/// Columns of more versions are not kept.
const MOST_COLUMNS: usize = 10_000;

/// By the version's id and the path of the column.
type Known = HashMap<(String, Vec<String>), ColumnStatistics>;

/// What a session knows.
#[derive(Debug, Default)]
pub(crate) struct Samples(Mutex<Known>);

impl Samples {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the column, if it was looked at.
    pub(super) fn of(&self, version: &str, leaf: &Leaf) -> Option<ColumnStatistics> {
        self.known().get(&(version.to_owned(), leaf.path.clone())).cloned()
    }

    /// The leaves that something can be told of and that nobody has looked at.
    pub(super) fn unknown(&self, version: &str, leaves: &[Leaf]) -> Vec<Leaf> {
        let leaves = leaves.iter().filter(|leaf| !leaf.is_sys() && is_ordered(leaf));
        leaves.filter(|leaf| self.of(version, leaf).is_none()).cloned().collect()
    }

    /// Keeps what the runs of a column's values tell of all its `rows`.
    pub(super) fn keep(
        &self,
        version: &str,
        leaf: &Leaf,
        values: &ArrayRef,
        rows: usize,
    ) -> Result<()> {
        let statistics = guessed(values, rows)?;
        let mut known = self.known();
        if known.len() >= MOST_COLUMNS {
            known.clear();
        }
        known.insert((version.to_owned(), leaf.path.clone()), statistics);
        Ok(())
    }
}

/// Whether the least and the greatest value say something, and values take little to read.
fn is_ordered(leaf: &Leaf) -> bool {
    let kind = leaf.field.data_type();
    kind.is_integer()
        || matches!(
            kind,
            DataType::Date32
                | DataType::Date64
                | DataType::Timestamp(..)
                | DataType::Decimal128(..)
        )
}

fn guessed(values: &ArrayRef, rows: usize) -> Result<ColumnStatistics> {
    let mut guessed = ColumnStatistics::new_unknown();
    if values.null_count() == values.len() {
        return Ok(guessed);
    }
    guessed.min_value = Precision::Inexact(first(values, false)?);
    guessed.max_value = Precision::Inexact(first(values, true)?);
    guessed.null_count = Precision::Inexact(values.null_count() * rows / values.len());
    let between = between(&guessed).unwrap_or(usize::MAX);
    guessed.distinct_count = Precision::Inexact(distinct(values, rows)?.min(between));
    Ok(guessed)
}

/// How many values there can be from the least to the greatest.
fn between(guessed: &ColumnStatistics) -> Option<usize> {
    let ends = (guessed.min_value.get_value()?, guessed.max_value.get_value()?);
    let between = Interval::try_new(ends.0.clone(), ends.1.clone()).ok()?.cardinality()?;
    usize::try_from(between).ok()
}

/// The least or the greatest value.
fn first(values: &ArrayRef, descending: bool) -> Result<ScalarValue> {
    let options = SortOptions { descending, nulls_first: false };
    let first = sort_to_indices(values, Some(options), Some(1))?;
    ScalarValue::try_from_array(values, first.value(0) as usize)
}

/// About how many different values there are in all rows.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is a guess"
)]
fn distinct(values: &ArrayRef, rows: usize) -> Result<usize> {
    let mut hashes = vec![0; values.len()];
    create_hashes([values], &RandomState::default(), &mut hashes)?;
    let (mut all, mut of_runs, mut seen) = (HashSet::new(), 0, 0_u32);
    for (run, hashes) in hashes.chunks(RUN_ROWS).enumerate() {
        let places = run * RUN_ROWS..;
        let there = places.zip(hashes).filter(|(at, _)| values.is_valid(*at));
        let run: HashSet<u64> = there.inspect(|_| seen += 1).map(|(_, hash)| *hash).collect();
        of_runs += run.len();
        all.extend(run);
    }
    // As if each value stood once in each run that it is in.
    let most = rows as f64 * of_runs as f64 / f64::from(seen.max(1));
    Ok(drawn_from(of_runs as f64, all.len() as f64, most) as usize)
}

/// Of how many values `draws` show `seen` different ones; at most `most`.
fn drawn_from(draws: f64, seen: f64, most: f64) -> f64 {
    let shown = |values: f64| values * (1.0 - (-draws / values).exp());
    let (mut low, mut high) = (seen, most.max(seen));
    if shown(high) <= seen {
        return high;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if shown(middle) < seen { low = middle } else { high = middle }
    }
    high
}

#[cfg(test)]
mod tests;
