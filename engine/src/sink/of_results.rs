//! [`OfResults`]: what a function computed is in files already where it takes much room. A version of a dataset has these
//! very files, under names of its own, so that nothing is written twice and neither collector of garbage knows of the other.
//!
//! A fragment has rows of one such file: it ends where a unit ends. That pays for units of many bytes; all others are written
//! with the columns beside them, as rows of any chain are. So rows of a unit are held until it has no more of them.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::{StreamExt, TryStreamExt, stream};
use lance_core::datatypes::Schema as LanceSchema;
use lance_table::format::{DataFile, Fragment};
use tokio::sync::mpsc;
use udf_runtime::task::{self, Task};
use uuid::Uuid;

use super::by_reference::numbers;
use super::destination::Destination;
use super::encoding;
use super::fragments::{BEHIND, Rows, lance_schema, received};
use crate::adapter::error::LanceResultExt;
use crate::checkpoint::{Placed, PlacedRows, UnitFile, columns};
use crate::physical::{Placing, bytes_of, placing};
use crate::{Error, Ready, Result};

/// More than this of a unit is not held.
const MOST_BYTES: usize = 256 << 20;

/// Nor is a unit where columns that have to be written take so much more than results: it would have little of them.
const MORE_BESIDE: usize = 8 << 20;

/// Batches of fewer rows and bytes are put together: a file's encoding is chosen by its first batch.
const FEW_ROWS: usize = 1024;
const FEW_BYTES: usize = 1 << 20;

/// Which columns of the rows that are saved are results of a function, and where these lie.
#[derive(Debug)]
pub(super) struct OfResults {
    placed: Arc<Placed>,
    results: Vec<FieldRef>,
    /// Which of them each column is.
    columns: Vec<Option<usize>>,
    /// What held rows take.
    memory: MemoryReservation,
}

impl OfResults {
    /// Rows that tell where they lie, if they can and their results may be large.
    pub(super) fn of(ready: Ready) -> Result<(Ready, Option<Self>)> {
        let Some(Placing { plan, placed, results, columns }) = placing(&ready.plan)? else {
            return Ok((ready, None));
        };
        let is_one = |at: &usize| may_be_large(results[*at].data_type());
        if !columns.iter().flatten().any(is_one) {
            return Ok((ready, None));
        }
        let pool = ready.context.memory_pool();
        let memory = MemoryConsumer::new("RowsOfResults").register(pool);
        Ok((Ready { plan, ..ready }, Some(Self { placed, results, columns, memory })))
    }

    /// Writes all rows, in their order.
    pub(super) async fn write(
        &self,
        destination: &Arc<Destination>,
        stored: &SchemaRef,
        mut rows: Rows,
    ) -> Result<Vec<Fragment>> {
        let shared = self.shared(destination, stored)?;
        if shared.columns.is_empty() {
            // Nobody needs what is told, but it must not pile up.
            let placed = Arc::clone(&self.placed);
            let rows = rows.inspect_ok(move |batch| drop(placed.take(batch.num_rows())));
            return destination.write_files(Arc::clone(stored), rows.boxed()).await;
        }
        let mut writing = Writing {
            destination,
            stored,
            shared,
            placed: &self.placed,
            memory: self.memory.new_empty(),
            fragments: Vec::new(),
            file: None,
            few: Few::default(),
            unit: None,
        };
        while let Some(batch) = rows.try_next().await? {
            writing.add(&self.placed.take(batch.num_rows()), &batch).await?;
        }
        writing.end_unit().await?;
        writing.end_file().await?;
        Ok(writing.fragments)
    }

    /// The columns that a file of results may have for the version.
    fn shared(&self, destination: &Destination, stored: &SchemaRef) -> Result<Shared> {
        let schema = lance_schema(stored).lance("write", &destination.title)?;
        let mut shared = Shared { schema, ..Shared::default() };
        let results = Schema::new(self.results.clone());
        let Some(file) = columns::numbered(&results) else { return Ok(shared) };
        let places: HashMap<i32, i32> = columns::places(&file).into_iter().collect();
        let mut taken = vec![false; self.results.len()];
        for (at, field) in shared.schema.fields.iter().enumerate() {
            let result = self.columns.get(at).copied().flatten();
            let is_as_stored = |result: &usize| {
                !taken[*result]
                    && results.field(*result).data_type() == stored.field(at).data_type()
            };
            let result = result.filter(is_as_stored);
            let same = result.and_then(|result| numbers(&file.fields[result], field));
            let (Some(result), Some(same)) = (result, same) else {
                shared.others.push(at);
                continue;
            };
            taken[result] = true;
            shared.columns.push(at);
            // A model is no column of a file, only its fields are.
            let places = same.iter().filter_map(|(there, here)| Some((*here, *places.get(there)?)));
            shared.places.extend(places);
        }
        Ok(shared)
    }
}

