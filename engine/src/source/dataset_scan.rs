//! [`DatasetScanExec`]: reads consecutive ranges of a version's rows, only the leaves that are asked for.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use lance::Dataset;
use lance::dataset::ProjectionRequest;

use super::batch_rows::{
    PROBE_ROWS, batch_rows, fixed_bytes, own_bytes, read_bytes, stored_bytes, vary,
};
use super::dataset::Leaf;
use super::fragments::{Fragments, ROW_ADDRESS, at_path, columns};
use super::row_range::RowRange;
use super::scan::{Batches, Scan, ScanExec};
use crate::adapter::error::from_lance;
use crate::memory::{Hot, HotKey, HotVectors, Memory};
use crate::stored::convert;
use crate::sys;

#[cfg(test)]
mod tests;

/// Rows of fewer bytes are read with those between them that are masked: to leave these out while reading takes longer.
const NARROW_BYTES: usize = 256;

/// Reads a version of a dataset.
pub(super) type DatasetScanExec = ScanExec<DatasetScan>;

/// Consecutive ranges of its rows, and what is read of them.
#[derive(Debug)]
pub(super) struct DatasetScan {
    pub(super) title: String,
    pub(super) dataset: Arc<Dataset>,
    pub(super) leaves: Arc<Vec<Leaf>>,
    pub(super) ranges: Vec<RowRange>,
    /// What is guessed of the columns, if anything is.
    pub(super) guessed: Vec<ColumnStatistics>,
    /// The version's id, where rows that are read again stay in memory.
    pub(super) kept_of: Option<Arc<str>>,
}

impl fmt::Display for DatasetScan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<String> = self.leaves.iter().map(|leaf| leaf.path.join(".")).collect();
        write!(
            f,
            "{}: {}, columns=[{}], rows={}, partitions={}",
            Self::NAME,
            self.title,
            paths.join(", "),
            self.height(),
            self.ranges.len()
        )
    }
}

impl Scan for DatasetScan {
    const NAME: &'static str = "DatasetScanExec";

    fn schema(&self) -> SchemaRef {
        let fields: Vec<_> = self.leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        Arc::new(Schema::new(fields))
    }

    fn partitions(&self) -> usize {
        self.ranges.len()
    }

    fn statistics(&self, nothing: Statistics, partition: Option<usize>) -> Statistics {
        let rows = match partition {
            Some(partition) => self.ranges[partition].rows(),
            None => self.height(),
        };
        let statistics = nothing.with_num_rows(Precision::Exact(rows));
        match partition {
            None if !self.guessed.is_empty() => {
                Statistics { column_statistics: self.guessed.clone(), ..statistics }
            }
            _ => statistics,
        }
    }

    fn rows(self: Arc<Self>, partition: usize, context: &TaskContext) -> Batches {
        let (scan, memory) = (Arc::clone(&self), memory_of(context));
        let opened = async move {
            let range = &scan.ranges[partition];
            scan.reader(Arc::clone(&scan.leaves), memory, range).await?.read(range).await
        };
        let rows = stream::once(opened).try_flatten().boxed();
        match (context.session_config().get_extension::<HotVectors>(), self.key(partition)) {
            (Some(hot), Some(key)) => kept(hot, key, rows),
            _ => rows,
        }
    }
}

/// What the session that runs a plan may use.
pub(super) fn memory_of(context: &TaskContext) -> Memory {
    let memory = context.session_config().get_extension::<Memory>();
    memory.as_deref().copied().unwrap_or_else(|| Memory::new(u64::MAX))
}

impl DatasetScan {
    /// All its rows.
    pub(super) fn height(&self) -> usize {
        self.ranges.iter().map(RowRange::rows).sum()
    }

    /// Reads these leaves of the range.
    pub(super) async fn reader(
        &self,
        leaves: Arc<Vec<Leaf>>,
        memory: Memory,
        range: &RowRange,
    ) -> Result<Reader> {
        Reader::new(Arc::clone(&self.dataset), leaves, memory, range, self.title.clone()).await
    }

