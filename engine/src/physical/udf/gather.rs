//! [`Mixed`]: rows of the input, for some of which results were found and for others computed, become rows in their order.

use std::collections::HashMap;
use std::mem;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::interleave;
use arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::error::Result;
use udf_runtime::Shape;

use super::assemble::assemble;
use super::size::bytes_of;
use crate::checkpoint::{Place, PlacedRows, Reader};

/// Rows are handed on once their results have so many bytes.
const MOST_BYTES: usize = 16 << 20;

/// Or the batches that these are taken from, of which a reader holds as much anyway.
const MOST_BYTES_OF_SOURCES: usize = 64 << 20;

/// Some rows of the input on their way out.
pub(super) struct Mixed<'a> {
    shape: Shape,
    schema: SchemaRef,
    passing: &'a RecordBatch,
    /// Where results were found; `None` for rows that are computed.
    places: &'a [Option<Place>],
    /// The next row.
    at: usize,
    /// How many results of it were handed on.
    done: u64,
}

/// Results of rows that were computed.
pub(super) struct Computed<'a> {
    pub(super) rows: &'a RecordBatch,
    /// For each result which of the computed rows it is of; `None`: each has one.
    pub(super) origins: Option<&'a UInt32Array>,
    /// Which rows were computed.
    pub(super) missing: &'a [u32],
    /// The next result.
    pub(super) at: usize,
    /// Where these results begin in a unit.
    pub(super) run: PlacedRows,
}

impl Computed<'_> {
    fn row_of(&self, result: usize) -> Option<usize> {
        if result >= self.rows.num_rows() {
            return None;
        }
        let origin = self.origins.map_or(result, |origins| origins.value(result) as usize);
        self.missing.get(origin).map(|row| *row as usize)
    }

    /// The row of the last result.
    pub(super) fn last_row(&self) -> Option<usize> {
        self.row_of(self.rows.num_rows().checked_sub(1)?)
    }
}

/// Results that are to be handed on together, and where they are taken from.
#[derive(Default)]
struct Taken {
    sources: Vec<RecordBatch>,
    /// Which of these are which batches of units, and what a row there takes, about.
    known: HashMap<(u32, u32), (usize, usize)>,
    /// Of each result the source and the row there.
    rows: Vec<(usize, usize)>,
    /// Of each result the row of the input.
    origins: Vec<u32>,
    /// In which units the results lie.
    runs: Vec<PlacedRows>,
    bytes: usize,
    bytes_of_sources: usize,
}

impl Taken {
    fn is_full(&self) -> bool {
        self.bytes >= MOST_BYTES || self.bytes_of_sources >= MOST_BYTES_OF_SOURCES
    }

    fn add(&mut self, source: usize, row: usize, origin: usize) {
        self.rows.push((source, row));
        self.origins.push(u32::try_from(origin).unwrap_or(u32::MAX));
    }

    /// The source that is a batch of a unit, and what a row there takes.
    async fn source(
        &mut self,
        reader: &mut Reader,
        unit: u32,
        number: u32,
    ) -> Result<(usize, usize)> {
        if let Some(known) = self.known.get(&(unit, number)) {
            return Ok(*known);
        }
        let batch = reader.batch(unit, number).await?;
        let bytes = bytes_of(&batch);
        let source = (self.sources.len(), (bytes / batch.num_rows().max(1)).max(1));
        self.bytes_of_sources += bytes;
        self.sources.push(batch);
        self.known.insert((unit, number), source);
        Ok(source)
    }

    fn columns(&self) -> Result<Vec<ArrayRef>> {
        let columns = self.sources.first().map_or(0, RecordBatch::num_columns);
        if let (Some((source, first)), true) = (self.rows.first(), self.is_slice()) {
            let slice = self.sources[*source].slice(*first, self.rows.len());
            return Ok(slice.columns().to_vec());
        }
        let column = |at: usize| {
            let parts: Vec<&dyn Array> =
                self.sources.iter().map(|source| source.column(at).as_ref()).collect();
            Ok(interleave(&parts, &self.rows)?)
        };
        (0..columns).map(column).collect()
    }

    /// Whether the results follow each other in one source.
    fn is_slice(&self) -> bool {
        self.rows.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 + 1 == pair[1].1)
    }
}

impl<'a> Mixed<'a> {
    pub(super) fn new(
        shape: Shape,
        schema: &SchemaRef,
        passing: &'a RecordBatch,
        places: &'a [Option<Place>],
    ) -> Self {
        Self { shape, schema: SchemaRef::clone(schema), passing, places, at: 0, done: 0 }
    }

