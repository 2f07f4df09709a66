//! [`RepartitionByInputExec`]: deals out the rows of each partition below it on its own.
//!
//! DataFusion's operator (54) lets all that deal out rows to a partition write what does not fit into memory to the same
//! files. Two that write at once open two files, of which only the first is read until it is full. If what is asked for
//! lies in the second and nobody may write more, all wait for each other for ever
//! (<https://github.com/apache/datafusion/issues/24883>, mended in 55). An operator for each input has one that writes.

use std::fmt;
use std::sync::{Arc, OnceLock};

use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::metrics::MetricsSet;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::stream::select_all;

use super::sort_rows::with_batches_of;

/// Rows that are collected for a partition before they are handed on, by all inputs together.
const COLLECTED_ROWS: usize = 64 << 10;

/// Fewer rows cost more to hand on than to collect.
const LEAST_ROWS: usize = 512;

/// The operator below it, as one for each of its inputs.
#[derive(Debug)]
pub(crate) struct RepartitionByInputExec {
    whole: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
    /// Made when the first partition is begun.
    of_inputs: OnceLock<Vec<RepartitionExec>>,
}

impl RepartitionByInputExec {
    /// `None` for all but operators that deal out the rows of several partitions without an order.
    pub(crate) fn of(plan: &Arc<dyn ExecutionPlan>) -> Option<Self> {
        let whole = plan.downcast_ref::<RepartitionExec>()?;
        let input = whole.input();
        let is_meant = !whole.preserve_order() && partitions(input) > 1;
        is_meant.then(|| Self {
            whole: Arc::clone(plan),
            input: Arc::clone(input),
            of_inputs: OnceLock::new(),
        })
    }

    fn of_inputs(&self, context: &Arc<TaskContext>) -> Result<&[RepartitionExec]> {
        if let Some(made) = self.of_inputs.get() {
            return Ok(made);
        }
        let made = (0..partitions(&self.input)).map(|partition| {
            let (plan, context) = (Arc::clone(&self.input), Arc::clone(context));
            let input = Arc::new(InputExec::new(plan, partition, context));
            RepartitionExec::try_new(input, self.whole.output_partitioning().clone())
        });
        let made = made.collect::<Result<Vec<_>>>()?;
        Ok(self.of_inputs.get_or_init(|| made))
    }
}

fn partitions(plan: &Arc<dyn ExecutionPlan>) -> usize {
    plan.output_partitioning().partition_count()
}

impl DisplayAs for RepartitionByInputExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for RepartitionByInputExec {
    fn name(&self) -> &'static str {
        "RepartitionByInputExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.whole.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.whole]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [whole] = children.as_slice() else {
            return internal_err!("{} needs an operator", self.name());
        };
        // What it does without this is right as well.
        Ok(Self::of(whole).map_or_else(|| Arc::clone(whole), |by_input| Arc::new(by_input) as _))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let of_inputs = self.of_inputs(&context)?;
        let rows = (COLLECTED_ROWS / of_inputs.len()).max(LEAST_ROWS);
        let context = with_batches_of(&context, rows.min(context.session_config().batch_size()));
        let partitions = self.whole.output_partitioning().partition_count();
        let rows = of_inputs.iter().enumerate().map(|(input, dealt)| {
            let partition = match dealt.partitioning() {
                // Each would begin with the first: few batches would all go there.
                Partitioning::RoundRobinBatch(_) => (partition + input) % partitions,
                _ => partition,
            };
            dealt.execute(partition, Arc::clone(&context))
        });
        let rows = select_all(rows.collect::<Result<Vec<_>>>()?);
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        let mut all = MetricsSet::new();
        for metrics in self.of_inputs.get()?.iter().filter_map(ExecutionPlan::metrics) {
            metrics.iter().for_each(|metric| all.push(Arc::clone(metric)));
        }
        Some(all)
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.whole.partition_statistics(partition)
    }
}

/// One partition of the plan below it, which has batches as large as elsewhere.
#[derive(Debug)]
struct InputExec {
    plan: Arc<dyn ExecutionPlan>,
    partition: usize,
    context: Arc<TaskContext>,
    properties: Arc<PlanProperties>,
}

impl InputExec {
    fn new(plan: Arc<dyn ExecutionPlan>, partition: usize, context: Arc<TaskContext>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(plan.schema()),
            Partitioning::UnknownPartitioning(1),
            plan.pipeline_behavior(),
            plan.boundedness(),
        );
        Self { plan, partition, context, properties: Arc::new(properties) }
    }
}

impl DisplayAs for InputExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: partition={}", self.name(), self.partition)
    }
}

impl ExecutionPlan for InputExec {
    fn name(&self) -> &'static str {
        "InputExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.plan]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [plan] = children.as_slice() else {
            return internal_err!("{} needs a plan", self.name());
        };
        Ok(Arc::new(Self::new(Arc::clone(plan), self.partition, Arc::clone(&self.context))))
    }

    fn execute(
        &self,
        _partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.plan.execute(self.partition, Arc::clone(&self.context))
    }
}
