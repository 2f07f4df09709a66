//! [`RowRange`]: consecutive rows of a version, as one partition reads them.
//!
//! Rows are counted without those that are masked. Where these are is looked up only when a range is read.

use std::ops::Range;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use futures::{StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::scanner::FragmentSlice;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::Fragment;

use super::ranges::{Slice, ranges};

/// Fragments whose masks are read at once.
pub(super) const MASKS_AT_ONCE: usize = 16;

/// A fragment, and which of its rows there are.
#[derive(Clone, Debug)]
pub(super) struct Part {
    fragment: u32,
    rows: usize,
    counted: Counted,
}

/// Which rows of a fragment count.
#[derive(Clone, Debug)]
enum Counted {
    All,
    /// Those that the version does not mask.
    Unmasked,
    /// Those with these offsets, which grow; none is masked.
    Only(Arc<[u32]>),
}

impl Part {
    /// All rows that are not masked.
    pub(super) fn whole(fragment: &Fragment) -> Result<Self> {
        let Some(rows) = fragment.num_rows() else {
            return internal_err!("fragment {} has no row count", fragment.id);
        };
        let is_masked = fragment.deletion_file.is_some();
        let counted = if is_masked { Counted::Unmasked } else { Counted::All };
        Ok(Self { fragment: number(fragment)?, rows, counted })
    }

    /// The rows with these offsets, which grow; none is masked.
    pub(super) fn only(fragment: &Fragment, offsets: Vec<u32>) -> Result<Self> {
        let (fragment, rows) = (number(fragment)?, offsets.len());
        Ok(Self { fragment, rows, counted: Counted::Only(offsets.into()) })
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }
}

fn number(fragment: &Fragment) -> Result<u32> {
    u32::try_from(fragment.id).map_err(|error| DataFusionError::External(error.into()))
}

/// Consecutive rows of consecutive fragments.
#[derive(Clone, Debug)]
pub(super) struct RowRange(Vec<FragmentRows>);

/// Consecutive rows of a fragment; there is at least one.
#[derive(Clone, Debug)]
struct FragmentRows {
    fragment: u32,
    start: usize,
    rows: usize,
    counted: Counted,
}

/// Cuts these of all rows into at most `target` consecutive ranges of about the same height.
pub(super) fn row_ranges(parts: &[Part], target: usize, rows: Range<usize>) -> Vec<RowRange> {
    let heights: Vec<usize> = parts.iter().map(|part| part.rows).collect();
    let range = |slices: Vec<Slice>| {
        let rows = slices.into_iter().map(|Slice { part, start, rows }| {
            let Part { fragment, counted, .. } = parts[part].clone();
            FragmentRows { fragment, start, rows, counted }
        });
        RowRange(rows.collect())
    };
    ranges(&heights, target, rows).into_iter().map(range).collect()
}

impl RowRange {
    /// So many runs of so many rows, from the first row to the last.
    pub(super) fn spread(parts: &[Part], runs: usize, rows: usize) -> Self {
        let all: usize = parts.iter().map(Part::rows).sum();
        let step = all.saturating_sub(rows) / (runs - 1).max(1);
        let runs = (0..runs).map(|run| run * step..run * step + rows);
        let runs = runs.flat_map(|run| row_ranges(parts, 1, run));
        Self(runs.flat_map(|range| range.0).collect())
    }

    pub(super) fn rows(&self) -> usize {
        self.0.iter().map(|part| part.rows).sum()
    }

    /// Whether some of the rows in its fragments are masked.
    pub(super) fn is_masked(&self) -> bool {
        self.0.iter().any(|part| matches!(part.counted, Counted::Unmasked))
    }

    /// Its first rows, or all when it has fewer.
    pub(super) fn first(&self, rows: usize) -> Self {
        let mut left = rows;
        let cut = |part: &FragmentRows| {
            let rows = part.rows.min(left);
            left -= rows;
            FragmentRows { rows, ..part.clone() }
        };
        Self(self.0.iter().map(cut).filter(|part| part.rows > 0).collect())
    }

    /// Fragment, first row and how many, of each of its parts.
    pub(super) fn places(&self) -> Vec<(u32, usize, usize)> {
        self.0.iter().map(|part| (part.fragment, part.start, part.rows)).collect()
    }

    /// The fragments that hold it.
    pub(super) fn fragments(&self, dataset: &Dataset) -> Vec<Fragment> {
        let mut numbers: Vec<u32> = self.0.iter().map(|part| part.fragment).collect();
        numbers.dedup();
        let fragment =
            |number: u32| Some(dataset.get_fragment(number as usize)?.metadata().clone());
        numbers.into_iter().filter_map(fragment).collect()
    }

    /// Where it lies in these.
    pub(super) async fn slices(&self, dataset: &Dataset) -> lance::Result<Vec<FragmentSlice>> {
        let slices: Vec<_> = self.0.iter().map(|part| part.slices(dataset)).collect();
        let slices: Vec<_> = stream::iter(slices).buffered(MASKS_AT_ONCE).try_collect().await?;
        Ok(slices.concat())
    }
}

impl FragmentRows {
    async fn slices(&self, dataset: &Dataset) -> lance::Result<Vec<FragmentSlice>> {
        let rows = self.start..self.start + self.rows;
        if let Counted::Only(offsets) = &self.counted {
            let runs = offsets[rows].chunk_by(|one, next| one + 1 == *next);
            return Ok(runs.map(|run| self.slice(run[0] as usize, run.len())).collect());
        }
        if matches!(self.counted, Counted::Unmasked)
            && let Some(fragment) = dataset.get_fragment(self.fragment as usize)
            && let Some(masked) = fragment.get_deletion_vector().await?
        {
            let rows = among_masked(&masked, &rows);
            return Ok(vec![self.slice(rows.start, rows.len())]);
        }
        Ok(vec![self.slice(rows.start, rows.len())])
    }

    fn slice(&self, start: usize, rows: usize) -> FragmentSlice {
        let (row_offset, row_count) = (start as u64, rows as u64);
        FragmentSlice { fragment_id: self.fragment, row_offset, row_count }
    }
}

/// Where rows are when those that are masked are counted too; it begins and ends with one that is not.
fn among_masked(masked: &DeletionVector, rows: &Range<usize>) -> Range<usize> {
    let place = |row: usize| {
        let before = masked
            .to_sorted_iter()
            .zip(0..)
            .take_while(|(at, skipped)| *at as usize <= row + skipped);
        row + before.count()
    };
    place(rows.start)..place(rows.end - 1) + 1
}

#[cfg(test)]
mod tests;
