//! [`KeepRowOrder`]: merges of partitions that take rows as they come become merges that keep their order.
//!
//! Not below an aggregate, where order means nothing and the first to finish should be taken first.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;

use crate::physical::concat_partitions;

#[derive(Debug)]
pub(super) struct KeepRowOrder;

impl PhysicalOptimizerRule for KeepRowOrder {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            let Some(merge) = plan.downcast_ref::<CoalescePartitionsExec>() else {
                return Ok(Transformed::no(plan));
            };
            if merge.input().downcast_ref::<AggregateExec>().is_some() {
                return Ok(Transformed::no(plan));
            }
            Ok(Transformed::yes(concat_partitions(Arc::clone(merge.input()), merge.fetch())))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "keep_row_order"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
