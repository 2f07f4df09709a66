//! [`FilteredScan`]: the rows of a version that a condition lets through. The condition's columns are read of all rows, the
//! others only where rows are left.
//!
//! Rows that are left lie in runs. What is between two runs is read with them where that costs less than to leave it out,
//! and dropped. All columns are read together as long as nobody knows how many rows are left, and where most are.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, filter_record_batch, prep_null_mask_filter};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce::{LimitedBatchCoalescer, PushBatchStatus};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::FilterExec;
use futures::{Stream, StreamExt, TryStreamExt, stream};

use super::batch_rows::{own_bytes, row_bytes};
use super::dataset::Leaf;
use super::dataset_scan::{DatasetScan, DatasetScanExec, Reader, memory_of};
use super::narrow::Narrow;
use super::row_range::RowRange;
use super::scan::{Batches, Scan, ScanExec};
use crate::memory::Memory;

#[cfg(test)]
mod tests;

/// What is saved at best is worth it from so many bytes on.
const LEAST_BYTES: usize = 2 << 20;

/// Rows between two runs are read with them up to so many bytes.
const GAP_BYTES: usize = 16 << 10;

/// When so many rows are found or are to be read, they are read, before the condition is looked at for more.
const MOST_ROWS: usize = 256 << 10;

/// So much is read at the beginning of a partition to see how many rows are left.
const FIRST_BYTES: usize = 2 << 20;

/// The scan that takes the place of the filter and the scan below it, if that saves something.
pub(crate) fn filtered_scan(filter: &FilterExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let yielding = filter.input().downcast_ref::<CooperativeExec>();
    let input = yielding.map_or_else(|| filter.input(), CooperativeExec::input);
    let Some(scan) = input.downcast_ref::<DatasetScanExec>() else {
        return Ok(None);
    };
    let scan = FilteredScan::try_new(filter, scan.scan())?;
    if !scan.pays() {
        return Ok(None);
    }
    let scan: Arc<dyn ExecutionPlan> = Arc::new(ScanExec::new(scan));
    Ok(Some(if yielding.is_some() { Arc::new(CooperativeExec::new(scan)) } else { scan }))
}

/// What is read of a version, the condition, and which columns it leaves.
#[derive(Debug)]
struct FilteredScan {
    scan: Arc<DatasetScan>,
    condition: Arc<dyn PhysicalExpr>,
    /// What the condition reads, and which of it is left.
    first: Arc<Vec<Leaf>>,
    held: Vec<usize>,
    /// What is read of the rows that are left.
    rest: Arc<Vec<Leaf>>,
    columns: Vec<Place>,
    schema: SchemaRef,
    /// No more rows than these are wanted of a partition.
    fetch: Option<usize>,
}

/// Where a column comes from.
#[derive(Clone, Copy, Debug)]
enum Place {
    First(usize),
    Rest(usize),
}

impl FilteredScan {
    fn try_new(filter: &FilterExec, scan: &Arc<DatasetScan>) -> Result<Self> {
        let narrow = Narrow::try_new(filter.predicate())?;
        let all: Vec<usize> = (0..scan.leaves.len()).collect();
        let output = filter.projection().as_deref().unwrap_or(&all);
        let (mut held, mut rest) = (Vec::new(), Vec::new());
        let columns = output.iter().map(|at| match narrow.columns.binary_search(at) {
            Ok(at) => {
                held.push(at);
                Place::First(held.len() - 1)
            }
            Err(_) => {
                rest.push(scan.leaves[*at].clone());
                Place::Rest(rest.len() - 1)
            }
        });
        let columns = columns.collect();
        let first = narrow.columns.iter().map(|at| scan.leaves[*at].clone()).collect();
        Ok(Self {
            scan: Arc::clone(scan),
            condition: narrow.condition,
            first: Arc::new(first),
            held,
            rest: Arc::new(rest),
            columns,
            schema: filter.schema(),
            fetch: filter.fetch(),
        })
    }

