//! [`distinct_rows`] and [`sort_keys`]: DataFusion's rules without what they take columns to depend on.
//!
//! DataFusion (54) notes which columns depend on the keys of a group, and carries that too far: through joins that repeat
//! the keys or fill them with nulls, through lists that are laid out, and to columns that only stand where the keys stood
//! (issues 23028 and 23626). Its rules then take repeated rows for distinct ones, and leave out keys of sorts that matter.
//!
//! Its rule that leaves out keys of groups stays: SQL adds to the keys what depends on them, by the same notes, and what
//! nobody asks for is left out again.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::{Aggregate, Distinct, Expr, LogicalPlan};
use datafusion::optimizer::OptimizerRule;
use datafusion::optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
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
