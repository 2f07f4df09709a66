//! Which plans may write down rows that they cannot hold, and how many of their operators share the memory for rows.

use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use super::first_rows::FirstRowsExec;
use super::{JoinExec, SortRowsExec};

/// Whether one of the plan's operators does.
pub(crate) fn may_spill(plan: &dyn ExecutionPlan) -> bool {
    sharers(plan) > 0 || writes_down(plan)
}

fn writes_down(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<RepartitionExec>()
        || plan.is::<SortMergeJoinExec>()
        || plan.children().into_iter().any(|below| writes_down(below.as_ref()))
}

/// How many sorts and groupings may hold rows at once.
pub(crate) fn sharers(plan: &dyn ExecutionPlan) -> usize {
    let below = plan.children().into_iter().map(|below| sharers(below.as_ref()));
    of_operator(plan) + below.sum::<usize>()
}

fn of_operator(plan: &dyn ExecutionPlan) -> usize {
    if let Some(join) = plan.downcast_ref::<JoinExec>() {
        return join.sorts();
    }
    if plan.is::<FirstRowsExec>() {
        return FirstRowsExec::SORTS;
    }
    let groups = plan.downcast_ref::<AggregateExec>();
    let groups = groups.is_some_and(|groups| !groups.group_expr().is_empty());
    if plan.is::<SortRowsExec>() || groups || plan.is::<NestedLoopJoinExec>() {
        return plan.output_partitioning().partition_count();
    }
    0
}
