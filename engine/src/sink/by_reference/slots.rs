//! [`Slots`]: new columns of a version's rows as files that fit beside those that the version has: a file for each
//! fragment, with a value for each of its rows. Rows that are left out have nulls there, or where these take as much room
//! as values what another row has, and are noted.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use futures::StreamExt;
use lance_core::datatypes::Schema;
use lance_core::utils::deletion::DeletionVector;
use lance_table::format::DataFile;
use tokio::sync::mpsc;
use udf_runtime::task::{self, Task};

use super::is_wide;
use crate::adapter::error::LanceResultExt;
use crate::sink::destination::Destination;
use crate::sink::encoding;
use crate::sink::fragments::{BEHIND, received};
use crate::{Error, Result};

/// So many values are handed over at once where rows are left out.
const SLOTS: usize = 4096;

/// What became of a fragment's rows.
pub(super) struct Filled {
    /// Which fragment of the version it is.
    pub(super) at: usize,
    /// The new columns, if there are any.
    pub(super) file: Option<DataFile>,
    /// The rows that are left out.
    pub(super) gone: DeletionVector,
}

/// How new columns are stored.
pub(super) struct NewColumns {
    /// Their numbers.
    pub(super) numbers: Schema,
    /// All may be null: those of rows that are left out are.
    pub(super) schema: SchemaRef,
}

/// The rows of one fragment on their way.
pub(super) struct Slots<'a> {
    destination: &'a Arc<Destination>,
    columns: &'a NewColumns,
    at: usize,
    rows: u32,
    next: u32,
    /// The last row that was added.
    last: Option<RecordBatch>,
    gone: DeletionVector,
    file: Option<File>,
}

/// What stands at a place: a row, or nothing, for which the row may stand in.
#[derive(Clone, Copy)]
struct Slot {
    row: u32,
    is_there: bool,
}

struct File {
    rows: mpsc::Sender<RecordBatch>,
    written: Task<lance::Result<(DataFile, Option<usize>)>>,
}

impl<'a> Slots<'a> {
    /// A fragment of so many rows.
    pub(super) fn of(
        destination: &'a Arc<Destination>,
        columns: &'a NewColumns,
        (at, rows): (usize, u32),
    ) -> Self {
        let gone = DeletionVector::default();
        Self { destination, columns, at, rows, next: 0, last: None, gone, file: None }
    }

    /// Which fragment of the version it is.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Adds rows at these offsets, which ascend. Those between them are left out.
    pub(super) async fn add(&mut self, rows: &RecordBatch, offsets: &[u32]) -> Result<()> {
        let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return Ok(()) };
        self.last = Some(rows.slice(rows.num_rows() - 1, 1));
        if *first < self.next || *last >= self.rows {
            return Err(Error::internal(format!("row {first} of a fragment is out of order")));
        }
        let is_dense = (*last - *first) as usize + 1 == offsets.len();
        if is_dense && *first == self.next {
            self.next = last + 1;
            return self.write(rows, rows.clone()).await;
        }
        let mut slots = Vec::with_capacity(SLOTS);
        for (row, offset) in (0..).zip(offsets) {
            if self.next < *offset {
                self.gone.extend(self.next..*offset);
            }
            for slot in self.next..=*offset {
                slots.push(Slot { row, is_there: slot == *offset });
                if slots.len() == SLOTS {
                    self.write_slots(rows, &mut slots).await?;
                }
            }
            self.next = offset + 1;
        }
        self.write_slots(rows, &mut slots).await
    }

    /// Ends the fragment, whose other rows are left out.
    pub(super) async fn finish(mut self) -> Result<Filled> {
        self.gone.extend(self.next..self.rows);
        while self.next < self.rows
            && let Some(last) = self.last.clone()
        {
            let slots = (self.rows - self.next).min(u32::try_from(SLOTS).unwrap_or(u32::MAX));
            self.next += slots;
            let empty = Slot { row: 0, is_there: false };
            self.write_slots(&last, &mut vec![empty; slots as usize]).await?;
        }
        let Self { destination, at, rows: height, gone, file, .. } = self;
        let Some(File { rows, written }) = file else { return Ok(Filled { at, file: None, gone }) };
        drop(rows);
        let (file, rows) = finished(written).await?.lance("write", &destination.title)?;
        // Lance does not look: what is too short cannot be read, what is too long is read wrong.
        if rows != Some(height as usize) {
            let what = format!("{rows:?} values were written for {height} rows of a fragment");
            return Err(Error::internal(what));
        }
        Ok(Filled { at, file: Some(file), gone })
    }

    async fn write_slots(&mut self, rows: &RecordBatch, slots: &mut Vec<Slot>) -> Result<()> {
        if slots.is_empty() || self.columns.schema.fields().is_empty() {
            slots.clear();
            return Ok(());
        }
        let with_nulls = slots.iter().map(|slot| slot.is_there.then_some(slot.row));
        let with_nulls: UInt32Array = with_nulls.collect();
        let with_values: UInt32Array = slots.iter().map(|slot| Some(slot.row)).collect();
        slots.clear();
        let filled = rows.columns().iter().map(|column| match is_wide(column.data_type()) {
            // WHY: Lance does not write null vectors of numbers that are never null.
            true => take(column, &with_values, None),
            false => take(column, &with_nulls, None),
        });
        let filled = filled.collect::<Result<Vec<_>, _>>().map_err(DataFusionError::from)?;
        let height = RecordBatchOptions::new().with_row_count(Some(with_values.len()));
        let filled = RecordBatch::try_new_with_options(rows.schema(), filled, &height);
        let filled = filled.map_err(DataFusionError::from)?;
        self.write(rows, filled).await
    }

    /// Hands rows to the file; how it is encoded is judged by `like`.
    async fn write(&mut self, like: &RecordBatch, rows: RecordBatch) -> Result<()> {
        if self.columns.schema.fields().is_empty() {
            return Ok(());
        }
        if self.file.is_none() {
            self.file = Some(self.begin(like));
        }
        if let Some(file) = &self.file
            && file.rows.send(rows).await.is_err()
            && let Some(File { written, .. }) = self.file.take()
        {
            finished(written).await?.lance("write", &self.destination.title)?;
            return Err(Error::internal("a file ended before its rows"));
        }
        Ok(())
    }

    fn begin(&self, like: &RecordBatch) -> File {
        let (rows, batches) = mpsc::channel(BEHIND);
        let mut numbers = self.columns.numbers.clone();
        encoding::choose(&mut numbers, like);
        let (schema, destination) =
            (Arc::clone(&self.columns.schema), Arc::clone(self.destination));
        let batches = received(batches).map(Ok).boxed();
        let written = async move { destination.write_file(&numbers, schema, batches).await };
        let written = task::spawn(written);
        File { rows, written }
    }
}

async fn finished<T>(written: Task<lance::Result<T>>) -> Result<lance::Result<T>> {
    written.await.map_err(|error| Error::internal(error.to_string()))
}
