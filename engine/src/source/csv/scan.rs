//! [`CsvExec`]: reads the files; each partition some of them, one after the other.

use std::collections::VecDeque;
use std::fmt;
use std::future::ready;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::TaskContext;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::task::JoinError;
use udf_runtime::task;

use super::chunks::Chunks;
use super::column::{Misfit, column};
use super::split::{Broken, Ragged, Records};
use super::{RaggedRow, Read};
use crate::blocking::{Taker, from_thread};
use crate::kind::kind_name;
use crate::source::pieces::FileBytes;
use crate::source::scan::{Batches, Scan, ScanExec};
use crate::{Error, Result};

/// The operator.
pub(super) type CsvExec = ScanExec<CsvScan>;

#[derive(Debug)]
pub(super) struct CsvScan {
    read: Arc<Read>,
    chosen: Arc<Chosen>,
    /// The files of each partition.
    partitions: Vec<Vec<usize>>,
    /// Chunks of a partition that are made columns at once.
    at_once: usize,
    limit: usize,
}

/// Columns that are asked for.
#[derive(Debug)]
struct Chosen {
    schema: SchemaRef,
    /// Numbers among the columns of the files; `None` for the one that says where a row is from.
    columns: Vec<Option<usize>>,
}

impl CsvScan {
    pub(super) fn try_new(
        read: Arc<Read>,
        schema: &SchemaRef,
        projection: Option<&Vec<usize>>,
        (target, limit): (usize, Option<usize>),
    ) -> PlanResult<Self> {
        let all: Vec<usize> = (0..schema.fields().len()).collect();
        let asked = projection.unwrap_or(&all);
        let before = usize::from(read.source.is_some());
        let chosen = Chosen {
            schema: Arc::new(schema.project(asked)?),
            columns: asked.iter().map(|at| at.checked_sub(before)).collect(),
        };
        let partitions = partitions(&read.files, target);
        Ok(Self {
            read,
            chosen: Arc::new(chosen),
            at_once: target.div_ceil(partitions.len()) + 1,
            partitions,
            limit: limit.unwrap_or(usize::MAX),
        })
    }
}

/// Consecutive files for at most so many partitions, of about the same size.
fn partitions(files: &[FileBytes], target: usize) -> Vec<Vec<usize>> {
    let bytes: u64 = files.iter().map(|file| file.bytes).sum();
    let share = bytes.div_ceil(target.max(1) as u64).max(1);
    let mut partitions: Vec<Vec<usize>> = vec![vec![]];
    let mut before = 0;
    for (number, file) in files.iter().enumerate() {
        if before >= share * partitions.len() as u64 {
            partitions.push(vec![]);
        }
        if let Some(partition) = partitions.last_mut() {
            partition.push(number);
        }
        before += file.bytes;
    }
    partitions
}

impl fmt::Display for CsvScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (files, partitions) = (self.read.files.len(), self.partitions.len());
        let columns = self.chosen.schema.fields().iter().map(|field| field.name().as_str());
        let columns: Vec<&str> = columns.collect();
        write!(
            f,
            "CsvExec: files={files}, partitions={partitions}, columns=[{}]",
            columns.join(", ")
        )
    }
}

impl Scan for CsvScan {
    const NAME: &'static str = "CsvExec";

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.chosen.schema)
    }

    fn partitions(&self) -> usize {
        self.partitions.len()
    }

    fn rows(self: Arc<Self>, partition: usize, context: &TaskContext) -> Batches {
        let files = self.partitions.get(partition).cloned().unwrap_or_default();
        let (read, chosen) = (Arc::clone(&self.read), Arc::clone(&self.chosen));
        let (limit, at_once) = (self.limit, self.at_once);
        let batch_rows = context.session_config().batch_size();
        let cut = Cut { read: Arc::clone(&read), chosen: Arc::clone(&chosen), limit };
        let chunks = from_thread("lakebed-csv", at_once, move |taker| cut.files(&files, taker));
        let (ready, file, row) = (VecDeque::new(), usize::MAX, 0);
        let rows = InOrder { read, chosen, chunks, ready, batch_rows, file, row, limit };
        stream::try_unfold(rows, InOrder::next).map_err(DataFusionError::from).boxed()
    }
}

