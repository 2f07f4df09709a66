//! [`FixedRowsExec`]: stands on a limit while a plan is optimized, so that which rows it lets through stays as it is.
//!
//! DataFusion's rules push the order that a step above asks for below limits and below sorts that keep their first rows
//! only, which then see other rows: `limit(3).order_by("n")` would sort the rows of the whole input. This operator asks for
//! the order that its input has, and promises none to those above. `optimizer/fix_limited_rows.rs` puts it into plans and
//! takes it out again.

use std::fmt;
use std::sync::Arc;

use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::OrderingRequirements;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, PlanProperties,
};

/// Passes the rows of its input on.
#[derive(Debug)]
pub(crate) struct FixedRowsExec {
    input: Arc<dyn ExecutionPlan>,
    /// The order of the rows, where the limit is a sort; another one has its sort, if there is one, below.
    sorted_by: Option<OrderingRequirements>,
}

impl FixedRowsExec {
    /// Fixes the rows that the limit lets through.
    pub(crate) fn new(limit: Arc<dyn ExecutionPlan>) -> Self {
        // WHY: not the order that its properties tell, which leaves out what is constant in each partition: the branches
        // of a union may have another constant each.
        let sort = limit.downcast_ref::<SortExec>();
        let sorted_by = sort.map(|sort| sort.expr().clone().into());
        Self { input: limit, sorted_by }
    }

    pub(crate) fn input(&self) -> &Arc<dyn ExecutionPlan> {
        &self.input
    }
}

impl DisplayAs for FixedRowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FixedRowsExec")
    }
}

impl ExecutionPlan for FixedRowsExec {
    fn name(&self) -> &'static str {
        "FixedRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![self.sorted_by.clone()]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    /// A limit above may join the one below.
    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("FixedRowsExec needs an input");
        };
        Ok(Arc::new(Self { input, sorted_by: self.sorted_by.clone() }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.input.partition_statistics(partition)
    }
}
