//! [`LeaveOutEarly`]: rows that find no partner in a join are left out where they are read.
//!
//! The left side of a join is there before its right side is read. Where it may lack keys, a filter right above the scan
//! that a key of the right side comes from asks for them. What is between scan and join repeats, drops or puts together
//! whole rows, and no other row changes when one of another key is missing. DataFusion (54) does this by the names of
//! columns, see [`BelowJoins`](super::push_filters_below_joins::BelowJoins); here columns are followed by their places.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::union::UnionExec;

use crate::physical::{AmongKeys, ApartExec, JoinExec, Keys, SortRowsExec, is_concatenated};

#[derive(Debug)]
pub(super) struct LeaveOutEarly;

impl PhysicalOptimizerRule for LeaveOutEarly {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let batch_rows = config.execution.batch_size;
        // WHY from above: what is left out of a join's left side leaves more out of its right side.
        let rewritten = plan.transform_down(|plan| {
            let Some(join) = plan.downcast_ref::<JoinExec>() else {
                return Ok(Transformed::no(plan));
            };
            Ok(match asked(join, batch_rows)? {
                Some(asked) => Transformed::yes(Arc::new(asked) as _),
                None => Transformed::no(plan),
            })
        })?;
        Ok(rewritten.data)
    }

    fn name(&self) -> &'static str {
        "leave_out_early"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// The join with filters on its right side; `None` where there can be none.
fn asked(join: &JoinExec, batch_rows: usize) -> Result<Option<JoinExec>> {
    use JoinType::{Inner, Left, LeftAnti, LeftSemi, RightSemi};
    let hash = join.hash();
    let drops_right = matches!(hash.join_type(), Inner | Left | LeftAnti | LeftSemi | RightSemi);
    let nulls_differ = hash.null_equality() == NullEquality::NullEqualsNothing;
    if !drops_right || !nulls_differ || !may_lack_keys(hash.left().as_ref()) {
        return Ok(None);
    }
    let (mut right, mut asked) = (Arc::clone(hash.right()), Vec::new());
    for (left_key, right_key) in hash.on() {
        let Some(column) = right_key.downcast_ref::<Column>() else { continue };
        if !Keys::can_be(right.schema().field(column.index()).data_type()) {
            continue;
        }
        let filter = Filter { keys: Arc::default(), batch_rows };
        if let Some(filtered) = filter.below(&right, column.index())? {
            right = filtered;
            asked.push((Arc::clone(left_key), filter.keys));
        }
    }
    Ok(if asked.is_empty() { None } else { Some(join.asked(right, asked)?) })
}

/// Whether something on the way of these rows leaves some out.
fn may_lack_keys(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<FilterExec>()
        || plan.fetch().is_some()
        || hash_join(plan).is_some_and(|join| *join.join_type() != JoinType::Inner)
        || plan.children().into_iter().any(|below| may_lack_keys(below.as_ref()))
}

fn hash_join(plan: &dyn ExecutionPlan) -> Option<&HashJoinExec> {
    plan.downcast_ref::<JoinExec>().map(JoinExec::hash).or_else(|| plan.downcast_ref())
}

/// A filter by the keys of one join.
struct Filter {
    keys: Arc<Keys>,
    batch_rows: usize,
}

/// Where a filter found its place.
enum Place {
    Nowhere,
    /// Right above the plan that it was looked for in.
    Above,
    Within(Arc<dyn ExecutionPlan>),
}

impl Filter {
    /// The plan with the filter on this column of it.
    fn below(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        column: usize,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        Ok(match self.place(plan, column)? {
            Place::Nowhere => None,
            Place::Above => Some(self.above(plan, column)?),
            Place::Within(plan) => Some(plan),
        })
    }

