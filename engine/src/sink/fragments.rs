//! Writes one partition's rows as fragments that belong to no version yet.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use lance::dataset::fragment::write::FragmentCreateBuilder;
use lance::dataset::{WriteMode, WriteParams};
use lance_core::datatypes::Schema as LanceSchema;
use lance_table::format::{DataFile, Fragment};
use tokio::sync::mpsc;

use super::destination::Destination;
use super::encoding;
use super::of_results::OfResults;
use super::preview::{self, PREVIEW_ROWS};
use super::vectors::VectorLengths;
use super::written::Written;
use crate::adapter::error::LanceResultExt;
use crate::kind::kind_name;
use crate::progress::StageProgress;
use crate::stored::{converted, stored_schema};
use crate::{Error, Result};

/// A file ends at this size or at Lance's default of about a million rows.
const MAX_FILE_BYTES: usize = 2 << 30;

/// The columns of a version, known before its rows are written, so that many may write at once.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    lengths: VectorLengths,
    /// As users know them.
    pub(super) schema: SchemaRef,
    /// As files hold them.
    pub(super) stored: SchemaRef,
}

impl Columns {
    pub(super) fn new(lengths: VectorLengths, schema: &Schema) -> Self {
        let schema = lengths.apply_to(schema);
        let stored = stored_schema(&schema);
        Self { lengths, schema, stored }
    }

    pub(super) fn convert(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        self.lengths.check(batch)?;
        let batch = self.lengths.convert(batch, &self.schema)?;
        Ok(converted(&batch, &self.stored)?)
    }
}

/// Batches that a file may be behind.
pub(super) const BEHIND: usize = 2;

/// What is sent, as a stream.
pub(super) fn received<T: Send + 'static>(rows: mpsc::Receiver<T>) -> BoxStream<'static, T> {
    stream::unfold(rows, |mut rows| async move { Some((rows.recv().await?, rows)) }).boxed()
}

/// Rows on their way.
pub(super) type Rows = BoxStream<'static, Result<RecordBatch>>;

impl Destination {
    /// Writes all rows of a partition, in their order.
    pub(super) async fn write(
        self: Arc<Self>,
        columns: Columns,
        mut rows: Rows,
        progress: Arc<StageProgress>,
        of_results: Option<Arc<OfResults>>,
    ) -> Result<Written> {
        let (mut preview, mut first) = (Vec::new(), Vec::new());
        while preview.len() < PREVIEW_ROWS
            && let Some(batch) = rows.next().await.transpose()?
        {
            let shown = batch.num_rows().min(PREVIEW_ROWS - preview.len());
            preview.extend(preview::to_json(&batch.slice(0, shown))?);
            if shown > 0 {
                first.push(Ok(batch));
            }
        }
        if first.is_empty() {
            return Ok(Written::default());
        }
        let stored = Arc::clone(&columns.stored);
        let rows = stream::iter(first).chain(rows).map(move |batch| {
            let batch = batch?;
            progress.add(batch.num_rows());
            columns.convert(&batch)
        });
        let fragments = match of_results {
            Some(of_results) => of_results.write(&self, &stored, rows.boxed()).await?,
            None => self.write_files(stored, rows.boxed()).await?,
        };
        let rows = fragments.iter().filter_map(|fragment| fragment.physical_rows).sum::<usize>();
        Ok(Written { fragments, rows: rows as u64, preview })
    }

    pub(super) async fn write_files(
        &self,
        schema: SchemaRef,
        mut rows: Rows,
    ) -> Result<Vec<Fragment>> {
        let mut stored = lance_schema(&schema).lance("write", &self.title)?;
        let first = rows.next().await.transpose()?;
        if let Some(first) = &first {
            encoding::choose(&mut stored, first);
        }
        let columns = schema.fields().len();
        let rows = stream::iter(first.map(Ok)).chain(rows);
        let rows = rows.map(|batch| batch.map_err(Into::into));
        let rows: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        let mut params = WriteParams {
            mode: WriteMode::Overwrite,
            max_bytes_per_file: MAX_FILE_BYTES,
            session: Some(Arc::clone(&self.session)),
            ..WriteParams::default()
        };
        params.file_writer_options.get_or_insert_default().data_cache_bytes =
            self.memory.pages_bytes(columns);
        FragmentCreateBuilder::new(&self.uri())
            .schema(&stored)
            .write_params(&params)
            .write_fragments(rows)
            .await
            .lance("write", &self.title)
    }
}

impl Destination {
    /// Writes rows to one file, whose columns have these numbers; the file, and how many rows it has.
    pub(super) async fn write_file(
        &self,
        numbers: &LanceSchema,
        schema: SchemaRef,
        rows: BoxStream<'static, datafusion::error::Result<RecordBatch>>,
    ) -> lance::Result<(DataFile, Option<usize>)> {
        let rows: SendableRecordBatchStream = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
        let session = Some(Arc::clone(&self.session));
        let params = WriteParams { session, ..WriteParams::default() };
        let fragment = FragmentCreateBuilder::new(&self.uri())
            .schema(numbers)
            .write_params(&params)
            .write(rows, None)
            .await?;
        let rows = fragment.physical_rows;
        match <[DataFile; 1]>::try_from(fragment.files) {
            Ok([file]) => Ok((file, rows)),
            Err(files) => {
                Err(lance::Error::internal(format!("{} files were written", files.len())))
            }
        }
    }
}

/// The schema of the files with field numbers in depth-first order, as every writer of the version gives them.
pub(super) fn lance_schema(schema: &Schema) -> lance::Result<LanceSchema> {
    LanceSchema::try_from(stored_schema(schema).as_ref())
}

/// Types that cannot be stored are refused before anything runs.
pub(super) fn check_types(schema: &Schema) -> Result<()> {
    for field in schema.fields() {
        let stored = stored_schema(&Schema::new(vec![Arc::clone(field)]));
        if LanceSchema::try_from(stored.as_ref()).is_err() {
            let (name, kind) = (field.name(), kind_name(field.data_type()));
            return Err(Error::NotSupported {
                what: format!("saving column `{name}` of type {kind}"),
                instead: "cast it to another type or leave it out".to_owned(),
            });
        }
    }
    Ok(())
}
