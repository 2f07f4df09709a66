//! [`RepartitionByInput`]: rows are dealt out by operators that cannot wait for each other.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use crate::physical::RepartitionByInputExec;

#[derive(Debug)]
pub(super) struct RepartitionByInput;

impl PhysicalOptimizerRule for RepartitionByInput {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            Ok(match RepartitionByInputExec::of(&plan) {
                Some(by_input) => Transformed::yes(Arc::new(by_input) as _),
                None => Transformed::no(plan),
            })
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "repartition_by_input"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