    /// What a partition reads, where it is kept.
    fn key(&self, partition: usize) -> Option<HotKey> {
        let version = Arc::clone(self.kept_of.as_ref()?);
        let paths = self.leaves.iter().map(|leaf| leaf.path.clone()).collect();
        Some(HotKey { version, paths, rows: self.ranges[partition].places() })
    }
}

/// The rows from memory, or as they are read, to be kept when all of them were.
fn kept(hot: Arc<HotVectors>, key: HotKey, rows: Batches) -> Batches {
    let most = match hot.get(&key) {
        Hot::Here(batches) => {
            let places = 0..batches.len();
            return stream::iter(places.map(move |at| Ok(batches[at].clone()))).boxed();
        }
        Hot::New => return rows,
        Hot::Wanted(most) => most,
    };
    let rows =
        stream::try_unfold((rows, Vec::new(), 0), move |(mut rows, mut batches, mut bytes)| {
            let (hot, key) = (Arc::clone(&hot), key.clone());
            async move {
                let Some(batch) = rows.try_next().await? else {
                    if bytes <= most {
                        hot.keep(key, batches, bytes);
                    }
                    return Ok(None);
                };
                bytes += own_bytes(&batch);
                if bytes > most {
                    batches = Vec::new();
                } else {
                    batches.push(batch.clone());
                }
                Ok(Some((batch, (rows, batches, bytes))))
            }
        });
    rows.boxed()
}

/// How Lance's batches become ours.
struct Shape {
    schema: SchemaRef,
    leaves: Arc<Vec<Leaf>>,
    /// How much may be read before it is asked for.
    memory: Memory,
}

/// Reads some leaves of a version, range after range.
pub(super) struct Reader {
    dataset: Arc<Dataset>,
    shape: Arc<Shape>,
    title: String,
    /// The bytes of a row in memory, as far as is known.
    width: usize,
    batch_rows: usize,
}

impl Reader {
    /// Looks at a few rows of the range where types do not tell how long its values are.
    pub(super) async fn new(
        dataset: Arc<Dataset>,
        leaves: Arc<Vec<Leaf>>,
        memory: Memory,
        range: &RowRange,
        title: String,
    ) -> Result<Self> {
        let fields: Vec<_> = leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
        let shape = Arc::new(Shape { schema: Arc::new(Schema::new(fields)), leaves, memory });
        let known = stored_bytes(&dataset);
        let width = fixed_bytes(shape.kinds());
        let mut reader = Self { dataset, shape, title, width, batch_rows: 0 };
        reader.batch_rows = reader.batch_rows(known);
        if vary(reader.shape.kinds()) && range.rows() > PROBE_ROWS {
            reader.batch_rows = reader.batch_rows.min(PROBE_ROWS);
            let few = reader.read(&range.first(PROBE_ROWS)).await?;
            reader.width = read_bytes(&few.try_collect::<Vec<_>>().await?);
            reader.batch_rows = reader.batch_rows(known.max(reader.width));
        }
        Ok(reader)
    }

    /// The bytes of a row in memory, as far as is known.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) async fn read(&self, range: &RowRange) -> Result<Batches> {
        let needs_address = self.shape.leaves.iter().any(Leaf::is_sys);
        if self.shape.readable().next().is_none() && !needs_address {
            return Ok(only_counts(Arc::clone(&self.shape.schema), range.rows()));
        }
        if range.rows() == 0 {
            return Ok(stream::empty().boxed());
        }
        let batches = self.rows(range).await.map_err(|error| self.damaged(error))?;
        let (shape, title) = (Arc::clone(&self.shape), self.title.clone());
        let batches = batches.map(move |batch| {
            let batch = batch.map_err(|error| damaged(error, &title))?;
            let places = batch.column_by_name(ROW_ADDRESS).map(AsArray::as_primitive);
            let pieces = pieces(&shape.fit(&batch, places)?, shape.memory.batch_bytes());
            Ok::<_, DataFusionError>(stream::iter(pieces.into_iter().map(Ok)))
        });
        Ok(batches.try_flatten().boxed())
    }

    /// As many rows at once as there is room for, if each takes so many bytes.
    fn batch_rows(&self, known: usize) -> usize {
        batch_rows(known, self.shape.memory.batch_bytes(), self.shape.kinds())
    }

    async fn rows(
        &self,
        range: &RowRange,
    ) -> lance::Result<impl Stream<Item = lance::Result<RecordBatch>> + use<>> {
        let (dataset, memory) = (Arc::clone(&self.dataset), self.shape.memory);
        let paths = self.shape.paths();
        let mut fragments = Fragments::new(dataset, paths, memory, self.batch_rows).await?;
        if self.shape.leaves.iter().any(Leaf::is_sys) {
            fragments = fragments.with_addresses();
        }
        let slices = range.slices(&self.dataset, self.width >= NARROW_BYTES).await?;
        Ok(fragments.read(&slices))
    }

    fn damaged(&self, error: lance::Error) -> DataFusionError {
        damaged(error, &self.title)
    }
}