    /// Whether enough is left to be read later, and something is read first.
    fn pays(&self) -> bool {
        if self.scan.kept_of.is_some() || self.first.iter().all(Leaf::is_sys) {
            return false;
        }
        let (first, rest) = (self.bytes(&self.first), self.bytes(&self.rest));
        rest >= first / 4 && rest.saturating_mul(self.scan.height()) >= LEAST_BYTES
    }

    /// What these take of each row, about.
    fn bytes(&self, leaves: &[Leaf]) -> usize {
        row_bytes(&self.scan.dataset, leaves.iter().map(|leaf| leaf.field.data_type()))
    }

    async fn open(
        self: Arc<Self>,
        partition: usize,
        memory: Memory,
        batch_rows: usize,
    ) -> Result<Batches> {
        let range = self.scan.ranges[partition].clone();
        let coalescer =
            LimitedBatchCoalescer::new(Arc::clone(&self.schema), batch_rows, self.fetch);
        let rows = match self.bytes(&self.rest) >= GAP_BYTES {
            true => Reading::new(self, memory, &range).await?.rows(range).await?,
            false => self.tried(range, memory).await?,
        };
        Ok(coalesced(rows, coalescer))
    }

    /// All columns of some rows are read together. How many of these are left tells how the others are read.
    async fn tried(self: Arc<Self>, range: RowRange, memory: Memory) -> Result<Batches> {
        let all: Vec<Leaf> = self.first.iter().chain(self.rest.iter()).cloned().collect();
        let reader = self.scan.reader(Arc::new(all), memory, &range).await?;
        let (gap, rows) = (GAP_BYTES / reader.width().max(1), FIRST_BYTES / reader.width().max(1));
        let (mut tried, mut at, mut left) = (Portion::new(), 0, Vec::new());
        let mut first = reader.read(&range.first(rows)).await?;
        while let Some(rows) = first.try_next().await? {
            let fits = self.fits(&rows)?;
            tried.add(at, fits.values(), gap);
            at += rows.num_rows();
            left.push(self.left(&rows, &fits));
        }
        let others = async move {
            let range = range.part(rows..range.rows());
            if range.rows() == 0 {
                return Ok(stream::empty().boxed());
            }
            if tried.fits.len() <= at / 2 {
                return Reading::new(self, memory, &range).await?.rows(range).await;
            }
            let rows = reader.read(&range).await?.map(move |rows| {
                let rows = rows?;
                self.left(&rows, &self.fits(&rows)?)
            });
            Ok(rows.boxed())
        };
        Ok(stream::iter(left).chain(stream::once(others).try_flatten()).boxed())
    }

    /// The rows that fit, of all columns.
    fn left(&self, rows: &RecordBatch, fits: &BooleanArray) -> Result<RecordBatch> {
        let column = |place: &Place| match place {
            Place::First(at) => self.held[*at],
            Place::Rest(at) => self.first.len() + at,
        };
        let columns: Vec<usize> = self.columns.iter().map(column).collect();
        let left = filter_record_batch(&rows.project(&columns)?, fits)?;
        self.batch(left.columns().to_vec(), left.num_rows())
    }

    /// Which rows the condition, whose columns come first in these, lets through.
    fn fits(&self, rows: &RecordBatch) -> Result<BooleanArray> {
        let fits = self.condition.evaluate(rows)?.into_array(rows.num_rows())?;
        Ok(match fits.as_boolean() {
            known if known.null_count() == 0 => known.clone(),
            some => prep_null_mask_filter(some),
        })
    }

