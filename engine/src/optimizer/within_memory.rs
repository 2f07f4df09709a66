//! [`WithinMemory`]: operators that need all of their rows in memory make way for ours, which do not.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::windows::WindowAggExec;

use crate::physical::{JoinExec, SortRowsExec, WindowGroupsExec};

#[derive(Debug)]
pub(super) struct WithinMemory;

impl PhysicalOptimizerRule for WithinMemory {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            if let Some(hash) = plan.downcast_ref::<HashJoinExec>()
                && let Some(join) = JoinExec::of(hash)?
            {
                return Ok(Transformed::yes(Arc::new(join) as _));
            }
            if let Some(sort) = plan.downcast_ref::<SortExec>()
                && sort.fetch().is_none()
            {
                return Ok(Transformed::yes(Arc::new(SortRowsExec::new(sort)) as _));
            }
            match plan.downcast_ref::<WindowAggExec>() {
                Some(windows) => {
                    Ok(Transformed::yes(Arc::new(WindowGroupsExec::new(windows)) as _))
                }
                None => Ok(Transformed::no(plan)),
            }
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "within_memory"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
