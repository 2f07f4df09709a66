//! [`distinct_rows`], [`sort_keys`] and [`group_keys`]: DataFusion's rules without what they take columns to depend on.
//!
//! DataFusion (54) notes which columns depend on the keys of a group, and carries that too far: through joins that repeat
//! the keys or fill them with nulls, through lists that are laid out, and to columns that only stand where the keys stood
//! (issues 23028 and 23626). Its rules then take repeated rows for distinct ones, and leave out keys of sorts and groups that
//! matter. Its SQL adds keys by the same notes: what it groups is [`independent`], too.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, FunctionalDependencies};
use datafusion::error::Result;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan, Projection};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion::optimizer::optimize_projections::OptimizeProjections;
use datafusion::optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;

use super::wrapped::Wrapped;
use crate::functions::without_repeats;

/// Rows are told apart by grouping them, also where they seem to be apart.
pub(super) fn distinct_rows() -> Wrapped<ReplaceDistinctWithAggregate> {
    Wrapped::new(ReplaceDistinctWithAggregate::new(), |rule, plan, config| match &plan {
        LogicalPlan::Distinct(Distinct::All(rows)) if !rows.schema().fields().is_empty() => {
            let keys = rows.schema().iter().map(|column| Expr::from(Column::from(column)));
            let groups = Aggregate::try_new(Arc::clone(rows), keys.collect(), vec![])?;
            Ok(Transformed::yes(LogicalPlan::Aggregate(groups)))
        }
        LogicalPlan::Distinct(Distinct::On(firsts)) => {
            let mut firsts = firsts.clone();
            firsts.sort_expr = firsts.sort_expr.map(without_repeats);
            rule.rewrite(LogicalPlan::Distinct(Distinct::On(firsts)), config)
        }
        _ => rule.rewrite(plan, config),
    })
}

/// Keys of sorts are left out where they stand before, and for no other reason.
pub(super) fn sort_keys() -> Wrapped<EliminateDuplicatedExpr> {
    Wrapped::new(EliminateDuplicatedExpr::new(), |rule, plan, config| match plan {
        LogicalPlan::Sort(mut sort) => {
            let before = sort.expr.len();
            sort.expr = without_repeats(sort.expr);
            let changed = sort.expr.len() < before;
            Ok(if changed { Transformed::yes } else { Transformed::no }(LogicalPlan::Sort(sort)))
        }
        _ => rule.rewrite(plan, config),
    })
}

/// Keys of groups stay, also where they seem to depend on others.
pub(super) fn group_keys() -> Wrapped<OptimizeProjections> {
    Wrapped::new(OptimizeProjections::new(), |rule, plan, config| {
        let apart = plan.transform_down_with_subqueries(|plan| match plan {
            LogicalPlan::Aggregate(mut groups) if groups.group_expr.len() > 1 => {
                groups.input = Arc::new(independent(Arc::unwrap_or_clone(groups.input))?);
                // WHY not changed: the step that is put in is left out again by the rule.
                Ok(Transformed::no(LogicalPlan::Aggregate(groups)))
            }
            _ => Ok(Transformed::no(plan)),
        })?;
        rule.rewrite(apart.data, config)
    })
}

/// The same rows, of whose columns none is known to depend on others.
///
/// # Errors
/// None for a plan that is sound.
pub fn independent(plan: LogicalPlan) -> Result<LogicalPlan> {
    if plan.schema().functional_dependencies().is_empty() {
        return Ok(plan);
    }
    let schema = plan.schema().as_ref().clone();
    let schema = schema.with_functional_dependencies(FunctionalDependencies::empty())?;
    let rows = Projection::new_from_schema(Arc::new(plan), Arc::new(schema));
    Ok(LogicalPlan::Projection(rows))
}
