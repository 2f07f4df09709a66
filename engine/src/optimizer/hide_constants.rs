//! [`HideConstants`]: a [`NoConstantsExec`] below each join and each set of groups that fills columns with nulls, where some
//! of them are constant.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};

use crate::physical::NoConstantsExec;

#[derive(Debug)]
pub(super) struct HideConstants;

impl PhysicalOptimizerRule for HideConstants {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let hidden = plan.transform_up(|plan| {
            let children = plan.children();
            let fills = filled(plan.as_ref());
            let hides = |at: usize| {
                fills.get(at) == Some(&true)
                    && !children[at].properties().equivalence_properties().constants().is_empty()
            };
            if !(0..children.len()).any(hides) {
                return Ok(Transformed::no(plan));
            }
            let hidden = children.iter().enumerate().map(|(at, &child)| match hides(at) {
                true => Arc::new(NoConstantsExec::new(Arc::clone(child))) as _,
                false => Arc::clone(child),
            });
            let hidden = hidden.collect();
            Ok(Transformed::yes(plan.with_new_children(hidden)?))
        })?;
        Ok(hidden.data)
    }

    fn name(&self) -> &'static str {
        "hide_constants"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The inputs whose columns the operator may fill with nulls.
fn filled(plan: &dyn ExecutionPlan) -> Vec<bool> {
    if let Some(groups) = plan.downcast_ref::<AggregateExec>() {
        return vec![groups.group_expr().has_grouping_set()];
    }
    let hash = plan.downcast_ref::<HashJoinExec>().map(|join| *join.join_type());
    let merge = || plan.downcast_ref::<SortMergeJoinExec>().map(SortMergeJoinExec::join_type);
    let pairs = || plan.downcast_ref::<NestedLoopJoinExec>().map(|join| *join.join_type());
    match hash.or_else(merge).or_else(pairs) {
        Some(JoinType::Left) => vec![false, true],
        Some(JoinType::Right) => vec![true, false],
        Some(JoinType::Full) => vec![true, true],
        _ => vec![],
    }
}
