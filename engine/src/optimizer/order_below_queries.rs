//! [`OrderBelowQueries`]: rows stay sorted beside queries that are values.
//!
//! WHY: DataFusion (54) looks for the sort that gives the result its order below operators with one input, and drops
//! sorts that nobody seems to need. The operator with the values of queries has one input more for each: above it the
//! order is not seen, so that `SELECT id FROM t WHERE id < (SELECT max(id) FROM t) ORDER BY k` lost it.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::output_requirements::OutputRequirements;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;

#[derive(Debug)]
pub(super) struct OrderBelowQueries;

impl PhysicalOptimizerRule for OrderBelowQueries {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            if plan.downcast_ref::<ScalarSubqueryExec>().is_none() {
                return Ok(Transformed::no(plan));
            }
            let mut inputs: Vec<_> = plan.children().into_iter().cloned().collect();
            if let Some(rows) = inputs.first_mut() {
                let ordered = OutputRequirements::new_add_mode();
                *rows = ordered.optimize(Arc::clone(rows), config)?;
            }
            Ok(Transformed::yes(plan.with_new_children(inputs)?))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "order_below_queries"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
