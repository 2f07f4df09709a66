//! [`OpenUnit`]: results that are not durable yet.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, LargeListArray, RecordBatch, StructArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::Result;
use udf_runtime::{FunctionFailure, RowFailure};

use super::size::bytes_of;
use crate::blocking::blocking;
use crate::checkpoint::{
    Cut, Key, Ledger, Results, Scope, UnitAt, UnitFacts, UnitKeys, UnitWriter,
};

/// A unit that is open for longer is closed early: what a slow function has done should not be lost.
const LONGEST_OPEN: Duration = Duration::from_secs(5);
/// A unit whose results and arguments are larger is closed early, because it is held in memory.
const MOST_BYTES: usize = 64 << 20;

/// Results that are not durable yet, with the arguments that they were computed from.
pub(super) struct OpenUnit {
    schema: SchemaRef,
    since: Instant,
    keys: Vec<Key>,
    /// How many results each row has; also rows that the function is at.
    results: Vec<u64>,
    arguments: Vec<RecordBatch>,
    /// What a file holds already, because it was too much for the memory.
    writer: Option<UnitWriter>,
    rows: Vec<RecordBatch>,
    failures: Vec<RowFailure>,
    bytes: usize,
}

impl OpenUnit {
    /// A unit without rows yet, of results with these columns.
    pub(super) fn new(results: &[FieldRef]) -> Self {
        Self {
            schema: Arc::new(Schema::new(results.to_vec())),
            since: Instant::now(),
            keys: Vec::new(),
            results: Vec::new(),
            arguments: Vec::new(),
            writer: None,
            rows: Vec::new(),
            failures: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether it should be closed before it has all its rows.
    pub(super) fn is_due(&self) -> bool {
        self.since.elapsed() > LONGEST_OPEN || self.bytes > MOST_BYTES || self.writer.is_some()
    }

    /// How many results there are.
    pub(super) fn height_of_results(&self) -> u64 {
        self.results.iter().sum()
    }

    /// What it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds results for the next rows, of which there are so many.
    pub(super) fn add(
        &mut self,
        height: usize,
        rows: &RecordBatch,
        origins: Option<&UInt32Array>,
        failures: &[RowFailure],
    ) -> Result<()> {
        let before = self.keys.len();
        self.results.resize(before + height, u64::from(origins.is_none()));
        for origin in origins.iter().flat_map(|origins| origins.values()) {
            self.results[before + *origin as usize] += 1;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let columns = rows.columns().to_vec();
        let schema = SchemaRef::clone(&self.schema);
        self.bytes += bytes_of(rows);
        self.rows.push(RecordBatch::try_new_with_options(schema, columns, &options)?);
        for one in failures {
            let failure = one.failure.clone().offset_by(before);
            self.failures.push(RowFailure { failure, ..one.clone() });
        }
        Ok(())
    }

    /// The next rows have all their results.
    pub(super) fn done(&mut self, keys: Vec<Key>, arguments: RecordBatch) {
        self.bytes += bytes_of(&arguments);
        self.keys.extend(keys);
        self.arguments.push(arguments);
    }

    /// Writes down what is too much for the memory, while a call goes on.
    pub(super) async fn relieve(&mut self, ledger: &Ledger) -> Result<()> {
        if self.bytes > MOST_BYTES {
            self.writer = Some(self.written(ledger).await?);
            self.bytes = 0;
        }
        Ok(())
    }

    /// Makes the results durable.
    pub(super) async fn close(
        mut self,
        ledger: &Ledger,
        scope: &Scope,
    ) -> Result<(UnitAt, UnitKeys)> {
        let (results, ()) = tokio::join!(self.finished(ledger), ledger.pause());
        let facts = UnitFacts::new(&ledger.failing, &self.failures, scope);
        let keys = UnitKeys { results: self.counts(), keys: self.keys, facts };
        Ok(ledger.commit(results?, keys).await?)
    }

    /// How many results each row has; none: each has one.
    fn counts(&self) -> Vec<u64> {
        let has_ones = self.results.iter().all(|results| *results == 1);
        if has_ones { Vec::new() } else { self.results.clone() }
    }

    /// The results so far, and how they are cut.
    pub(super) fn so_far(&self) -> (Cut, Vec<RecordBatch>) {
        let rows = self.rows.clone();
        (Cut::new(self.counts(), &rows, self.failures.clone()), rows)
    }

    /// All results, as they are going to be kept.
    async fn finished(&mut self, ledger: &Ledger) -> crate::Result<Results> {
        if self.writer.is_none() {
            let rows: Vec<_> =
                self.rows.iter().map(|rows| (rows.clone(), bytes_of(rows))).collect();
            if let Some(columns) = Results::columns(&self.schema, &rows) {
                return Ok(columns);
            }
        }
        self.written(ledger).await.map(Results::from)
    }

    async fn written(&mut self, ledger: &Ledger) -> crate::Result<UnitWriter> {
        let (rows, begun) = (std::mem::take(&mut self.rows), self.writer.take());
        let (ledger, schema) = (ledger.clone(), SchemaRef::clone(&self.schema));
        blocking(move || {
            let mut writer = begun.map_or_else(|| ledger.create(&schema), Ok)?;
            rows.iter().try_for_each(|rows| writer.add(rows, bytes_of(rows)))?;
            Ok(writer)
        })
        .await
    }

    /// The arguments and results of rows that have all of them; `None` where some are in a file already.
    pub(super) fn sample(&self) -> Result<Option<RecordBatch>> {
        let Some(first) = self.arguments.first().filter(|_| self.writer.is_none()) else {
            return Ok(None);
        };
        let arguments = concat_batches(first.schema_ref(), &self.arguments)?;
        Ok(Some(beside(&arguments, self.lists()?)?))
    }

    /// The same of the last row alone, unless that failed. It is a copy, so that the others do not stay in memory.
    pub(super) fn last_row(&self) -> Result<Option<RecordBatch>> {
        let (Some(last), None) = (self.height().checked_sub(1), &self.writer) else {
            return Ok(None);
        };
        let failed = self.failures.last().and_then(|one| one.failure.row) == Some(last);
        let Some(arguments) = self.arguments.last().filter(|_| !failed) else {
            return Ok(None);
        };
        let (mut rows, mut left) = (Vec::new(), count(self.results[last]));
        for batch in self.rows.iter().rev() {
            let height = batch.num_rows().min(left);
            rows.push(tail(batch, height)?);
            left -= height;
        }
        rows.reverse();
        let lists = lists(&self.results[last..=last], &concat_batches(&self.schema, &rows)?)?;
        Ok(Some(beside(&tail(arguments, 1)?, lists)?))
    }

    /// The results of each row that has all of them, as a list.
    pub(super) fn lists(&self) -> Result<ArrayRef> {
        lists(&self.results[..self.height()], &concat_batches(&self.schema, &self.rows)?)
    }

    /// Rows that have all their results.
    pub(super) fn height(&self) -> usize {
        self.keys.len()
    }

    /// Forgets results of rows that the function is at.
    pub(super) fn without_rest(mut self) -> Result<Self> {
        let height = self.height();
        let counts = self.results.drain(..).take(height);
        self.results = counts.collect();
        let left: u64 = self.results.iter().sum();
        let all = concat_batches(&self.schema, &self.rows)?;
        let left = usize::try_from(left).unwrap_or_default().min(all.num_rows());
        self.rows = vec![all.slice(0, left)];
        self.failures.retain(|one| one.failure.row.is_some_and(|row| row < height));
        Ok(self)
    }

    /// How the first row failed that did.
    pub(super) fn first_failure(&self) -> Option<&FunctionFailure> {
        self.failures.first().map(|one| &one.failure)
    }
}

fn count(results: u64) -> usize {
    usize::try_from(results).unwrap_or(usize::MAX)
}

/// A copy of the last rows.
fn tail(batch: &RecordBatch, height: usize) -> Result<RecordBatch> {
    let rows: UInt32Array = (batch.num_rows() - height..batch.num_rows())
        .map(|row| u32::try_from(row).unwrap_or(u32::MAX))
        .collect();
    if batch.num_columns() == 0 {
        return Ok(batch.slice(0, height));
    }
    Ok(take_record_batch(batch, &rows)?)
}

/// So many results for each row, as lists.
pub(super) fn lists(counts: &[u64], all: &RecordBatch) -> Result<ArrayRef> {
    let offsets = OffsetBuffer::<i64>::from_lengths(counts.iter().map(|results| count(*results)));
    let last = offsets.last().copied().unwrap_or_default();
    let all = all.slice(0, usize::try_from(last).unwrap_or_default().min(all.num_rows()));
    // What the columns are called does not count.
    let named = |(at, column): (usize, &ArrayRef)| {
        Arc::new(Field::new(at.to_string(), column.data_type().clone(), true))
    };
    let fields: Fields = all.columns().iter().enumerate().map(named).collect();
    let length = all.num_rows();
    let rows = StructArray::try_new_with_length(fields, all.columns().to_vec(), None, length)?;
    let item = Arc::new(Field::new("item", DataType::Struct(rows.fields().clone()), false));
    Ok(Arc::new(LargeListArray::try_new(item, offsets, Arc::new(rows), None)?))
}

/// Arguments with their results as the last column.
fn beside(arguments: &RecordBatch, lists: ArrayRef) -> Result<RecordBatch> {
    let field = Field::new("results", lists.data_type().clone(), false);
    let fields = arguments.schema_ref().fields().iter().cloned().chain([Arc::new(field)]);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let columns = arguments.columns().iter().cloned().chain([lists]).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(arguments.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema, columns, &options)?)
}
