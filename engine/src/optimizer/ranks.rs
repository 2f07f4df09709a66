//! [`Ranks`]: numbers and ranks of sorted rows are found by [`RanksExec`]; where a sort follows, all rows are numbered side
//! by side, each partition from the number of rows before it.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_expr::window::{StandardWindowExpr, WindowExpr};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowUDFExpr};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, InputOrderMode};

use crate::physical::{LowRanksExec, Rank, RanksExec};

#[derive(Debug)]
pub(super) struct Ranks;

impl PhysicalOptimizerRule for Ranks {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            if let Some(windows) = plan.downcast_ref::<BoundedWindowAggExec>() {
                return Ok(match ranks(windows) {
                    Some(ranks) => Transformed::yes(Arc::new(RanksExec::new(windows, ranks)) as _),
                    None => Transformed::no(plan),
                });
            }
            let sorted = plan.downcast_ref::<SortExec>().map(sorted_side_by_side).transpose()?;
            Ok(sorted.flatten().map_or_else(|| Transformed::no(plan), Transformed::yes))
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "ranks"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The ranks that the operator finds, if these are all that it does.
fn ranks(windows: &BoundedWindowAggExec) -> Option<Vec<Rank>> {
    let first = windows.window_expr().first()?;
    let (group, order) = (first.partition_by(), first.order_by());
    let found = windows.window_expr().iter().map(|window| {
        let same = window.partition_by() == group && window.order_by() == order;
        let rank = rank_of(window).filter(|_| same)?;
        (rank == Rank::RowNumber || !order.is_empty()).then_some(rank)
    });
    let sorted = matches!(windows.input_order_mode, InputOrderMode::Sorted);
    found.collect::<Option<Vec<_>>>().filter(|_| sorted)
}

pub(super) fn rank_of(window: &Arc<dyn WindowExpr>) -> Option<Rank> {
    let function = window.as_any().downcast_ref::<StandardWindowExpr>()?;
    let function = function.get_standard_func_expr().as_any().downcast_ref::<WindowUDFExpr>()?;
    Rank::named(function.fun().name())
}

/// The sort over rows that are numbered side by side, if they can be.
fn sorted_side_by_side(sort: &SortExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let input = sort.input();
    if let Some(dealt) = input.downcast_ref::<RepartitionExec>() {
        let Some(numbered) = numbered_side_by_side(dealt.input())? else {
            return Ok(None);
        };
        let dealt = Arc::clone(input).with_new_children(vec![numbered])?;
        return Arc::new(sort.clone()).with_new_children(vec![dealt]).map(Some);
    }
    if sort.preserve_partitioning() {
        return Ok(None);
    }
    let (order, fetch) = (sort.expr().clone(), sort.fetch());
    Ok(numbered_side_by_side(input)?.map(|numbered| {
        let sorted = SortExec::new(order.clone(), numbered).with_preserve_partitioning(true);
        let sorted = Arc::new(sorted.with_fetch(fetch));
        Arc::new(SortPreservingMergeExec::new(order, sorted).with_fetch(fetch)) as _
    }))
}

/// The plan over as many partitions as there are below the numbering of all rows.
fn numbered_side_by_side(plan: &Arc<dyn ExecutionPlan>) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [input] = plan.children()[..] else {
        return Ok(None);
    };
    if let Some(ranks) = plan.downcast_ref::<RanksExec>().filter(|ranks| ranks.is_of_all()) {
        let parts = input.downcast_ref::<CoalescePartitionsExec>();
        let Some(parts) = parts.filter(|parts| parts.fetch().is_none()).map(|all| all.input())
        else {
            return Ok(None);
        };
        let before = rows_before(parts.as_ref())?;
        return Ok(
            before.map(|before| Arc::new(ranks.of_partitions(Arc::clone(parts), before)) as _)
        );
    }
    let takes_each =
        plan.is::<ProjectionExec>() || plan.is::<FilterExec>() || plan.is::<LowRanksExec>();
    let below = if takes_each { numbered_side_by_side(input)? } else { None };
    below.map(|below| Arc::clone(plan).with_new_children(vec![below])).transpose()
}

/// How many rows are before those of each partition, where that is known.
fn rows_before(parts: &dyn ExecutionPlan) -> Result<Option<Vec<u64>>> {
    let (mut before, mut rows) = (Vec::new(), 0);
    for partition in 0..parts.output_partitioning().partition_count() {
        before.push(rows);
        let Precision::Exact(more) = parts.partition_statistics(Some(partition))?.num_rows else {
            return Ok(None);
        };
        rows += more as u64;
    }
    Ok(Some(before))
}