    fn place(&self, plan: &Arc<dyn ExecutionPlan>, column: usize) -> Result<Place> {
        if plan.children().is_empty() {
            return Ok(Place::Above);
        }
        let mut children: Vec<_> = plan.children().into_iter().cloned().collect();
        let mut found = false;
        for (child, below) in from(plan.as_ref(), column) {
            children[child] = match self.place(&children[child], below)? {
                Place::Nowhere => continue,
                Place::Within(filtered) => filtered,
                Place::Above if plan.is::<CooperativeExec>() => return Ok(Place::Above),
                Place::Above => match plan.downcast_ref::<FilterExec>() {
                    Some(filter) => return Ok(Place::Within(self.and(below, filter)?)),
                    None => self.above(&children[child], below)?,
                },
            };
            found = true;
        }
        match found {
            true => Ok(Place::Within(Arc::clone(plan).with_new_children(children)?)),
            false => Ok(Place::Nowhere),
        }
    }

    fn above(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        column: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let filter = FilterExecBuilder::new(self.among(column, plan), Arc::clone(plan));
        Ok(Arc::new(filter.with_batch_size(self.batch_rows).build()?))
    }

    /// The filter, by this first.
    fn and(&self, column: usize, filter: &FilterExec) -> Result<Arc<dyn ExecutionPlan>> {
        let among = self.among(column, filter.input());
        let both = BinaryExpr::new(among, Operator::And, Arc::clone(filter.predicate()));
        let filter = FilterExecBuilder::from(filter).with_predicate(Arc::new(both));
        Ok(Arc::new(filter.build()?))
    }

    fn among(&self, column: usize, plan: &Arc<dyn ExecutionPlan>) -> Arc<dyn PhysicalExpr> {
        let name = plan.schema().field(column).name().clone();
        Arc::new(AmongKeys::new(Arc::new(Column::new(&name, column)), &self.keys))
    }
}

/// The columns that a column of the plan is, each with the number of the input that has it: where rows with some of its
/// values are left out there, the same and no others are missing here.
fn from(plan: &dyn ExecutionPlan, column: usize) -> Vec<(usize, usize)> {
    if plan.fetch().is_some() {
        return vec![];
    }
    if let Some(join) = hash_join(plan) {
        return from_sides(join, column);
    }
    if plan.is::<UnionExec>() {
        return (0..plan.children().len()).map(|input| (input, column)).collect();
    }
    let at = |expr: &Arc<dyn PhysicalExpr>| expr.downcast_ref::<Column>().map(Column::index);
    let below = if let Some(filter) = plan.downcast_ref::<FilterExec>() {
        Some(filter.projection().as_ref().map_or(column, |columns| columns[column]))
    } else if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        at(&projection.expr()[column].expr)
    } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        let groups = aggregate.group_expr();
        let is_whole = groups.is_single() && aggregate.limit_options().is_none();
        groups.expr().get(column).filter(|_| is_whole).and_then(|(expr, _)| at(expr))
    } else {
        hands_on(plan).then_some(column)
    };
    below.map(|column| (0, column)).into_iter().collect()
}

/// Whether the rows of the plan are those of its one input.
fn hands_on(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<CooperativeExec>()
        || plan.is::<SortRowsExec>()
        || plan.is::<ApartExec>()
        || is_concatenated(plan)
}

fn from_sides(join: &HashJoinExec, column: usize) -> Vec<(usize, usize)> {
    use JoinType::{Inner, LeftAnti, LeftSemi, RightAnti, RightSemi};
    let column = join.projection.as_ref().map_or(column, |columns| columns[column]);
    let left = join.left().schema().fields().len();
    let (side, column) = match join.join_type() {
        _ if join.fetch().is_some() => return vec![],
        Inner if column >= left => (JoinSide::Right, column - left),
        Inner | LeftSemi | LeftAnti => (JoinSide::Left, column),
        RightSemi | RightAnti => (JoinSide::Right, column),
        _ => return vec![],
    };
    vec![(usize::from(side == JoinSide::Right), column)]
}
