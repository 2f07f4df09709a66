//! [`OfResults`]: what a function computed is in files already where it takes much room. A version of a dataset has these
//! very files, under names of its own, so that nothing is written twice and neither collector of garbage knows of the other.
//!
//! A fragment has rows of one such file: it ends where a unit ends. That pays for units of many bytes; all others are written
//! with the columns beside them, as rows of any chain are.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
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
use super::fragments::{Rows, lance_schema};
use crate::adapter::error::LanceResultExt;
use crate::checkpoint::{
    LEAST_BYTES, Placed, PlacedRows, UnitFile, column_indices, format_here, numbered,
};
use crate::physical::{Placing, bytes_of, placing};
use crate::{Error, Ready, Result};

/// A unit with more of its rows is not waited for: passing columns may be large.
const MOST_BYTES: usize = 256 << 20;

/// Batches that a file may be behind.
const BEHIND: usize = 2;

/// Which columns of the rows that are saved are results of a function, and where these lie.
#[derive(Debug)]
pub(super) struct OfResults {
    placed: Arc<Placed>,
    results: Vec<FieldRef>,
    /// Which of them each column is.
    columns: Vec<Option<usize>>,
    /// What rows of a unit take that is not known to be durable.
    memory: MemoryReservation,
}

impl OfResults {
    /// Rows that tell where they lie, if they can.
    pub(super) fn of(ready: Ready) -> Result<(Ready, Option<Self>)> {
        let Some(Placing { plan, placed, results, columns }) = placing(&ready.plan)? else {
            return Ok((ready, None));
        };
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
        let (shared, memory) = (self.shared(destination, stored)?, self.memory.new_empty());
        let (fragments, open, unit) = (Vec::new(), None, None);
        let placed = &self.placed;
        let mut writing =
            Writing { destination, stored, shared, placed, memory, fragments, open, unit };
        while let Some(batch) = rows.try_next().await? {
            let mut from = 0;
            for run in self.placed.take(batch.num_rows()) {
                let height = usize::try_from(run.rows).unwrap_or(usize::MAX);
                writing.add(run, batch.slice(from, height)).await?;
                from += height;
            }
        }
        writing.end_unit().await?;
        writing.end_rows().await?;
        Ok(writing.fragments)
    }

    /// The columns that a file of results may have for the version.
    fn shared(&self, destination: &Destination, stored: &SchemaRef) -> Result<Shared> {
        let numbers_here = lance_schema(stored).lance("write", &destination.title)?;
        let mut shared = Shared { numbers: numbers_here, ..Shared::default() };
        let Some(file) = numbered(&Schema::new(self.results.clone())) else { return Ok(shared) };
        let places: HashMap<i32, i32> = column_indices(&file).into_iter().collect();
        let mut taken = vec![false; self.results.len()];
        for (at, field) in shared.numbers.fields.iter().enumerate() {
            let result = self.columns.get(at).copied().flatten().filter(|result| !taken[*result]);
            let of_file = result
                .filter(|result| self.results[*result].data_type() == stored.field(at).data_type());
            let pairs = of_file.and_then(|result| numbers(&file.fields[result], field));
            let (Some(result), Some(pairs)) = (of_file, pairs) else {
                shared.others.push(at);
                continue;
            };
            taken[result] = true;
            shared.columns.push(at);
            // A model has no column of its own, only its fields do.
            for (there, here) in pairs {
                if let Some(place) = places.get(&there) {
                    shared.fields.push(here);
                    shared.places.push(*place);
                }
            }
        }
        Ok(shared)
    }
}

/// Which columns of a version are in files of results.
#[derive(Default)]
struct Shared {
    /// All columns of the version.
    numbers: LanceSchema,
    /// Those that are.
    columns: Vec<usize>,
    /// Their numbers, and where they are in the files.
    fields: Vec<i32>,
    places: Vec<i32>,
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
    /// Rows that are written like any others.
    open: Option<Open>,
    /// Rows of a unit, all from its first one.
    unit: Option<UnitRows>,
}

struct Open {
    rows: mpsc::Sender<Result<RecordBatch>>,
    written: Task<Result<Vec<Fragment>>>,
}

struct UnitRows {
    number: u32,
    height: u64,
    rows: Vec<RecordBatch>,
    bytes: usize,
}

