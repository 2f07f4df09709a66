//! Which plans may write down rows that they cannot hold, and how many of their operators share the memory for rows.

use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
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

/// What counts as one sharer; what needs less is a part of one.
const WHOLE: usize = 4;

/// How many sorts and groupings may hold rows at once.
pub(crate) fn sharers(plan: &dyn ExecutionPlan) -> usize {
    let parts = parts(plan);
    if parts > 0 { (parts / WHOLE).max(1) } else { 0 }
}

fn parts(plan: &dyn ExecutionPlan) -> usize {
    let below = plan.children().into_iter().map(|below| parts(below.as_ref()));
    of_operator(plan) + below.sum::<usize>()
}

fn of_operator(plan: &dyn ExecutionPlan) -> usize {
    if let Some(join) = plan.downcast_ref::<JoinExec>() {
        return join.sorts() * WHOLE;
    }
    if plan.is::<FirstRowsExec>() {
        return FirstRowsExec::SORTS * WHOLE;
    }
    let partitions = plan.output_partitioning().partition_count();
    let groups = plan.downcast_ref::<AggregateExec>();
    match groups.filter(|groups| !groups.group_expr().is_empty()).map(AggregateExec::mode) {
        // WHY: what it cannot hold it hands on, and where most groups are of one row it holds none.
        Some(AggregateMode::Partial) => partitions,
        Some(_) => partitions * WHOLE,
        None if plan.is::<SortRowsExec>() || plan.is::<NestedLoopJoinExec>() => partitions * WHOLE,
        None => 0,
    }
}
