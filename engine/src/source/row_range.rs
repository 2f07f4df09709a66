//! [`RowRange`]: consecutive rows of a version, as one partition reads them.
//!
//! Rows are counted without those that are masked. Where these are is looked up only when a range is read.

use std::iter::once;
use std::ops::Range;
use std::slice;
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

    /// Its first rows, or all when it has fewer.
    pub(super) fn first(&self, rows: usize) -> Self {
        self.part(0..rows)
    }

    /// Those of its rows that are there of these, which are counted from its first row.
    pub(super) fn part(&self, rows: Range<usize>) -> Self {
        self.only(slice::from_ref(&rows))
    }

    /// Fragment, first row and how many, of each of its parts.
    pub(super) fn places(&self) -> Vec<(u32, usize, usize)> {
        self.0.iter().map(|part| (part.fragment, part.start, part.rows)).collect()
    }

    /// Those of its rows at these places, which are counted from its first row and grow.
    pub(super) fn only(&self, runs: &[Range<usize>]) -> Self {
        let (mut chosen, mut runs, mut at) = (Vec::new(), runs.iter().cloned().peekable(), 0);
        for part in &self.0 {
            let end = at + part.rows;
            while let Some(run) = runs.peek_mut().filter(|run| run.start < end) {
                let rows = run.start..run.end.min(end);
                let start = part.start + rows.start - at;
                if !rows.is_empty() {
                    chosen.push(FragmentRows { start, rows: rows.len(), ..part.clone() });
                }
                if run.end > end {
                    run.start = end;
                    break;
                }
                runs.next();
            }
            at = end;
        }
        Self(chosen)
    }

    /// Where it lies: between masked rows if these are to be left `out`, or else with those that lie between its rows.
    pub(super) async fn slices(
        &self,
        dataset: &Dataset,
        out: bool,
    ) -> lance::Result<Vec<FragmentSlice>> {
        let of_fragments = self.0.chunk_by(|one, next| one.fragment == next.fragment);
        let slices: Vec<_> = of_fragments.map(|parts| slices(parts, dataset, out)).collect();
        let slices: Vec<_> = stream::iter(slices).buffered(MASKS_AT_ONCE).try_collect().await?;
        Ok(slices.concat())
    }
}

/// Where these rows of one fragment lie.
async fn slices(
    parts: &[FragmentRows],
    dataset: &Dataset,
    out: bool,
) -> lance::Result<Vec<FragmentSlice>> {
    let is_masked = parts.iter().any(|part| matches!(part.counted, Counted::Unmasked));
    let fragment = parts.first().filter(|_| is_masked).map(|part| part.fragment as usize);
    let masked = match fragment.and_then(|fragment| dataset.get_fragment(fragment)) {
        Some(fragment) => fragment.get_deletion_vector().await?,
        None => None,
    };
    let masked = masked.map(|masked| Masked::new(&masked)).unwrap_or_default();
    Ok(parts.iter().flat_map(|part| part.slices(&masked, out)).collect())
}

impl FragmentRows {
    fn slices(&self, masked: &Masked, out: bool) -> Vec<FragmentSlice> {
        let rows = self.start..self.start + self.rows;
        match &self.counted {
            Counted::All => vec![self.slice(&rows)],
            Counted::Unmasked if out => {
                masked.between(&rows).iter().map(|rows| self.slice(rows)).collect()
            }
            Counted::Unmasked => vec![self.slice(&masked.around(&rows))],
            Counted::Only(offsets) => {
                let runs = offsets[rows].chunk_by(|one, next| one + 1 == *next);
                let run = |run: &[u32]| run[0] as usize..run[0] as usize + run.len();
                runs.map(|offsets| self.slice(&run(offsets))).collect()
            }
        }
    }

    fn slice(&self, rows: &Range<usize>) -> FragmentSlice {
        let (row_offset, row_count) = (rows.start as u64, rows.len() as u64);
        FragmentSlice { fragment_id: self.fragment, row_offset, row_count }
    }
}

/// How many rows of a fragment stand before each one that is masked, which are counted without those that are.
#[derive(Default)]
struct Masked(Vec<usize>);

impl Masked {
    fn new(masked: &DeletionVector) -> Self {
        Self(masked.to_sorted_iter().zip(0..).map(|(at, skipped)| at as usize - skipped).collect())
    }

    /// Where rows are when those that are masked are counted too; it begins and ends with one that is not.
    fn around(&self, rows: &Range<usize>) -> Range<usize> {
        let place = |row: usize| row + self.0.partition_point(|before| *before <= row);
        place(rows.start)..place(rows.end - 1) + 1
    }

    /// The same without those that are masked.
    fn between(&self, rows: &Range<usize>) -> Vec<Range<usize>> {
        let from = self.0.partition_point(|before| *before <= rows.start);
        let cuts = self.0[from..].iter().copied().take_while(|before| *before < rows.end);
        let mut cuts: Vec<usize> = once(rows.start).chain(cuts).chain(once(rows.end)).collect();
        cuts.dedup();
        cuts.windows(2).map(|ends| self.around(&(ends[0]..ends[1]))).collect()
    }
}

#[cfg(test)]
mod tests;