    /// The columns in their order.
    fn row(&self, first: &RecordBatch, rest: &RecordBatch) -> Result<RecordBatch> {
        let column = |place: &Place| match place {
            Place::First(at) => Arc::clone(first.column(*at)),
            Place::Rest(at) => Arc::clone(rest.column(*at)),
        };
        self.batch(self.columns.iter().map(column).collect(), rest.num_rows())
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

impl fmt::Display for FilteredScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = |leaves: &[Leaf]| {
            let paths: Vec<String> = leaves.iter().map(|leaf| leaf.path.join(".")).collect();
            paths.join(", ")
        };
        let (first, then) = (paths(&self.first), paths(&self.rest));
        let (title, rows) = (&self.scan.title, self.scan.height());
        write!(f, "{}: {title}, first=[{first}], filter={}, ", Self::NAME, self.condition)?;
        write!(f, "then=[{then}], rows={rows}, partitions={}", self.partitions())?;
        self.fetch.map_or(Ok(()), |fetch| write!(f, ", fetch={fetch}"))
    }
}

impl Scan for FilteredScan {
    const NAME: &'static str = "FilteredScanExec";

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn partitions(&self) -> usize {
        self.scan.partitions()
    }

    fn statistics(&self, nothing: Statistics, partition: Option<usize>) -> Statistics {
        let all = self.scan.statistics(nothing.clone(), partition).num_rows;
        nothing.with_num_rows(all.to_inexact())
    }

    fn rows(self: Arc<Self>, partition: usize, context: &TaskContext) -> Batches {
        let batch_rows = context.session_config().batch_size();
        let opened = self.open(partition, memory_of(context), batch_rows);
        stream::once(opened).try_flatten().boxed()
    }
}

/// How rows are read of which few are left.
struct Reading {
    scan: Arc<FilteredScan>,
    first: Reader,
    rest: Reader,
    memory: Memory,
}

impl Reading {
    async fn new(scan: Arc<FilteredScan>, memory: Memory, range: &RowRange) -> Result<Self> {
        let first = scan.scan.reader(Arc::clone(&scan.first), memory, range).await?;
        let rest = scan.scan.reader(Arc::clone(&scan.rest), memory, range).await?;
        Ok(Self { scan, first, rest, memory })
    }

    /// The rows of the range that are left.
    async fn rows(self, range: RowRange) -> Result<Batches> {
        let found = Found {
            // It is asked once more after its end.
            rows: self.first.read(&range).await?.fuse().boxed(),
            at: 0,
            left: self.scan.fetch.unwrap_or(usize::MAX),
            gap: GAP_BYTES / self.rest.width().max(1),
            most_bytes: usize::try_from(self.memory.batch_bytes()).unwrap_or(usize::MAX),
            scan: Arc::clone(&self.scan),
        };
        let reading = Arc::new((self, range));
        let rows = found.portions().and_then(move |portion| {
            let reading = Arc::clone(&reading);
            async move {
                let (reading, range) = reading.as_ref();
                let rest = reading.rest.read(&range.only(&portion.runs)).await?;
                portion.whole(rest, Arc::clone(&reading.scan))
            }
        });
        Ok(rows.try_flatten().boxed())
    }
}

/// Looks at the condition's columns for rows that it lets through.
struct Found {
    scan: Arc<FilteredScan>,
    rows: Batches,
    /// So many rows were looked at.
    at: usize,
    /// So many are wanted still.
    left: usize,
    /// As many rows between two runs are read with them.
    gap: usize,
    /// As much is held of the condition's columns.
    most_bytes: usize,
}

impl Found {
    fn portions(self) -> impl Stream<Item = Result<Portion>> {
        stream::try_unfold(self, |mut found| async move {
            let portion = found.next().await?;
            Ok(portion.map(|portion| (portion, found)))
        })
    }

    /// Rows that are left, as many as are read at once; none after the last.
    async fn next(&mut self) -> Result<Option<Portion>> {
        let mut portion = Portion::new();
        while self.left > 0 && !portion.is_full(self.most_bytes) {
            let Some(batch) = self.rows.try_next().await? else {
                break;
            };
            let fits = self.scan.fits(&batch)?;
            portion.add(self.at, fits.values(), self.gap);
            let held = filter_record_batch(&batch.project(&self.scan.held)?, &fits)?;
            self.at += batch.num_rows();
            self.left = self.left.saturating_sub(held.num_rows());
            portion.bytes += own_bytes(&held);
            if held.num_rows() > 0 {
                portion.first.push(held);
            }
        }
        Ok((!portion.runs.is_empty()).then_some(portion))
    }
}

