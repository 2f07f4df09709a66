//! [`KeepRowsExec`]: rows that have no fixed order are written down before a function sees them, so that the function
//! sees the same rows in the same order when its stage is continued.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
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
use crate::checkpoint::temporary;

/// Rows that are written down.
pub(super) type KeepRowsExec = OnePartitionExec<KeepRows>;

/// Reads the file when it is there, unless it is to be made anew; else writes it from the input first.
#[derive(Debug)]
pub(super) struct KeepRows {
    pub(super) path: PathBuf,
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
            if self.fresh || !self.path.exists() {
                write(input.execute(0, context)?, &self.path).await?;
            }
            read(&self.path)
        };
        Ok(stream::once(rows).try_flatten().boxed())
    }
}

/// The file appears whole, by a rename, or not at all.
async fn write(mut rows: SendableRecordBatchStream, path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let file = temporary(folder)?;
    let schema: SchemaRef = rows.schema();
    let mut writer = FileWriter::try_new(BufWriter::new(file), &schema)?;
    while let Some(batch) = rows.next().await {
        writer.write(&batch?)?;
    }
    let file = writer.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|error| DataFusionError::IoError(error.error))?;
    Ok(())
}

fn read(path: &Path) -> Result<Batches> {
    let reader = FileReader::try_new(BufReader::new(File::open(path)?), None)?;
    Ok(stream::iter(reader).map_err(DataFusionError::from).boxed())
}
