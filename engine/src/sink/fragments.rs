//! Writes one partition's batches as fragments that belong to no version yet.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt, stream};
use lance::dataset::fragment::write::FragmentCreateBuilder;
use lance::dataset::transaction::{Operation, TransactionBuilder};
use lance::dataset::{CommitBuilder, WriteMode, WriteParams};
use lance_core::datatypes::Schema as LanceSchema;
use lance_table::format::{BasePath, Fragment};
use tokio::sync::mpsc;
use udf_runtime::task::{self, Task};

use super::encoding;
use super::preview::{self, PREVIEW_ROWS};
use super::vectors::VectorLengths;
use crate::adapter::error::LanceResultExt;
use crate::kind::kind_name;
use crate::progress::StageProgress;
use crate::stored::{converted, stored_schema};
use crate::{Error, Result};

/// A file ends at this size or at Lance's default of about a million rows.
const MAX_FILE_BYTES: usize = 2 << 30;

/// Where fragments are written, and what they hold.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) uri: String,
    /// The folder below the root, as the catalog has it.
    pub(super) location: String,
    pub(super) title: String,
    pub(super) schema: SchemaRef,
    pub(super) session: Arc<lance::session::Session>,
}

/// Fragments whose files agree on which columns are vectors.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) lengths: VectorLengths,
    pub(super) fragments: Vec<Fragment>,
}

/// What one partition became.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) segments: Vec<Segment>,
    pub(super) preview: Vec<RecordBatch>,
}

impl Target {
    pub(super) fn params(&self) -> WriteParams {
        WriteParams {
            mode: WriteMode::Overwrite,
            max_bytes_per_file: MAX_FILE_BYTES,
            session: Some(Arc::clone(&self.session)),
            ..WriteParams::default()
        }
    }

    /// Writes all rows of a partition, in their order.
    pub(super) async fn write(
        self: Arc<Self>,
        mut rows: SendableRecordBatchStream,
        progress: Arc<StageProgress>,
    ) -> Result<Written> {
        let mut written = Written::default();
        let mut open: Option<OpenSegment> = None;
        let mut previewed = 0;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            if batch.num_rows() == 0 {
                continue;
            }
            if previewed < PREVIEW_ROWS {
                let taken = batch.num_rows().min(PREVIEW_ROWS - previewed);
                written.preview.push(preview::beginning(&batch.slice(0, taken))?);
                previewed += taken;
            }
            let rows = batch.num_rows();
            let mut lengths = VectorLengths::of(&batch);
            if let Some(segment) = open.take() {
                if segment.lengths.fit(&batch) {
                    open = Some(segment);
                } else {
                    lengths = segment.lengths.agree(&lengths);
                    written.segments.push(segment.close(&self.title).await?);
                }
            }
            let segment = match &mut open {
                Some(segment) => segment,
                None => open.insert(OpenSegment::start(&self, lengths)),
            };
            segment.push(&batch, &self.title).await?;
            progress.add(rows);
        }
        if let Some(segment) = open {
            written.segments.push(segment.close(&self.title).await?);
        }
        Ok(written)
    }

    /// Copies a segment into files where fewer columns are vectors.
    pub(super) async fn rewrite(
        self: Arc<Self>,
        segment: Segment,
        lengths: VectorLengths,
    ) -> Result<Segment> {
        let schema = segment.lengths.apply_to(&self.schema);
        let base = BasePath::new(1, self.uri.clone(), None, true);
        let mut fragments = segment.fragments;
        for file in fragments.iter_mut().flat_map(|fragment| &mut fragment.files) {
            file.base_id = Some(1);
        }
        let operation = Operation::Overwrite {
            fragments,
            schema: lance_schema(&schema, &self.title)?,
            config_upsert_values: None,
            initial_bases: Some(vec![base]),
        };
        let transaction = TransactionBuilder::new(0, operation).build();
        let reader = CommitBuilder::new("memory://rewrite").execute(transaction).await;
        let reader = reader.lance("read", &self.title)?;
        let rows = reader.scan().try_into_stream().await.lance("read", &self.title)?;
        let plain = Arc::clone(&self.schema);
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)));
        let rows = rows.map(move |batch| converted(&batch?, &plain));
        let rows = Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows));
        let mut open = OpenSegment::start(&self, lengths);
        let mut rows: SendableRecordBatchStream = rows;
        while let Some(batch) = rows.next().await {
            open.push(&batch?, &self.title).await?;
        }
        open.close(&self.title).await
    }
}

/// The schema of the files with field numbers in depth-first order, as every writer of the version gives them.
pub(super) fn lance_schema(schema: &Schema, title: &str) -> Result<LanceSchema> {
    LanceSchema::try_from(stored_schema(schema).as_ref()).lance("write", title)
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

/// A segment that still takes batches; its writer runs beside us.
struct OpenSegment {
    lengths: VectorLengths,
    schema: SchemaRef,
    stored: SchemaRef,
    batches: Option<mpsc::Sender<RecordBatch>>,
    writer: Task<Result<Vec<Fragment>>>,
}

impl OpenSegment {
    fn start(target: &Arc<Target>, lengths: VectorLengths) -> Self {
        let schema = lengths.apply_to(&target.schema);
        let stored = stored_schema(&schema);
        let (batches, ready) = mpsc::channel(2);
        let writer = task::spawn(write_files(Arc::clone(target), Arc::clone(&stored), ready));
        Self { lengths, schema, stored, batches: Some(batches), writer }
    }

    async fn push(&mut self, batch: &RecordBatch, title: &str) -> Result<()> {
        let batch = self.lengths.convert(batch, &self.schema)?;
        let batch = converted(&batch, &self.stored)?;
        let sent = match &self.batches {
            Some(batches) => batches.send(batch).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.why_stopped(title).await) }
    }

    async fn close(mut self, title: &str) -> Result<Segment> {
        self.batches = None;
        match (&mut self.writer).await {
            Ok(fragments) => Ok(Segment { lengths: self.lengths.clone(), fragments: fragments? }),
            Err(error) => Err(Error::internal(format!("the writer of `{title}` stopped: {error}"))),
        }
    }

    async fn why_stopped(&mut self, title: &str) -> Error {
        self.batches = None;
        match (&mut self.writer).await {
            Ok(Err(error)) => error,
            _ => Error::internal(format!("the writer of `{title}` stopped")),
        }
    }
}

async fn write_files(
    target: Arc<Target>,
    schema: SchemaRef,
    mut ready: mpsc::Receiver<RecordBatch>,
) -> Result<Vec<Fragment>> {
    let mut stored = lance_schema(&schema, &target.title)?;
    let first = ready.recv().await;
    if let Some(first) = &first {
        encoding::choose(&mut stored, first);
    }
    let params = target.params();
    let rest =
        stream::unfold(ready, |mut ready| async move { Some((Ok(ready.recv().await?), ready)) });
    let batches = stream::iter(first.map(Ok)).chain(rest);
    let batches: SendableRecordBatchStream =
        Box::pin(RecordBatchStreamAdapter::new(schema, batches));
    FragmentCreateBuilder::new(&target.uri)
        .schema(&stored)
        .write_params(&params)
        .write_fragments(batches)
        .await
        .lance("write", &target.title)
}