/// A chunk on its way.
struct Chunk {
    file: usize,
    made: BoxFuture<'static, Result<Made, Trouble>>,
}

/// The asked columns of a chunk, but the one that says where rows are from.
struct Made {
    columns: Vec<Option<ArrayRef>>,
    rows: usize,
}

/// What is wrong with a chunk.
enum Trouble {
    /// With one of its rows.
    Row(usize, Fault),
    Other(Error),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// What is wrong with a row.
enum Fault {
    Open,
    Ragged { fields: usize, expected: usize, text: String },
    Value { column: usize, text: String },
}

/// Cuts files into chunks, on a thread that may wait.
struct Cut {
    read: Arc<Read>,
    chosen: Arc<Chosen>,
    limit: usize,
}

impl Cut {
    fn files(&self, files: &[usize], taker: &Taker<Chunk, Error>) -> Result<()> {
        for file in files {
            if !self.file(*file, taker)? {
                break;
            }
        }
        Ok(())
    }

    /// False when nobody wants more.
    fn file(&self, number: usize, taker: &Taker<Chunk, Error>) -> Result<bool> {
        let file = &self.read.files[number];
        let mut chunks = Chunks::open(file, &self.read.dialect)?;
        let (header, mut next) = match self.read.has_header {
            true => match chunks.header()? {
                Some((header, text)) => (header, Some(text)),
                None => return Ok(true),
            },
            false => (Vec::new(), chunks.next()?),
        };
        let places = Arc::new(self.read.places(file.path(), &header)?);
        let width = if header.is_empty() { self.read.columns.len() } else { header.len() };
        let mut left =
            self.read.rows.map_or(usize::MAX, |rows| usize::try_from(rows).unwrap_or(usize::MAX));
        while let Some(text) = next {
            let (read, chosen) = (Arc::clone(&self.read), Arc::clone(&self.chosen));
            let (places, most) = (Arc::clone(&places), left.min(self.limit));
            let make = move || read.made(&text, &chosen, (&places, width), most);
            let made = if self.read.rows.is_some() {
                // How many rows there were tells how many more to read.
                let made = make();
                left = left.saturating_sub(made.as_ref().map_or(left, |made| made.rows));
                ready(made).boxed()
            } else {
                let made = task::spawn(async move { make() });
                let stopped = |error: JoinError| Error::internal(error.to_string());
                async move { made.await.map_err(stopped)? }.boxed()
            };
            if !taker.take(Chunk { file: number, made }) {
                return Ok(false);
            }
            next = if left > 0 { chunks.next()? } else { None };
        }
        Ok(true)
    }
}

impl Read {
    /// The asked columns of at most so many records.
    fn made(
        &self,
        text: &str,
        chosen: &Chosen,
        (places, width): (&[usize], usize),
        most: usize,
    ) -> Result<Made, Trouble> {
        let ragged = |ragged: Ragged| self.ragged(ragged, width);
        let mut kept: Vec<usize> = chosen.columns.iter().flatten().map(|at| places[*at]).collect();
        kept.sort_unstable();
        kept.dedup();
        let records = Records::split(&self.dialect, text, (width, &kept), most, ragged);
        let records = records.map_err(|broken| match broken {
            Broken::Open(row) => Trouble::Row(row, Fault::Open),
            Broken::Refused(trouble) => trouble,
        })?;
        let made = |at: &Option<usize>| -> Result<Option<ArrayRef>, Trouble> {
            let Some(at) = *at else { return Ok(None) };
            let number = kept.partition_point(|place| *place < places[at]);
            let made = column(&records, number, self.columns[at].data_type());
            made.map(Some).map_err(|misfit| match misfit {
                Misfit::Value(row) => {
                    let text = records.text(row, number).into_owned();
                    Trouble::Row(row, Fault::Value { column: at, text })
                }
                Misfit::Type(error) => Trouble::Other(Error::NotSupported {
                    what: format!(
                        "column `{}` of CSV files as {}",
                        self.columns[at].name(),
                        self.columns[at].data_type()
                    ),
                    instead: format!("read it as text and change that ({error})"),
                }),
            })
        };
        let columns = chosen.columns.iter().map(made).collect::<Result<_, _>>()?;
        Ok(Made { columns, rows: records.rows })
    }