    /// The next rows of the output, for rows of the input before `until`; `None` when there are none left.
    pub(super) async fn next(
        &mut self,
        reader: Option<&mut Reader>,
        mut computed: Option<&mut Computed<'_>>,
        until: usize,
    ) -> Result<Option<(RecordBatch, Vec<PlacedRows>)>> {
        let mut reader = reader;
        let mut taken = Taken::default();
        taken.sources.extend(computed.as_ref().map(|computed| computed.rows.clone()));
        let from = self.at;
        while self.at < until && !taken.is_full() {
            match (self.places[self.at], &mut reader, &mut computed) {
                (Some(place), Some(reader), _) if self.shape == Shape::OnePerRow => {
                    let rows = self.run_of(place, until);
                    self.take_run(place, rows, reader, &mut taken).await?;
                }
                (Some(place), Some(reader), _) => self.take(place, reader, &mut taken).await?,
                (None, _, Some(computed)) => {
                    while computed.row_of(computed.at) == Some(self.at) {
                        taken.add(0, computed.at, self.at);
                        let first = computed.run.first + computed.at as u64;
                        PlacedRows { first, rows: 1, ..computed.run }.add_to(&mut taken.runs);
                        computed.at += 1;
                    }
                    self.at += 1;
                }
                _ => return internal_err!("results of a function are nowhere"),
            }
        }
        if taken.rows.is_empty() {
            return Ok(None);
        }
        let columns = taken.columns()?;
        let rows = match self.shape {
            Shape::OnePerRow => {
                let passing = self.passing.slice(from, self.at - from);
                assemble(&passing, &columns, None, &self.schema)?
            }
            Shape::Any => {
                let origins = UInt32Array::from(mem::take(&mut taken.origins));
                assemble(self.passing, &columns, Some(&origins), &self.schema)?
            }
        };
        Ok(Some((rows, taken.runs)))
    }

    /// More results of the row before come with the next answer.
    pub(super) fn stays_at(&mut self, row: usize) {
        self.at = row;
    }

    /// How many of the next rows have results that follow each other in their unit, as rows do that come again in the same
    /// order.
    fn run_of(&self, place: Place, until: usize) -> usize {
        let rows = (place.row..).zip(&self.places[self.at..until]);
        let in_run = |(row, place_of): &(u32, &Option<Place>)| {
            **place_of == Some(Place { row: *row, ..place })
        };
        if place.is_of_run() { 1 } else { rows.take_while(in_run).count() }
    }

    /// Takes found results of the next rows, one of each, that follow each other in a unit; not all, if these are enough.
    async fn take_run(
        &mut self,
        place: Place,
        rows: usize,
        reader: &mut Reader,
        taken: &mut Taken,
    ) -> Result<()> {
        let place = reader.settled(place);
        let first = reader.results_of(place).start;
        let (number, results) = reader.batch_of(place.unit, first);
        let (source, share) = taken.source(reader, place.unit, number).await?;
        if results.end <= first {
            return internal_err!("a unit has fewer results than it says");
        }
        let room = MOST_BYTES.saturating_sub(taken.bytes).div_ceil(share);
        let there = usize::try_from(results.end - first).unwrap_or(usize::MAX);
        let count = rows.min(there).min(room).max(1);
        let from = usize::try_from(first - results.start).unwrap_or(usize::MAX);
        (0..count).for_each(|row| taken.add(source, from + row, self.at + row));
        PlacedRows { unit: Some(place.unit), first, rows: count as u64 }.add_to(&mut taken.runs);
        taken.bytes += share * count;
        self.at += count;
        Ok(())
    }

    /// Takes found results of the next row, until there are enough.
    async fn take(&mut self, place: Place, reader: &mut Reader, taken: &mut Taken) -> Result<()> {
        let place = reader.settled(place);
        let all = reader.results_of(place);
        let mut next = all.start + self.done;
        while next < all.end {
            if taken.is_full() {
                self.done = next - all.start;
                return Ok(());
            }
            let (number, results) = reader.batch_of(place.unit, next);
            let (source, share) = taken.source(reader, place.unit, number).await?;
            let end = all.end.min(results.end);
            if end <= next {
                return internal_err!("a unit has fewer results than it says");
            }
            let first = usize::try_from(next - results.start).unwrap_or(usize::MAX);
            let count = usize::try_from(end - next).unwrap_or(usize::MAX);
            (first..first + count).for_each(|row| taken.add(source, row, self.at));
            PlacedRows { unit: Some(place.unit), first: next, rows: end - next }
                .add_to(&mut taken.runs);
            taken.bytes += share * count;
            next = end;
        }
        (self.at, self.done) = (self.at + 1, 0);
        Ok(())
    }
}
