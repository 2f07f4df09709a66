//! [`JoinsApart`]: joins that may look at many pairs for each row that they find get a thread, or pauses.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::joins::CrossJoinExec;

use crate::physical::ApartExec;

#[derive(Debug)]
pub(super) struct JoinsApart;

impl PhysicalOptimizerRule for JoinsApart {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            if let Some(apart) = ApartExec::of(plan.as_ref())? {
                return Ok(Transformed::yes(Arc::new(apart) as _));
            }
            // All of its pairs are rows: a pause after some of them is enough.
            if plan.is::<CrossJoinExec>() {
                return Ok(Transformed::yes(Arc::new(CooperativeExec::new(plan)) as _));
            }
            Ok(Transformed::no(plan))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "joins_apart"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
