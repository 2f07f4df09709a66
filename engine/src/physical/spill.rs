//! Which plans may write down rows that they cannot hold.

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;

use super::JoinExec;

/// Whether one of the plan's operators does.
pub(crate) fn may_spill(plan: &dyn ExecutionPlan) -> bool {
    plan.downcast_ref::<SortExec>().is_some_and(|sort| sort.fetch().is_none())
        || plan
            .downcast_ref::<AggregateExec>()
            .is_some_and(|groups| !groups.group_expr().is_empty())
        || plan.is::<JoinExec>()
        || plan.is::<NestedLoopJoinExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.children().into_iter().any(|below| may_spill(below.as_ref()))
}