impl Writing<'_> {
    async fn add(&mut self, run: PlacedRows, rows: RecordBatch) -> Result<()> {
        let follows = |unit: &UnitRows| run.unit == Some(unit.number) && run.first == unit.height;
        if !self.unit.as_ref().is_some_and(follows) {
            self.end_unit().await?;
        }
        let begins = run.first == 0 && !self.shared.columns.is_empty();
        let (Some(number), true) = (run.unit, begins || self.unit.is_some()) else {
            return self.write(rows).await;
        };
        let begun = UnitRows { number, height: 0, rows: Vec::new(), bytes: 0 };
        let unit = self.unit.get_or_insert(begun);
        unit.height += run.rows;
        unit.bytes += bytes_of(&rows);
        unit.rows.push(rows);
        if unit.bytes > MOST_BYTES || self.memory.try_resize(unit.bytes).is_err() {
            return self.write_unit().await;
        }
        Ok(())
    }

    /// The unit has no more rows: if these are all of it, its file is taken over.
    async fn end_unit(&mut self) -> Result<()> {
        if let Some(unit) = &self.unit
            && let Some(file) = self.placed.file(unit.number)
            && self.is_worth(unit, &file)
            && let Some(file) = self.taken_over(&file).await
        {
            self.end_rows().await?;
            let rows = self.unit.take().map(|unit| unit.rows).unwrap_or_default();
            self.memory.free();
            return self.fragment(file, rows).await;
        }
        self.write_unit().await
    }

    /// Whether the file has these rows, in the format of the version, and mostly columns of it.
    fn is_worth(&self, unit: &UnitRows, file: &UnitFile) -> bool {
        let shared = |rows: &RecordBatch| rows.project(&self.shared.columns).ok();
        let bytes = || unit.rows.iter().filter_map(shared).map(|rows| bytes_of(&rows));
        file.rows == unit.height
            && file.file.format == format_here()
            && bytes().sum::<usize>() >= LEAST_BYTES
    }

    /// The unit's file as one of the version; `None` where it cannot be: a disk without links, kept results that were removed.
    async fn taken_over(&self, file: &UnitFile) -> Option<DataFile> {
        let name = format!("{}.lance", Uuid::new_v4().simple());
        let to = self.destination.folder.clone().join("data").join(name.clone());
        self.destination.storage.link(&file.location, &to).await.ok()?;
        let Shared { fields, places, .. } = &self.shared;
        let bytes = NonZero::new(file.file.bytes);
        let format = lance_file::version::stable_file_version();
        Some(DataFile::new(name, fields.clone(), places.clone(), format, bytes, None))
    }

    /// A fragment of a file of results and, in one of its own, what stands beside them.
    async fn fragment(&mut self, results: DataFile, rows: Vec<RecordBatch>) -> Result<()> {
        let height: usize = rows.iter().map(RecordBatch::num_rows).sum();
        let mut files = vec![results];
        let others = &self.shared.others;
        if !others.is_empty() {
            let title = &self.destination.title;
            let schema = Arc::new(self.stored.project(others).map_err(DataFusionError::from)?);
            let rows = rows.iter().map(|rows| rows.project(others));
            let rows = rows.collect::<Result<Vec<_>, _>>().map_err(DataFusionError::from)?;
            let fields = others.iter().map(|at| self.shared.numbers.fields[*at].clone());
            let mut numbers =
                LanceSchema { fields: fields.collect(), ..self.shared.numbers.clone() };
            if let Some(first) = rows.first() {
                encoding::choose(&mut numbers, first);
            }
            let rows = stream::iter(rows.into_iter().map(Ok)).boxed();
            let written = self.destination.write_file(&numbers, schema, rows).await;
            let (file, written) = written.lance("write", title)?;
            if written != Some(height) {
                let what = format!("{written:?} rows were written of {height} beside results");
                return Err(Error::internal(what));
            }
            files.push(file);
        }
        let physical_rows = Some(height);
        self.fragments.push(Fragment { files, physical_rows, ..Fragment::new(0) });
        Ok(())
    }

    /// Writes the rows of a unit like any others.
    async fn write_unit(&mut self) -> Result<()> {
        for rows in self.unit.take().map(|unit| unit.rows).unwrap_or_default() {
            self.write(rows).await?;
        }
        self.memory.free();
        Ok(())
    }

    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        let open = match &self.open {
            Some(open) => open,
            None => self.open.insert(Open::begin(self.destination, self.stored)),
        };
        if open.rows.send(Ok(rows)).await.is_err() {
            self.end_rows().await?;
            return Err(Error::internal("a file ended before its rows"));
        }
        Ok(())
    }

    /// Rows that are written like any others are fragments now.
    async fn end_rows(&mut self) -> Result<()> {
        if let Some(Open { rows, written }) = self.open.take() {
            drop(rows);
            let written = written.await.map_err(|error| Error::internal(error.to_string()))?;
            self.fragments.extend(written?);
        }
        Ok(())
    }
}

impl Open {
    fn begin(destination: &Arc<Destination>, stored: &SchemaRef) -> Self {
        let (rows, batches) = mpsc::channel(BEHIND);
        let batches = stream::unfold(batches, |mut batches: mpsc::Receiver<_>| async move {
            Some((batches.recv().await?, batches))
        });
        let (destination, stored) = (Arc::clone(destination), Arc::clone(stored));
        let written =
            task::spawn(async move { destination.write_files(stored, batches.boxed()).await });
        Self { rows, written }
    }
}