/// The rows in batches of about so many bytes: how long values are is seen only when they were read.
fn pieces(batch: &RecordBatch, most_bytes: u64) -> Vec<RecordBatch> {
    let (rows, bytes) = (batch.num_rows(), own_bytes(batch) as u64);
    let wanted = usize::try_from(bytes / most_bytes.max(1)).unwrap_or(usize::MAX);
    let height = rows.div_ceil(wanted.clamp(1, rows.max(1))).max(1);
    let starts = (0..rows).step_by(height);
    starts.map(|start| batch.slice(start, height.min(rows - start))).collect()
}

fn damaged(error: lance::Error, title: &str) -> DataFusionError {
    from_lance(error, "read", title).into()
}

/// The values of these leaves in the range, one column each.
pub(super) async fn columns_of(
    dataset: &Arc<Dataset>,
    leaves: Vec<Leaf>,
    range: RowRange,
    title: String,
) -> Result<Vec<ArrayRef>> {
    // Nothing is read ahead.
    let memory = Memory::new(0);
    let reader = Reader::new(Arc::clone(dataset), Arc::new(leaves), memory, &range, title).await?;
    let batches: Vec<RecordBatch> = reader.read(&range).await?.try_collect().await?;
    Ok(concat_batches(&reader.shape.schema, &batches)?.columns().to_vec())
}

/// The leaves of the rows at these places, which are addresses, in their order.
pub(super) async fn rows_at(
    dataset: &Dataset,
    leaves: &[Leaf],
    places: &UInt64Array,
    title: &str,
) -> Result<RecordBatch> {
    let fields: Vec<_> = leaves.iter().map(|leaf| Arc::clone(&leaf.field)).collect();
    let shape = Shape {
        schema: Arc::new(Schema::new(fields)),
        leaves: Arc::new(leaves.to_vec()),
        // Nothing is read ahead.
        memory: Memory::new(0),
    };
    let damaged = |error| damaged(error, title);
    let columns = columns(dataset.schema(), shape.paths()).map_err(damaged)?;
    let request = ProjectionRequest::from_schema(columns);
    let rows = dataset.take_rows(places.values(), request).await.map_err(damaged)?;
    shape.fit(&rows, Some(places))
}

fn only_counts(schema: SchemaRef, rows: usize) -> Batches {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let batch = RecordBatch::try_new_with_options(schema, vec![], &options);
    stream::once(async move { Ok(batch?) }).boxed()
}

impl Shape {
    /// The leaves that files have.
    fn readable(&self) -> impl Iterator<Item = &Leaf> {
        self.leaves.iter().filter(|leaf| !leaf.is_sys())
    }

    fn paths(&self) -> impl Iterator<Item = &[String]> {
        self.readable().map(|leaf| leaf.path.as_slice())
    }

    fn kinds(&self) -> impl Iterator<Item = &DataType> {
        self.readable().map(|leaf| leaf.field.data_type())
    }

    /// Puts the columns into our order and names, and computes `sys` from where the rows are.
    fn fit(&self, batch: &RecordBatch, places: Option<&UInt64Array>) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.leaves.len());
        for leaf in self.leaves.iter() {
            if leaf.is_sys() {
                let Some(places) = places else {
                    return internal_err!("the scan returned no row addresses");
                };
                columns.push(sys::column(places, &leaf.path)?);
                continue;
            }
            // What the catalog's schema knows better: names and metadata inside, and types that files cannot hold.
            columns.push(convert(&at_path(batch, &leaf.path)?, leaf.field.data_type())?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
