//! [`group_by_constant`]: DataFusion's rule that drops constants from the keys of groups, where there are other keys.
//!
//! Where there are none, its rule (54) makes one group of no rows. Subqueries group by a constant beside their keys.

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::eliminate_group_by_constant::EliminateGroupByConstant;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::wrapped::Wrapped;

/// The rule, to be put in the place of DataFusion's.
pub(super) fn group_by_constant() -> Wrapped<EliminateGroupByConstant> {
    Wrapped::new(EliminateGroupByConstant::new(), rewritten)
}

fn rewritten(
    rule: &EliminateGroupByConstant,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    match &plan {
        LogicalPlan::Aggregate(groups)
            if groups.group_expr.iter().any(|key| matches!(key, Expr::Column(_))) =>
        {
            rule.rewrite(plan, config)
        }
        _ => Ok(Transformed::no(plan)),
    }
}