/// Rows that are left, with what the condition has read of them.
struct Portion {
    /// What is read for their sake, among the rows of the partition.
    runs: Vec<Range<usize>>,
    /// Which rows of the runs are left.
    fits: BooleanBufferBuilder,
    first: Vec<RecordBatch>,
    bytes: usize,
}

impl Portion {
    fn new() -> Self {
        Self { runs: vec![], fits: BooleanBufferBuilder::new(0), first: vec![], bytes: 0 }
    }

    fn is_full(&self, most_bytes: usize) -> bool {
        !self.runs.is_empty() && (self.fits.len() >= MOST_ROWS || self.bytes >= most_bytes)
    }

    /// Adds the rows that fit of those that begin at this place. Gaps between runs that are no larger are read too.
    fn add(&mut self, at: usize, fits: &BooleanBuffer, gap: usize) {
        let mut runs: Vec<Range<usize>> = vec![];
        for (start, end) in fits.set_slices() {
            match runs.last_mut() {
                Some(run) if start - run.end <= gap => run.end = end,
                _ => runs.push(start..end),
            }
        }
        for run in runs {
            let (start, end) = (at + run.start, at + run.end);
            match self.runs.last_mut() {
                Some(last) if start - last.end <= gap => {
                    self.fits.append_n(start - last.end, false);
                    last.end = end;
                }
                _ => self.runs.push(start..end),
            }
            self.fits.append_buffer(&fits.slice(run.start, run.len()));
        }
    }

    /// The rows whole: `rest` has the other columns, of all rows of the runs.
    fn whole(mut self, rest: Batches, scan: Arc<FilteredScan>) -> Result<Batches> {
        let Some(first) = self.first.first() else {
            return Ok(stream::empty().boxed());
        };
        let first = concat_batches(&first.schema(), &self.first)?;
        let whole = Whole { rest, fits: self.fits.finish(), first, scan };
        let rows = stream::try_unfold(whole, |mut whole| async move {
            Ok(whole.next().await?.map(|rows| (rows, whole)))
        });
        Ok(rows.boxed())
    }
}

/// Puts together what was read of the rows of a portion.
struct Whole {
    rest: Batches,
    /// Which of the rows to come are left,
    fits: BooleanBuffer,
    /// and what the condition has read of those.
    first: RecordBatch,
    scan: Arc<FilteredScan>,
}

impl Whole {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let Some(rest) = self.rest.try_next().await? else {
            return match self.fits.len() {
                0 => Ok(None),
                missing => internal_err!("{missing} rows were not read"),
            };
        };
        let (read, missing) = (rest.num_rows(), self.fits.len());
        if read > missing {
            return internal_err!("{read} rows were read instead of {missing}");
        }
        let fits = BooleanArray::new(self.fits.slice(0, read), None);
        self.fits = self.fits.slice(read, missing - read);
        let rest = filter_record_batch(&rest, &fits)?;
        let (left, all) = (rest.num_rows(), self.first.num_rows());
        let first = self.first.slice(0, left);
        self.first = self.first.slice(left, all - left);
        self.scan.row(&first, &rest).map(Some)
    }
}

/// The rows in batches of a size that is worth the work.
fn coalesced(rows: Batches, coalescer: LimitedBatchCoalescer) -> Batches {
    let rows = stream::try_unfold((Some(rows), coalescer), |(mut rows, mut ready)| async move {
        loop {
            if let Some(batch) = ready.next_completed_batch() {
                return Ok(Some((batch, (rows, ready))));
            }
            let Some(coming) = &mut rows else {
                return Ok(None);
            };
            let is_last = match coming.try_next().await? {
                Some(batch) => ready.push_batch(batch)? == PushBatchStatus::LimitReached,
                None => true,
            };
            if is_last {
                ready.finish()?;
                rows = None;
            }
        }
    });
    rows.boxed()
}
