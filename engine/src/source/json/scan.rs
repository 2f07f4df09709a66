//! [`JsonExec`]: reads the files, each partition on a thread of its own.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, RecordBatchOptions};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::TaskContext;
use datafusion::execution::context::SessionConfig;

use super::ahead::Ahead;
use super::column::Column;
use super::lexer::{Lexer, Parse};
use super::rows::{Rows, each_row};
use super::shape::Typed;
use super::{JsonFormat, JsonTable, Options};
use crate::Result;
use crate::blocking::{Taker, from_thread};
use crate::source::Leaf;
use crate::source::pieces::FileBytes;
use crate::source::scan::{Batches, Scan, ScanExec};

/// Less of a file is not worth a partition.
const MIN_BYTES: u64 = 1 << 20;

/// A batch ends after so much text, however few rows that is.
const BATCH_BYTES: usize = 16 << 20;

/// Batches that wait for whoever takes them.
const BATCHES_AHEAD: usize = 2;

/// The operator.
pub(super) type JsonExec = ScanExec<JsonScan>;

#[derive(Debug)]
pub(super) struct JsonScan {
    schema: SchemaRef,
    files: Arc<Vec<FileBytes>>,
    options: Arc<Options>,
    typed: Arc<Typed>,
    /// Below the column that is read.
    paths: Vec<Vec<String>>,
    partitions: Vec<Vec<Part>>,
    limit: usize,
}

/// Bytes of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Part {
    file: usize,
    range: Range<u64>,
}

impl JsonScan {
    pub(super) fn new(
        table: &JsonTable,
        config: &SessionConfig,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Self {
        let leaves: Vec<&Leaf> = match projection {
            Some(chosen) => chosen.iter().filter_map(|place| table.leaves.get(*place)).collect(),
            None => table.leaves.iter().collect(),
        };
        let fields: Vec<FieldRef> = leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        let schema = Arc::new(Schema::new(fields));
        let paths = leaves.iter().map(|leaf| leaf.path.iter().skip(1).cloned().collect());
        let partitions =
            partitions(&table.read.files, &table.read.options, config.target_partitions());
        Self {
            schema,
            files: Arc::clone(&table.read.files),
            options: Arc::clone(&table.read.options),
            typed: Arc::clone(&table.read.typed),
            paths: paths.collect(),
            partitions,
            limit: limit.unwrap_or(usize::MAX),
        }
    }
}

/// Consecutive parts of the files for at most so many partitions, of about the same size.
fn partitions(files: &[FileBytes], options: &Options, target: usize) -> Vec<Vec<Part>> {
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let share = bytes.div_ceil(target.max(1) as u64).max(MIN_BYTES);
    let (mut partitions, mut room) = (vec![vec![]], share);
    for (number, file) in files.iter().enumerate() {
        let is_cut =
            options.format == JsonFormat::Lines && options.rows.is_none() && !file.is_packed();
        let mut start = 0;
        loop {
            if room == 0 {
                partitions.push(vec![]);
                room = share;
            }
            let left = file.bytes - start;
            let taken = if is_cut { left.min(room) } else { left };
            let is_last = taken == left;
            // A file that is packed has more to read than its bytes.
            let end = if is_last { u64::MAX } else { start + taken };
            if let Some(partition) = partitions.last_mut() {
                partition.push(Part { file: number, range: start..end });
            }
            room = room.saturating_sub(taken);
            start += taken;
            if is_last {
                break;
            }
        }
    }
    partitions
}

impl fmt::Display for JsonScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, parts) = (self.files.len(), self.partitions.len());
        write!(f, "JsonExec: format={:?}, files={files}, partitions={parts}", self.options.format)
    }
}

impl Scan for JsonScan {
    const NAME: &'static str = "JsonExec";

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn rows(self: Arc<Self>, partition: usize, context: &TaskContext) -> Batches {
        let batch_rows = context.session_config().batch_size();
        from_thread("lakebed-json", BATCHES_AHEAD, move |taker| {
            self.read(partition, batch_rows, taker).map_err(DataFusionError::from)
        })
    }
}

type Sender = Taker<RecordBatch, DataFusionError>;

impl JsonScan {
    fn read(&self, number: usize, batch_rows: usize, sender: &Sender) -> Result<()> {
        let wanted: Vec<&[String]> = self.paths.iter().map(Vec::as_slice).collect();
        let (column, left) = (Column::of(&self.typed, &wanted)?, self.limit);
        let paths = &self.paths;
        let schema = Arc::clone(&self.schema);
        let mut batches = Gathered { column, paths, bytes: 0, batch_rows, left, schema, sender };
        let parts = self.partitions.get(number).map(Vec::as_slice).unwrap_or_default();
        let mut files = Ahead::new(parts.iter().map(|part| self.files[part.file].clone()));
        for Part { range, .. } in parts {
            if !batches.is_wanted() {
                break;
            }
            let Some(file) = files.next() else { break };
            each_row(&file?, range.clone(), &self.options, &mut batches)?;
        }
        batches.flush()
    }
}

/// Rows on their way into batches.
struct Gathered<'s> {
    column: Column,
    paths: &'s [Vec<String>],
    bytes: usize,
    batch_rows: usize,
    left: usize,
    schema: SchemaRef,
    sender: &'s Sender,
}

impl Gathered<'_> {
    fn is_wanted(&self) -> bool {
        self.left > 0 && self.sender.is_there()
    }

    /// What is at the paths. Those that lead into others come from them.
    fn columns(&mut self) -> PlanResult<Vec<ArrayRef>> {
        let mut shortest: Vec<&Vec<String>> = self.paths.iter().collect();
        shortest.sort_by_key(|path| path.len());
        let mut taken: Vec<(&Vec<String>, ArrayRef)> = Vec::with_capacity(shortest.len());
        for path in shortest {
            let above = taken.iter().find(|(above, _)| path.starts_with(above));
            let column = match above {
                Some((above, column)) => below(column, &path[above.len()..])?,
                None => self.column.take(path)?,
            };
            taken.push((path, column));
        }
        let found = |path| taken.iter().find(|(known, _)| *known == path);
        let columns = self.paths.iter().filter_map(found);
        Ok(columns.map(|(_, column)| Arc::clone(column)).collect())
    }

    fn flush(&mut self) -> Result<()> {
        let rows = self.column.len();
        if rows == 0 {
            return Ok(());
        }
        self.bytes = 0;
        let columns = self.columns()?;
        self.column.clear();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(DataFusionError::from)?;
        self.sender.take(batch);
        Ok(())
    }
}

impl Rows for Gathered<'_> {
    fn row(&mut self, text: &str) -> Parse<()> {
        let mut lexer = Lexer::new(text);
        self.column.push(&mut lexer)?;
        self.bytes += text.len();
        self.left -= 1;
        lexer.end()
    }

    fn goes_on(&mut self) -> Result<bool> {
        if self.column.len() >= self.batch_rows || self.bytes >= BATCH_BYTES {
            self.flush()?;
            return Ok(self.is_wanted());
        }
        Ok(self.left > 0)
    }
}

/// The field of a model at a path.
fn below(model: &ArrayRef, path: &[String]) -> PlanResult<ArrayRef> {
    let Some((name, rest)) = path.split_first() else { return Ok(Arc::clone(model)) };
    match model.as_struct_opt().and_then(|model| model.column_by_name(name)) {
        Some(field) => below(field, rest),
        None => internal_err!("no field `{name}` in {}", model.data_type()),
    }
}
