//! [`KeepRowsExec`]: rows that have no fixed order are written down before a function sees them, so that the function
//! sees the same rows in the same order when its stage is continued.

use std::fmt;
use std::io::{BufReader, BufWriter, IntoInnerError};
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::execution_plan::EmissionType;
use futures::{StreamExt, TryStreamExt, stream};

use super::one_partition::{Batches, OnePartitionExec, Work};
use crate::blocking::blocking;
use crate::layout;
use crate::storage::{Fetched, Location, Storage};

/// Rows that are written down.
pub(super) type KeepRowsExec = OnePartitionExec<KeepRows>;

/// Reads the file when it is there, unless it is to be made anew; else writes it from the input first.
#[derive(Debug)]
pub(super) struct KeepRows {
    pub(super) storage: Arc<Storage>,
    pub(super) location: Location,
    pub(super) fresh: bool,
}

impl fmt::Display for KeepRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::NAME)
    }
}

impl Work for KeepRows {
    const NAME: &'static str = "KeepRowsExec";
    // WHY: else a sort below counts as useless and is removed.
    const KEEPS_ORDER: bool = true;
    const EMITS: EmissionType = EmissionType::Final;

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        let input = Arc::clone(input);
        let rows = async move {
            let kept = if self.fresh { None } else { self.storage.fetch(&self.location).await? };
            let kept = match kept {
                Some(kept) => kept,
                None => self.written(input.execute(0, context)?).await?,
            };
            Ok::<_, DataFusionError>(pieces(FileReader::try_new(BufReader::new(kept), None)?))
        };
        Ok(stream::once(rows).try_flatten().boxed())
    }
}

type Rows = FileReader<BufReader<Fetched>>;

impl KeepRows {
    /// The file, once it is written from these rows; it appears whole or not at all.
    async fn written(&self, mut rows: SendableRecordBatchStream) -> Result<Fetched> {
        let (storage, folder) = (Arc::clone(&self.storage), layout::parent(&self.location));
        let schema: SchemaRef = rows.schema();
        let mut writer = blocking(move || -> Result<_> {
            let file = BufWriter::new(storage.stage(&folder)?);
            Ok(FileWriter::try_new(file, &schema)?)
        })
        .await?;
        while let Some(batch) = rows.next().await {
            let batch = batch?;
            writer = blocking(move || -> Result<_> {
                writer.write(&batch)?;
                Ok(writer)
            })
            .await?;
        }
        let staged = blocking(move || -> Result<_> {
            let file = writer.into_inner()?;
            Ok(file.into_inner().map_err(IntoInnerError::into_error)?)
        });
        self.storage.publish(staged.await?, &self.location).await?;
        let kept = self.storage.fetch(&self.location).await?;
        kept.ok_or_else(|| DataFusionError::Internal("rows that were kept are gone".to_owned()))
    }
}

/// The rows of a file, each batch read off the threads of the async runtime.
fn pieces(rows: Rows) -> Batches {
    let next = |mut rows: Rows| async move {
        let read = move || -> Result<_> { Ok((rows.next().transpose()?, rows)) };
        let (batch, rows) = blocking(read).await?;
        Ok(batch.map(|batch| (batch, rows)))
    };
    stream::try_unfold(rows, next).boxed()
}