/// Whether ten thousand values may take more than some kilobytes each.
fn may_be_large(kind: &DataType) -> bool {
    !kind.is_primitive() && !matches!(kind, DataType::Boolean | DataType::Null)
}

/// Which columns of a version are in files of results.
#[derive(Default)]
struct Shared {
    /// All columns of the version.
    schema: LanceSchema,
    /// Those that are.
    columns: Vec<usize>,
    /// Their numbers, and where they are in the files.
    places: Vec<(i32, i32)>,
    /// The others.
    others: Vec<usize>,
}

/// Rows on their way.
struct Writing<'a> {
    destination: &'a Arc<Destination>,
    stored: &'a SchemaRef,
    shared: Shared,
    placed: &'a Placed,
    memory: MemoryReservation,
    fragments: Vec<Fragment>,
    /// Where rows go that are written like any others.
    file: Option<OpenFile>,
    /// Such rows that are too few for a batch.
    few: Few,
    /// Rows that are held.
    unit: Option<UnitRows>,
}

/// A file that rows are written to as they come.
struct OpenFile {
    rows: mpsc::Sender<Result<RecordBatch>>,
    written: Task<Result<Vec<Fragment>>>,
}

/// Batches that are going to be one.
#[derive(Default)]
struct Few {
    batches: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Few {
    fn add(&mut self, batch: RecordBatch, bytes: usize) {
        self.rows += batch.num_rows();
        self.bytes += bytes;
        self.batches.push(batch);
    }

    fn is_enough(&self) -> bool {
        self.rows >= FEW_ROWS || self.bytes >= FEW_BYTES
    }
}

/// Rows of a unit, all from its first one.
struct UnitRows {
    number: u32,
    height: u64,
    rows: Vec<RecordBatch>,
    /// What the columns take that the unit's file may have, and what the others do.
    shared_bytes: usize,
    other_bytes: usize,
}

impl UnitRows {
    fn is_followed_by(&self, run: &PlacedRows) -> bool {
        run.unit == Some(self.number) && run.first == self.height
    }
}

impl Writing<'_> {
    /// Adds rows whose results lie there. What is not held is written in as large pieces as it came.
    async fn add(&mut self, runs: &[PlacedRows], batch: &RecordBatch) -> Result<()> {
        let (mut plain, mut at) = (0, 0);
        for run in runs {
            let end = at + usize::try_from(run.rows).unwrap_or(usize::MAX);
            if let Some(number) = run.unit.filter(|number| self.is_held(*number, run)) {
                self.write(batch.slice(plain, at - plain)).await?;
                self.hold(number, run, batch.slice(at, end - at)).await?;
                plain = end;
            } else {
                self.end_unit().await?;
            }
            at = end;
        }
        self.write(batch.slice(plain, at - plain)).await
    }

    fn is_held(&self, number: u32, run: &PlacedRows) -> bool {
        let follows = self.unit.as_ref().is_some_and(|unit| unit.is_followed_by(run));
        follows || (run.first == 0 && self.placed.may_have_file(number))
    }

    async fn hold(&mut self, number: u32, run: &PlacedRows, rows: RecordBatch) -> Result<()> {
        if !self.unit.as_ref().is_some_and(|unit| unit.is_followed_by(run)) {
            self.end_unit().await?;
        }
        let (height, shared_bytes, other_bytes) = (0, 0, 0);
        let begun = UnitRows { number, height, rows: Vec::new(), shared_bytes, other_bytes };
        let unit = self.unit.get_or_insert(begun);
        let shared = rows.project(&self.shared.columns).map_err(DataFusionError::from)?;
        let (all, shared) = (bytes_of(&rows), bytes_of(&shared));
        unit.shared_bytes += shared;
        unit.other_bytes += all.saturating_sub(shared);
        unit.height += run.rows;
        unit.rows.push(rows);
        let bytes = unit.shared_bytes + unit.other_bytes;
        let is_too_much = bytes > MOST_BYTES || unit.other_bytes > unit.shared_bytes + MORE_BESIDE;
        if is_too_much || self.memory.try_resize(bytes).is_err() {
            return self.write_unit().await;
        }
        Ok(())
    }

    /// The unit has no more rows: if these are all of it, its file is taken over.
    async fn end_unit(&mut self) -> Result<()> {
        if let Some(unit) = &self.unit
            && let Some(file) = self.placed.file(unit.number)
            && is_worth(unit, &file)
            && let Some(results) = self.taken_over(&file).await
        {
            self.end_file().await?;
            let rows = self.unit.take().map(|unit| unit.rows).unwrap_or_default();
            self.memory.free();
            let files = [Some(results), self.beside(&rows).await?].into_iter().flatten().collect();
            let physical_rows = Some(rows.iter().map(RecordBatch::num_rows).sum());
            self.fragments.push(Fragment { files, physical_rows, ..Fragment::new(0) });
            return Ok(());
        }
        self.write_unit().await
    }

