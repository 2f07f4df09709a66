//! [`LowRanks`]: of rows that are ranked in groups, those that cannot have one of the ranks that are asked for are dropped
//! before they are sorted.
//!
//! For a filter such as `row_number() OVER (PARTITION BY …  ORDER BY …) <= 3`. Only where all windows of the operator are
//! ranks in the same groups and order, which do not depend on rows further down.

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::row::{RowConverter, SortField};
use datafusion::common::ScalarValue;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::window::WindowExpr;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::windows::BoundedWindowAggExec;

use super::ranks::rank_of;
use crate::physical::{LowRanksExec, Rank, Ranking};

/// More rows of a group are sorted.
const MOST_RANKS: usize = 1000;

#[derive(Debug)]
pub(super) struct LowRanks;

impl PhysicalOptimizerRule for LowRanks {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rewritten = plan.transform_up(|plan| {
            let Some(filter) = plan.downcast_ref::<FilterExec>() else {
                return Ok(Transformed::no(plan));
            };
            let conditions = split_conjunction(filter.predicate());
            let ranks = conditions.into_iter().filter_map(most).min_by_key(|asked| asked.ranks);
            let below = ranks.map(|asked| with_low_ranks(filter.input(), asked)).transpose()?;
            match below.flatten() {
                Some(below) => plan.with_new_children(vec![below]).map(Transformed::yes),
                None => Ok(Transformed::no(plan)),
            }
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "low_ranks"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The most that a column may be.
#[derive(Clone, Copy)]
struct Asked {
    column: usize,
    ranks: usize,
}

fn most(condition: &Arc<dyn PhysicalExpr>) -> Option<Asked> {
    let comparison = condition.downcast_ref::<BinaryExpr>()?;
    let (left, right) = (comparison.left(), comparison.right());
    let (column, operator, number) = match number_of(right) {
        Some(number) => (left, *comparison.op(), number),
        None => (right, comparison.op().swap()?, number_of(left)?),
    };
    let ranks = match operator {
        Operator::LtEq | Operator::Eq => number,
        Operator::Lt => number.checked_sub(1)?,
        _ => return None,
    };
    let column = column_of(column)?;
    (1..=MOST_RANKS).contains(&ranks).then_some(Asked { column, ranks })
}

fn number_of(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    let value = expr.downcast_ref::<Literal>()?.value();
    match value.data_type().is_integer().then(|| value.cast_to(&DataType::UInt64))?.ok()? {
        ScalarValue::UInt64(number) => usize::try_from(number?).ok(),
        _ => None,
    }
}

/// The column that it is, perhaps as another kind of whole number.
fn column_of(expr: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    match expr.downcast_ref::<CastExpr>() {
        Some(cast) if cast.cast_type().is_integer() => column_of(cast.expr()),
        Some(_) => None,
        None => expr.downcast_ref::<Column>().map(Column::index),
    }
}

/// The plan with fewer rows below the sort whose rows it ranks.
fn with_low_ranks(
    plan: &Arc<dyn ExecutionPlan>,
    asked: Asked,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let below = if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        match projection.expr().get(asked.column).and_then(|column| column_of(&column.expr)) {
            Some(column) => with_low_ranks(projection.input(), Asked { column, ..asked })?,
            None => None,
        }
    } else if let Some(windows) = plan.downcast_ref::<BoundedWindowAggExec>() {
        match ranking(windows, asked) {
            Some(ranking) => below_sort(windows.input(), &Arc::new(ranking))?,
            None => None,
        }
    } else {
        None
    };
    below.map(|below| Arc::clone(plan).with_new_children(vec![below])).transpose()
}

fn ranking(windows: &BoundedWindowAggExec, asked: Asked) -> Option<Ranking> {
    let schema = windows.input().schema();
    let at = asked.column.checked_sub(schema.fields().len())?;
    let all = windows.window_expr();
    let window = all.get(at)?;
    let (group, order) = (window.partition_by(), window.order_by());
    let same = |other: &Arc<dyn WindowExpr>| {
        rank_of(other).is_some() && other.partition_by() == group && other.order_by() == order
    };
    let fields = order.iter().map(|key| Some(SortField::new(key.expr.data_type(&schema).ok()?)));
    let is_known = RowConverter::supports_fields(&fields.collect::<Option<Vec<_>>>()?);
    let (group, order) = (group.to_vec(), LexOrdering::new(order.iter().cloned())?);
    let dense = rank_of(window)? == Rank::Dense;
    let ranking = Ranking { group, order, ranks: asked.ranks, dense };
    (is_known && all.iter().all(same)).then_some(ranking)
}

/// The plan with fewer rows below a sort of all of them.
fn below_sort(
    plan: &Arc<dyn ExecutionPlan>,
    ranking: &Arc<Ranking>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [input] = plan.children()[..] else {
        return Ok(None);
    };
    let below = match plan.fetch() {
        None if plan.is::<SortExec>() => Some(low_ranks(input, ranking)?),
        None if plan.is::<SortPreservingMergeExec>() => below_sort(input, ranking)?,
        _ => None,
    };
    below.map(|below| Arc::clone(plan).with_new_children(vec![below])).transpose()
}

/// Fewer rows, below what brings the rows of groups together.
fn low_ranks(
    plan: &Arc<dyn ExecutionPlan>,
    ranking: &Arc<Ranking>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let moves = plan.is::<RepartitionExec>() || plan.is::<CoalescePartitionsExec>();
    match plan.children()[..] {
        [input] if moves && plan.fetch().is_none() => {
            Arc::clone(plan).with_new_children(vec![low_ranks(input, ranking)?])
        }
        _ => Ok(Arc::new(LowRanksExec::new(Arc::clone(plan), Arc::clone(ranking)))),
    }
}
