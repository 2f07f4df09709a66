//! [`FixLimitedRows`] and [`ReleaseLimitedRows`]: while DataFusion's physical rules run, every limit carries a
//! [`FixedRowsExec`], so that no rule moves what decides which rows it lets through. So does a sort whose rows are numbered
//! as they come, or followed by those of another branch, which would otherwise be dropped.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};

use crate::physical::{FIRST_ROWS, FixedRowsExec, NoConstantsExec};

/// Runs first.
#[derive(Debug)]
pub(super) struct FixLimitedRows;

impl PhysicalOptimizerRule for FixLimitedRows {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let fixed = plan.transform_up(|plan| {
            let is_limit = is_limit(plan.as_ref());
            if !is_limit && !takes_rows_in_turn(plan.as_ref()) {
                return Ok(Transformed::no(plan));
            }
            let children = plan.children().into_iter().map(with_fixed_sort);
            let plan = Arc::clone(&plan).with_new_children(children.collect::<Result<_>>()?)?;
            Ok(Transformed::yes(match is_limit {
                true => Arc::new(FixedRowsExec::new(plan)),
                false => plan,
            }))
        })?;
        // Nothing is above the first step that could move anything below it.
        match fixed.data.downcast_ref::<FixedRowsExec>() {
            Some(top) => Ok(Arc::clone(top.input())),
            None => Ok(fixed.data),
        }
    }

    fn name(&self) -> &'static str {
        "fix_limited_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The input of a limit; the sort that orders its rows stays, also when they pass on without the sort's keys.
fn with_fixed_sort(input: &Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    if input.downcast_ref::<SortExec>().is_some() {
        return Ok(Arc::new(FixedRowsExec::new(Arc::clone(input))));
    }
    match (input.children().as_slice(), input.maintains_input_order().as_slice()) {
        ([below], [true]) => Arc::clone(input).with_new_children(vec![with_fixed_sort(below)?]),
        _ => Ok(Arc::clone(input)),
    }
}

/// Whether the operator lets only its first rows through. A limit of each partition stands below one of them all.
fn is_limit(plan: &dyn ExecutionPlan) -> bool {
    plan.downcast_ref::<GlobalLimitExec>().is_some()
        || plan.downcast_ref::<SortExec>().is_some_and(|sort| sort.fetch().is_some())
        || (plan.downcast_ref::<LocalLimitExec>().is_some()
            && plan.properties().output_partitioning().partition_count() == 1)
}

/// Whether the operator numbers rows as they come, takes the first of some, or puts those of some inputs one after the other.
fn takes_rows_in_turn(plan: &dyn ExecutionPlan) -> bool {
    if plan.is::<UnionExec>() || plan.name() == FIRST_ROWS {
        return true;
    }
    let bounded = plan.downcast_ref::<BoundedWindowAggExec>().map(|plan| plan.window_expr());
    let whole = plan.downcast_ref::<WindowAggExec>().map(|plan| plan.window_expr());
    let mut windows = bounded.or(whole).into_iter().flatten();
    windows.any(|window| window.partition_by().is_empty() && window.order_by().is_empty())
}

/// Runs after DataFusion's rules, and takes out the [`NoConstantsExec`]s, too.
#[derive(Debug)]
pub(super) struct ReleaseLimitedRows;

impl PhysicalOptimizerRule for ReleaseLimitedRows {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let released = plan.transform_up(|plan| {
            let fixed = plan.downcast_ref::<FixedRowsExec>().map(FixedRowsExec::input);
            let hidden = || plan.downcast_ref::<NoConstantsExec>().map(NoConstantsExec::input);
            match fixed.or_else(hidden).cloned() {
                Some(input) => Ok(Transformed::yes(input)),
                None => Ok(Transformed::no(plan)),
            }
        })?;
        Ok(released.data)
    }

    fn name(&self) -> &'static str {
        "release_limited_rows"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
