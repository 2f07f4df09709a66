//! [`RowRange`]: consecutive rows of a version, as one partition reads them.
//!
//! Rows are counted without those that are masked. Where these are is looked up only when a range is read.

use std::ops::Range;

use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use futures::{StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::scanner::FragmentSlice;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::Fragment;

use super::ranges::ranges;

/// Fragments whose masks are read at once.
const MASKS_AT_ONCE: usize = 16;

/// Consecutive rows of consecutive fragments.
#[derive(Clone, Debug)]
pub(super) struct RowRange(Vec<FragmentRows>);

/// Consecutive rows of a fragment; there is at least one.
#[derive(Clone, Copy, Debug)]
struct FragmentRows {
    fragment: u32,
    start: usize,
    rows: usize,
    /// Whether some of the fragment's rows are masked.
    is_masked: bool,
}

/// Cuts these of all rows into at most `target` consecutive ranges of about the same height.
pub(super) fn row_ranges(
    dataset: &Dataset,
    target: usize,
    rows: Range<usize>,
) -> Result<Vec<RowRange>> {
    let (mut fragments, mut heights) = (Vec::new(), Vec::new());
    for fragment in dataset.fragments().iter() {
        let id = u32::try_from(fragment.id);
        let id = id.map_err(|error| DataFusionError::External(error.into()))?;
        let Some(rows) = fragment.num_rows() else {
            return internal_err!("fragment {id} has no row count");
        };
        fragments.push((id, fragment.deletion_file.is_some()));
        heights.push(rows);
    }
    let ranges = ranges(&heights, target, rows).into_iter().map(|range| {
        let rows = range.iter().map(|slice| {
            let (fragment, is_masked) = fragments[slice.part];
            FragmentRows { fragment, start: slice.start, rows: slice.rows, is_masked }
        });
        RowRange(rows.collect())
    });
    Ok(ranges.collect())
}

impl RowRange {
    pub(super) fn rows(&self) -> usize {
        self.0.iter().map(|part| part.rows).sum()
    }

    /// Whether some of the rows in its fragments are masked.
    pub(super) fn is_masked(&self) -> bool {
        self.0.iter().any(|part| part.is_masked)
    }

    /// Its first rows, or all when it has fewer.
    pub(super) fn first(&self, rows: usize) -> Self {
        let mut left = rows;
        let cut = |part: &FragmentRows| {
            let rows = part.rows.min(left);
            left -= rows;
            FragmentRows { rows, ..*part }
        };
        Self(self.0.iter().map(cut).filter(|part| part.rows > 0).collect())
    }

    /// The fragments that hold it.
    pub(super) fn fragments(&self, dataset: &Dataset) -> Vec<Fragment> {
        let fragment = |part: &FragmentRows| {
            Some(dataset.get_fragment(part.fragment as usize)?.metadata().clone())
        };
        self.0.iter().filter_map(fragment).collect()
    }

    /// Where it lies in these.
    pub(super) async fn slices(&self, dataset: &Dataset) -> lance::Result<Vec<FragmentSlice>> {
        let slices: Vec<_> = self.0.iter().map(|part| part.slice(dataset)).collect();
        stream::iter(slices).buffered(MASKS_AT_ONCE).try_collect().await
    }
}

impl FragmentRows {
    async fn slice(self, dataset: &Dataset) -> lance::Result<FragmentSlice> {
        let mut rows = self.start..self.start + self.rows;
        if self.is_masked
            && let Some(fragment) = dataset.get_fragment(self.fragment as usize)
            && let Some(masked) = fragment.get_deletion_vector().await?
        {
            rows = among_masked(&masked, &rows);
        }
        Ok(FragmentSlice {
            fragment_id: self.fragment,
            row_offset: rows.start as u64,
            row_count: rows.len() as u64,
        })
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
