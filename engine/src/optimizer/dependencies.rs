//! [`distinct_rows`], [`sort_keys`] and [`group_keys`]: DataFusion's rules without what they take columns to depend on.
//!
//! DataFusion (54) notes which columns depend on the keys of a group, and carries that too far: through joins that repeat
//! the keys or fill them with nulls, through lists that are laid out, and to columns that only stand where the keys stood
//! (issues 23028 and 23626). Its rules then take repeated rows for distinct ones, and leave out keys of sorts and groups
//! that matter.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchemaRef, FunctionalDependencies};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, SortExpr};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;

use super::wrapped::Wrapped;

/// Rows are told apart by grouping them, also where they seem to be apart.
pub(super) fn distinct_rows() -> Wrapped<ReplaceDistinctWithAggregate> {
    Wrapped::new(ReplaceDistinctWithAggregate::new(), |rule, plan, config| match &plan {
        LogicalPlan::Distinct(Distinct::All(rows)) if !rows.schema().fields().is_empty() => {
            let keys = rows.schema().iter().map(|column| Expr::from(Column::from(column)));
            let groups = Aggregate::try_new(Arc::clone(rows), keys.collect(), vec![])?;
            Ok(Transformed::yes(LogicalPlan::Aggregate(groups)))
        }
        _ => rule.rewrite(plan, config),
    })
}

/// Keys of sorts are left out where they stand before, and for no other reason.
pub(super) fn sort_keys() -> Wrapped<EliminateDuplicatedExpr> {
    Wrapped::new(EliminateDuplicatedExpr::new(), |rule, plan, config| match plan {
        LogicalPlan::Sort(mut sort) => {
            let before = sort.expr.len();
            let mut keys: Vec<SortExpr> = Vec::with_capacity(before);
            for key in sort.expr {
                if !keys.iter().any(|known| known.expr == key.expr) {
                    keys.push(key);
                }
            }
            sort.expr = keys;
            let changed = sort.expr.len() < before;
            Ok(if changed { Transformed::yes } else { Transformed::no }(LogicalPlan::Sort(sort)))
        }
        _ => rule.rewrite(plan, config),
    })
}

/// All keys of groups are kept.
pub(super) fn group_keys() -> Wrapped<OptimizeProjections> {
    Wrapped::new(OptimizeProjections::new(), |rule, plan, config| {
        let plan = plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::Aggregate(mut groups) if has_dependencies(groups.input.schema()) => {
                groups.input = Arc::new(forget(Arc::unwrap_or_clone(groups.input))?);
                Ok(Transformed::no(LogicalPlan::Aggregate(groups)))
            }
            plan => Ok(Transformed::no(plan)),
        })?;
        rule.rewrite(plan.data, config)
    })
}

fn has_dependencies(schema: &DFSchemaRef) -> bool {
    schema.functional_dependencies().iter().next().is_some()
}

/// The same plan, of whose columns none is known to depend on others.
fn forget(mut plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = match &mut plan {
        LogicalPlan::Projection(plan) => &mut plan.schema,
        LogicalPlan::SubqueryAlias(plan) => &mut plan.schema,
        LogicalPlan::Join(plan) => &mut plan.schema,
        LogicalPlan::Aggregate(plan) => &mut plan.schema,
        LogicalPlan::Window(plan) => &mut plan.schema,
        LogicalPlan::Unnest(plan) => &mut plan.schema,
        // Their schemas are those of what is below them.
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            return Ok(plan.map_children(|below| Ok(Transformed::yes(forget(below)?)))?.data);
        }
        _ => return Ok(plan),
    };
    let known = schema.as_ref().clone();
    *schema = Arc::new(known.with_functional_dependencies(FunctionalDependencies::empty())?);
    Ok(plan)
}
