//! Exports: a chain's rows as a file that other programs read, on this machine or in a bucket.
//!
//! A file appears whole or not at all. Rows are encoded on all cores and written in their order, in bounded memory.

mod cells;
mod csv;
mod flat;
mod json;
mod parquet;
mod target;
mod times;

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use udf_runtime::task;

use crate::chain::BatchStream;
use crate::progress::{Progress, StageProgress};
use crate::{Chain, Error, ObjectInfo, Objects, Result};
use csv::Csv;
use json::Json;
use target::Target;

pub use csv::{CsvStyle, Quoting};
pub(crate) use flat::tag_of;
pub use json::JsonStyle;
pub use parquet::{Others, ParquetStyle};
pub use target::Uploads;

/// What to write, and where to.
#[derive(Clone, Debug)]
pub struct Export {
    /// A path or URI: of a file, or of a folder when there are several.
    pub uri: String,
    /// How to reach it.
    pub objects: Objects,
    /// What kind of file.
    pub format: ExportFormat,
}

/// A kind of file.
#[derive(Clone, Debug)]
pub enum ExportFormat {
    /// Text in columns; models have one for each field.
    Csv(CsvStyle),
    /// Objects.
    Json(JsonStyle),
    /// Parquet; models have a column for each field, and say in the footer what they are.
    Parquet(ParquetStyle),
}

impl Chain {
    /// Writes the rows, in order. The file that was there is replaced at the end; of several files nothing is told.
    ///
    /// Whoever drops this before its end has the uploads [abandoned](Uploads::abandon).
    ///
    /// # Errors
    /// What the query fails with, or the writing; [`Error::InvalidArgument`] for options and columns that no file of
    /// this kind can have.
    pub fn export<'a>(
        &'a self,
        export: Export,
        uploads: &'a Uploads,
        progress: &'a Arc<Progress>,
    ) -> BoxFuture<'a, Result<Option<ObjectInfo>>> {
        let exported = async move {
            let written = self.write_to(&export, uploads, progress).await;
            if written.is_err() {
                uploads.abandon().await;
            }
            written
        };
        exported.boxed()
    }

    async fn write_to(
        &self,
        export: &Export,
        uploads: &Uploads,
        progress: &Arc<Progress>,
    ) -> Result<Option<ObjectInfo>> {
        let Export { uri, objects, format } = export;
        let schema = self.schema();
        // What cannot be written is refused before anything is computed.
        let encoder: Arc<dyn Encoder> = match format {
            ExportFormat::Csv(style) => Arc::new(Csv::try_new(style.clone(), &schema)?),
            ExportFormat::Json(style) => Arc::new(Json::new(*style, &schema)),
            ExportFormat::Parquet(style) => {
                let plan = parquet::Plan::try_new(style, &schema)?;
                let sink = parquet::Sink { objects, uri, uploads };
                let (_, rows) = self.stream(progress).await?;
                return plan.write(counted(rows, progress), sink).await;
            }
        };
        let mut target = Target::open(objects, uri, uploads).await?;
        let (_, rows) = self.stream(progress).await?;
        write_text(counted(rows, progress), &encoder, &mut target).await?;
        target.finish().await.map(Some)
    }
}

/// Text, a batch at a time.
trait Encoder: Send + Sync + 'static {
    /// What stands before the rows.
    fn head(&self) -> Result<Vec<u8>>;

    /// The rows of a batch.
    fn encode(&self, batch: &RecordBatch) -> Result<Vec<u8>>;

    /// What stands between two batches.
    fn between(&self) -> &'static [u8];

    /// What stands behind the rows.
    fn tail(&self) -> &'static [u8];
}

async fn write_text(
    rows: BatchStream,
    encoder: &Arc<dyn Encoder>,
    target: &mut Target,
) -> Result<()> {
    target.write(encoder.head()?).await?;
    let of = Arc::clone(encoder);
    let mut texts = rows
        .map(move |batch| {
            let encoder = Arc::clone(&of);
            on_a_core(move || encoder.encode(&batch?))
        })
        .buffered(cores());
    let mut is_first = true;
    while let Some(text) = texts.try_next().await? {
        if !is_first && !encoder.between().is_empty() {
            target.write(encoder.between().to_vec()).await?;
        }
        is_first = false;
        target.write(text).await?;
    }
    target.write(encoder.tail().to_vec()).await
}

/// Work for a processor, beside what else goes on.
async fn on_a_core<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = task::spawn_blocking(work).await;
    done.map_err(|error| Error::internal(error.to_string()))?
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The rows, which are counted as they pass; no batch is empty.
fn counted(rows: BatchStream, progress: &Progress) -> BatchStream {
    let stage: Arc<StageProgress> = progress.start("export", None);
    let rows = rows.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
    Box::pin(rows.inspect_ok(move |batch| stage.add(batch.num_rows())))
}

/// Two columns of a file cannot have one name.
fn refuse_doubled(schema: &SchemaRef) -> Result<()> {
    match crate::source::doubled(schema) {
        None => Ok(()),
        Some(name) => Err(Error::InvalidArgument {
            argument: "column",
            given: name.to_owned(),
            accepted: "a field of a model and another column have this name in a file; \
                       rename one of them"
                .to_owned(),
        }),
    }
}
