//! [`ScanExec`]: an operator without inputs; what it reads is its [`Scan`].

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::stream::BoxStream;

/// Rows on their way.
pub(super) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// What an operator reads. Its text is the operator's line in plans.
pub(super) trait Scan: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The operator's name.
    const NAME: &'static str;

    /// The columns.
    fn schema(&self) -> SchemaRef;

    /// How many partitions there are; their rows follow each other.
    fn partitions(&self) -> usize {
        1
    }

    /// What is known of a partition, or of all, beyond nothing.
    fn statistics(&self, nothing: Statistics, _partition: Option<usize>) -> Statistics {
        nothing
    }

    /// Begins to read a partition.
    fn rows(self: Arc<Self>, partition: usize, context: &TaskContext) -> Batches;
}

/// The operator.
#[derive(Debug)]
pub(super) struct ScanExec<S> {
    scan: Arc<S>,
    properties: Arc<PlanProperties>,
}

impl<S: Scan> ScanExec<S> {
    pub(super) fn new(scan: S) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(scan.schema()),
            Partitioning::UnknownPartitioning(scan.partitions()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { scan: Arc::new(scan), properties: Arc::new(properties) }
    }

    pub(super) fn scan(&self) -> &Arc<S> {
        &self.scan
    }
}

impl<S: Scan> DisplayAs for ScanExec<S> {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.scan)
    }
}

impl<S: Scan> ExecutionPlan for ScanExec<S> {
    fn name(&self) -> &'static str {
        S::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = Arc::clone(&self.scan).rows(partition, &context);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let nothing = Statistics::new_unknown(&self.schema());
        Ok(Arc::new(self.scan.statistics(nothing, partition)))
    }
}
