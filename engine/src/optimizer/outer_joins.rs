//! [`outer_joins`]: DataFusion's rule that makes outer joins inner ones where a filter drops the rows without a match, which
//! also knows that [`canonical`](crate::functions::canonical) of nothing is nothing.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::wrapped::Wrapped;
use crate::functions::is_canonical;

/// The rule, to be put in the place of DataFusion's.
pub(super) fn outer_joins() -> Wrapped<EliminateOuterJoin> {
    Wrapped::new(EliminateOuterJoin::new(), rewritten)
}

fn rewritten(
    rule: &EliminateOuterJoin,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = plan else {
        return rule.rewrite(plan, config);
    };
    let plain = filter.predicate.clone().transform_up(plain)?;
    if !plain.transformed {
        return rule.rewrite(LogicalPlan::Filter(filter), config);
    }
    let Filter { predicate, input, .. } = filter;
    let seen = LogicalPlan::Filter(Filter::try_new(plain.data, input)?);
    rule.rewrite(seen, config)?.map_data(|seen| match seen {
        LogicalPlan::Filter(Filter { input, .. }) => {
            Ok(LogicalPlan::Filter(Filter::try_new(predicate, input)?))
        }
        other => Ok(other),
    })
}

/// The value itself.
fn plain(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarFunction(mut call)
            if call.args.len() == 1 && is_canonical(&Expr::ScalarFunction(call.clone())) =>
        {
            Ok(Transformed::yes(call.args.swap_remove(0)))
        }
        expr => Ok(Transformed::no(expr)),
    }
}
