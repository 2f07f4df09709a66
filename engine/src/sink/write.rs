//! [`WriteFragmentsExec`]: the operator that writes its input to files, each partition into its own.
//!
//! Its result is one row a partition, which says what a commit has to list ([`Written`]). So partitions may be written
//! wherever there is room, and whoever has all the rows commits once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use udf_runtime::task;

use super::destination::Destination;
use super::fragments::Columns;
use super::of_results::OfResults;
use super::written::Written;
use crate::progress::{Progress, StageProgress};
use crate::{Error, Ready, Result};

/// Writes its input's partitions to fragments that belong to no version yet.
#[derive(Debug)]
pub(super) struct WriteFragmentsExec {
    input: Arc<dyn ExecutionPlan>,
    columns: Columns,
    destination: Arc<Destination>,
    /// Which columns are results of a function, whose files may be taken over.
    of_results: Option<Arc<OfResults>>,
    properties: Arc<PlanProperties>,
    /// What all partitions report to, begun by the first of them.
    progress: OnceLock<Arc<StageProgress>>,
}

impl WriteFragmentsExec {
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        columns: Columns,
        destination: Arc<Destination>,
        of_results: Option<Arc<OfResults>>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Written::schema()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        let properties = Arc::new(properties);
        let progress = OnceLock::new();
        Self { input, columns, destination, of_results, properties, progress }
    }

    fn progress(&self, context: &TaskContext) -> Arc<StageProgress> {
        let progress = self.progress.get_or_init(|| {
            let run = context.session_config().get_extension::<Progress>().unwrap_or_default();
            run.start(&format!("save {}", self.destination.title), None)
        });
        Arc::clone(progress)
    }
}

impl DisplayAs for WriteFragmentsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WriteFragmentsExec: {}", self.destination.title)
    }
}

impl ExecutionPlan for WriteFragmentsExec {
    fn name(&self) -> &'static str {
        "WriteFragmentsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("{} needs an input", self.name());
        };
        let (columns, destination) = (self.columns.clone(), Arc::clone(&self.destination));
        Ok(Arc::new(Self::new(input, columns, destination, self.of_results.clone())))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> PlanResult<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let rows = rows.map_err(Error::from).boxed();
        let (columns, progress) = (self.columns.clone(), self.progress(&context));
        let destination = Arc::clone(&self.destination);
        let of_results = self.of_results.clone();
        let written = stream::once(async move {
            let written = destination.write(columns, rows, progress, of_results).await?;
            written.to_row().map_err(DataFusionError::from)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), written)))
    }
}

/// Writes all partitions at once, here; what they became, in their order.
pub(super) async fn write_all(
    ready: Ready,
    columns: Columns,
    destination: &Arc<Destination>,
    of_results: Option<OfResults>,
) -> Result<Vec<Written>> {
    let (destination, of_results) = (Arc::clone(destination), of_results.map(Arc::new));
    let plan = WriteFragmentsExec::new(ready.plan, columns, destination, of_results);
    let plan = Arc::new(plan);
    let ready = Ready { plan, context: ready.context };
    let writers = ready.begin()?.into_iter().map(|written| async {
        let batches = task::spawn(written.try_collect::<Vec<RecordBatch>>());
        batches.await.map_err(|error| Error::internal(error.to_string()))?
    });
    let batches = try_join_all(writers).await?;
    let written = batches.iter().flatten().map(Written::of_rows).collect::<Result<Vec<_>>>()?;
    Ok(written.into_iter().flatten().collect())
}