    /// The unit's file as one of the version; `None` where it cannot be: a disk without links, results that were removed.
    async fn taken_over(&self, file: &UnitFile) -> Option<DataFile> {
        let name = format!("{}.lance", Uuid::new_v4().simple());
        let to = self.destination.folder.clone().join("data").join(name.clone());
        self.destination.storage.link(&file.location, &to).await.ok()?;
        let (fields, places) = self.shared.places.iter().copied().unzip();
        let bytes = NonZero::new(file.columns.bytes);
        Some(DataFile::new(name, fields, places, columns::FORMAT, bytes, None))
    }

    /// A file of what stands beside results; `None` where that is nothing.
    async fn beside(&self, rows: &[RecordBatch]) -> Result<Option<DataFile>> {
        let others = &self.shared.others;
        if others.is_empty() {
            return Ok(None);
        }
        let schema = Arc::new(self.stored.project(others).map_err(DataFusionError::from)?);
        let height: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let rows = rows.iter().map(|rows| rows.project(others));
        let rows = rows.collect::<Result<Vec<_>, _>>().map_err(DataFusionError::from)?;
        let fields = others.iter().map(|at| self.shared.schema.fields[*at].clone());
        let mut numbers = LanceSchema { fields: fields.collect(), ..self.shared.schema.clone() };
        if let Some(first) = rows.first() {
            encoding::choose(&mut numbers, first);
        }
        let rows = stream::iter(rows.into_iter().map(Ok)).boxed();
        let written = self.destination.write_file(&numbers, schema, rows).await;
        let (file, written) = written.lance("write", &self.destination.title)?;
        // Lance does not look: what is too short cannot be read, what is too long is read wrong.
        if written != Some(height) {
            let what = format!("{written:?} rows were written of {height} beside results");
            return Err(Error::internal(what));
        }
        Ok(Some(file))
    }

    /// Writes held rows like any others.
    async fn write_unit(&mut self) -> Result<()> {
        for rows in self.unit.take().map(|unit| unit.rows).unwrap_or_default() {
            self.write(rows).await?;
        }
        self.memory.free();
        Ok(())
    }

    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let bytes = bytes_of(&rows);
        if rows.num_rows() >= FEW_ROWS || bytes >= FEW_BYTES {
            self.write_few().await?;
            return self.send(rows).await;
        }
        self.few.add(rows, bytes);
        if self.few.is_enough() { self.write_few().await } else { Ok(()) }
    }

    async fn write_few(&mut self) -> Result<()> {
        let few = std::mem::take(&mut self.few);
        if few.batches.is_empty() {
            return Ok(());
        }
        let rows = concat_batches(self.stored, &few.batches);
        self.send(rows.map_err(DataFusionError::from)?).await
    }

    async fn send(&mut self, rows: RecordBatch) -> Result<()> {
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(OpenFile::begin(self.destination, self.stored)),
        };
        if file.rows.send(Ok(rows)).await.is_err() {
            self.close_file().await?;
            return Err(Error::internal("a file ended before its rows"));
        }
        Ok(())
    }

    /// Rows that are written like any others are fragments now.
    async fn end_file(&mut self) -> Result<()> {
        self.write_few().await?;
        self.close_file().await
    }

    async fn close_file(&mut self) -> Result<()> {
        if let Some(OpenFile { rows, written }) = self.file.take() {
            drop(rows);
            let written = written.await.map_err(|error| Error::internal(error.to_string()))?;
            self.fragments.extend(written?);
        }
        Ok(())
    }
}

/// Whether the file has these rows and no others, in the format that is written here, and mostly columns of the version.
fn is_worth(unit: &UnitRows, file: &UnitFile) -> bool {
    let bytes = unit.shared_bytes as u64;
    file.rows == unit.height
        && file.columns.format == columns::FORMAT.to_data_file_numbers()
        && unit.shared_bytes >= columns::WORTH_BYTES
        && bytes * 2 >= file.columns.bytes
}

impl OpenFile {
    fn begin(destination: &Arc<Destination>, stored: &SchemaRef) -> Self {
        let (rows, batches) = mpsc::channel(BEHIND);
        let (destination, stored) = (Arc::clone(destination), Arc::clone(stored));
        let written =
            task::spawn(async move { destination.write_files(stored, received(batches)).await });
        Self { rows, written }
    }
}
