//! [`FilterFirst`]: a filter right above a version reads its own columns first, and the others only of rows that are left.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExec;

use crate::source::filtered_scan;

#[derive(Debug)]
pub(super) struct FilterFirst;

impl PhysicalOptimizerRule for FilterFirst {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            let scan = plan.downcast_ref::<FilterExec>().map(filtered_scan).transpose()?.flatten();
            Ok(scan.map_or_else(|| Transformed::no(plan), Transformed::yes))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "filter_first"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
