//! [`OuterJoins`]: DataFusion's rule that makes outer joins inner ones where a filter drops the rows without a match, which
//! also knows that [`canonical`](crate::functions::canonical) of nothing is nothing.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, Filter, LogicalPlan};
use datafusion::optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::functions::is_canonical;

#[derive(Debug, Default)]
pub(super) struct OuterJoins(EliminateOuterJoin);

impl OptimizerRule for OuterJoins {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Filter(filter) = plan else {
            return self.0.rewrite(plan, config);
        };
        let plain = filter.predicate.clone().transform_up(plain)?;
        if !plain.transformed {
            return self.0.rewrite(LogicalPlan::Filter(filter), config);
        }
        let Filter { predicate, input, .. } = filter;
        let seen = LogicalPlan::Filter(Filter::try_new(plain.data, input)?);
        self.0.rewrite(seen, config)?.map_data(|seen| match seen {
            LogicalPlan::Filter(Filter { input, .. }) => {
                Ok(LogicalPlan::Filter(Filter::try_new(predicate, input)?))
            }
            other => Ok(other),
        })
    }
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