    fn ragged(&self, ragged: Ragged, expected: usize) -> Result<(), Trouble> {
        let Ragged { row, fields, text } = ragged;
        let Some(rows) = &self.ragged else {
            return Err(Trouble::Row(row, Fault::Ragged { fields, expected, text }));
        };
        let told = RaggedRow { expected, actual: fields, text };
        match rows.0(&told)? {
            true => Ok(()),
            false => Err(Trouble::Row(row, Fault::Ragged { fields, expected, text: told.text })),
        }
    }

    /// In words.
    fn error(&self, file: usize, row: u64, fault: Fault) -> Error {
        let path = self.files.get(file).map_or("", FileBytes::path);
        let row = format!("row {row} (the first is 0) of `{path}`");
        let what = match fault {
            Fault::Open => format!("{row} opens a quote that is never closed"),
            Fault::Ragged { fields, expected, text } => format!(
                "{row} has {fields} values for {expected} columns: `{text}`; hint: \
                 parse_options={{\"invalid_row_handler\": lambda row: \"skip\"}} leaves such rows out"
            ),
            Fault::Value { column, text } => {
                let (name, kind) = (self.columns[column].name(), self.columns[column].data_type());
                let other = if matches!(kind, DataType::Int64) && text.trim().parse::<f64>().is_ok()
                {
                    "float"
                } else {
                    "string"
                };
                format!(
                    "column `{name}` is read as {}, but {row} has `{text}`; hint: \
                     column_types={{\"{name}\": \"{other}\"}}",
                    kind_name(kind)
                )
            }
        };
        Error::Value { what }
    }
}

/// The chunks' rows, in order.
struct InOrder {
    read: Arc<Read>,
    chosen: Arc<Chosen>,
    chunks: BoxStream<'static, Result<Chunk>>,
    ready: VecDeque<RecordBatch>,
    batch_rows: usize,
    file: usize,
    /// The number of the next row in its file.
    row: u64,
    /// So many more rows are wanted.
    limit: usize,
}

impl InOrder {
    async fn next(mut self) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some((batch, self)));
            }
            if self.limit == 0 {
                return Ok(None);
            }
            let Some(chunk) = self.chunks.next().await else { return Ok(None) };
            let Chunk { file, made } = chunk?;
            if file != self.file {
                (self.file, self.row) = (file, 0);
            }
            let made = made.await.map_err(|trouble| match trouble {
                Trouble::Row(row, fault) => self.read.error(file, self.row + row as u64, fault),
                Trouble::Other(error) => error,
            })?;
            self.take(made)?;
        }
    }

    fn take(&mut self, made: Made) -> Result<()> {
        let (file, first) = (self.file, self.row);
        self.row += made.rows as u64;
        let column = |made_column: Option<ArrayRef>| match (made_column, &self.read.source) {
            (Some(column), _) => Ok(column),
            (None, Some(source)) => source.column(file, first, made.rows),
            (None, None) => Err(Error::internal("a column of CSV files that is none of theirs")),
        };
        let columns = made.columns.into_iter().map(column).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(made.rows));
        let schema = Arc::clone(&self.chosen.schema);
        let batch = RecordBatch::try_new_with_options(schema, columns, &options)
            .map_err(DataFusionError::from)?;
        let rows = made.rows.min(self.limit);
        self.limit -= rows;
        let step = self.batch_rows.max(1);
        let slices = (0..rows).step_by(step);
        self.ready.extend(slices.map(|at| batch.slice(at, step.min(rows - at))));
        Ok(())
    }
}
