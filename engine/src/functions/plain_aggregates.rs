//! [`PlainAggregates`]: aggregates get no order that does not matter to them, and no filter that may be null.
//!
//! In an order DataFusion (54) counts other rows or fails (issues 25398 and 25401), and its first and last values of groups
//! are of rows, too, for which the filter is null (23707).

use std::mem;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr};

/// Aggregates whose result is the same in any order.
const WITHOUT_ORDER: [&str; 29] = [
    "approx_distinct",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "histogram",
    "max",
    "median",
    "min",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

#[derive(Debug)]
pub(crate) struct PlainAggregates;

impl FunctionRewrite for PlainAggregates {
    fn name(&self) -> &'static str {
        "plain_aggregates"
    }

    fn rewrite(
        &self,
        mut expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let Expr::AggregateFunction(call) = &mut expr else { return Ok(Transformed::no(expr)) };
        let (order, filter) = (&mut call.params.order_by, &mut call.params.filter);
        let keys_before = order.len();
        if WITHOUT_ORDER.contains(&call.func.name()) {
            order.clear();
        }
        *order = without_repeats(mem::take(order));
        let mut changed = order.len() < keys_before;
        if let Some(condition) = filter
            && condition.nullable(schema)?
        {
            // WHY not `IS TRUE`: as a column of its own DataFusion takes it to be null at times, against its own schema.
            let meant = mem::take(condition.as_mut());
            **condition = meant.clone().and(meant.is_not_null());
            changed = true;
        }
        Ok(Transformed::new(expr, changed, TreeNodeRecursion::Continue))
    }
}

/// The keys, each where it stands first: what is sorted by something is not sorted by it once more.
pub(crate) fn without_repeats(keys: Vec<SortExpr>) -> Vec<SortExpr> {
    let mut kept: Vec<SortExpr> = Vec::with_capacity(keys.len());
    for key in keys {
        if !kept.iter().any(|known| known.expr == key.expr) {
            kept.push(key);
        }
    }
    kept
}
