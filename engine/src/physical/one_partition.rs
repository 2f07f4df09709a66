//! [`OnePartitionExec`]: an operator with one input whose result is one partition; what it does itself is its [`Work`].

use std::fmt;
use std::sync::{Arc, OnceLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, OrderingRequirements};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::stream::BoxStream;

/// Rows on their way.
pub(super) type Batches = BoxStream<'static, Result<RecordBatch>>;

/// What an operator does. Its text is the operator's line in plans.
pub(super) trait Work: fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The operator's name.
    const NAME: &'static str;

    /// How the input's partitions come; by default there is one.
    const TAKES: Distribution = Distribution::SinglePartition;

    /// Whether the rows come in the order of the input's.
    const KEEPS_ORDER: bool;

    /// The columns of the result, by default the input's.
    fn schema(&self, input: &dyn ExecutionPlan) -> SchemaRef {
        input.schema()
    }

    /// How the input has to be sorted, if it has to be.
    fn sorted_by(&self) -> Option<OrderingRequirements> {
        None
    }

    /// What is known of the result beyond nothing.
    fn statistics(&self, nothing: Statistics, _input: &dyn ExecutionPlan) -> Result<Statistics> {
        Ok(nothing)
    }

    /// Begins to make the result.
    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches>;
}

/// The operator.
#[derive(Debug)]
pub(super) struct OnePartitionExec<W> {
    input: Arc<dyn ExecutionPlan>,
    work: Arc<W>,
    properties: Arc<PlanProperties>,
    /// Told once: all operators above ask all below.
    statistics: OnceLock<Arc<Statistics>>,
}

impl<W: Work> OnePartitionExec<W> {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, work: Arc<W>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(work.schema(input.as_ref())),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, work, properties: Arc::new(properties), statistics: OnceLock::new() }
    }

    /// What it does, and to what.
    pub(super) fn parts(&self) -> (&Arc<W>, &Arc<dyn ExecutionPlan>) {
        (&self.work, &self.input)
    }
}

impl<W: Work> DisplayAs for OnePartitionExec<W> {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.work)
    }
}

impl<W: Work> ExecutionPlan for OnePartitionExec<W> {
    fn name(&self) -> &'static str {
        W::NAME
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![W::TAKES]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.work.sorted_by()]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![W::KEEPS_ORDER]
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
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("{} needs an input", W::NAME);
        };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.work))))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = Arc::clone(&self.work).run(&self.input, context)?;
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        if let Some(known) = self.statistics.get() {
            return Ok(Arc::clone(known));
        }
        let nothing = Statistics::new_unknown(&self.schema());
        let told = Arc::new(self.work.statistics(nothing, self.input.as_ref())?);
        Ok(Arc::clone(self.statistics.get_or_init(|| told)))
    }
}
