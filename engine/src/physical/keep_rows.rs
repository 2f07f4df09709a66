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
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use tempfile::NamedTempFile;

/// Reads the file when it is there, unless it is to be made anew; else writes it from the input first.
#[derive(Debug)]
pub(super) struct KeepRowsExec {
    input: Arc<dyn ExecutionPlan>,
    path: PathBuf,
    fresh: bool,
    properties: Arc<PlanProperties>,
}

impl KeepRowsExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, path: PathBuf, fresh: bool) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, path, fresh, properties: Arc::new(properties) }
    }
}

impl DisplayAs for KeepRowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeepRowsExec")
    }
}

impl ExecutionPlan for KeepRowsExec {
    fn name(&self) -> &'static str {
        "KeepRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        // WHY: else a sort below counts as useless and is removed.
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("KeepRowsExec needs an input");
        };
        Ok(Arc::new(Self::new(input, self.path.clone(), self.fresh)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (input, path, fresh) = (Arc::clone(&self.input), self.path.clone(), self.fresh);
        let rows = async move {
            if fresh || !path.exists() {
                write(input.execute(partition, context)?, &path).await?;
            }
            read(&path)
        };
        let rows = stream::once(rows).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

/// The file appears whole, by a rename, or not at all.
async fn write(mut rows: SendableRecordBatchStream, path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder)?;
    let file = NamedTempFile::new_in(folder)?;
    let schema: SchemaRef = rows.schema();
    let mut writer = FileWriter::try_new(BufWriter::new(file), &schema)?;
    while let Some(batch) = rows.next().await {
        writer.write(&batch?)?;
    }
    let file = writer.into_inner()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.persist(path).map_err(|error| DataFusionError::IoError(error.error))?;
    Ok(())
}

fn read(
    path: &Path,
) -> Result<stream::BoxStream<'static, Result<arrow::record_batch::RecordBatch>>> {
    let reader = FileReader::try_new(BufReader::new(File::open(path)?), None)?;
    Ok(stream::iter(reader).map_err(DataFusionError::from).boxed())
}
