//! [`in_microseconds`]: `now()` and `to_timestamp` give points in time to the microsecond, as `DuckDB` and PostgreSQL do.
//!
//! DataFusion (54) counts nanoseconds there, which Python has no type for.

use datafusion::arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr_fn::cast;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Those of a query that was just planned.
const FUNCTIONS: [&str; 2] = ["now", "to_timestamp"];

/// The plan whose points in time have microseconds.
pub(crate) fn in_microseconds(plan: LogicalPlan) -> Result<LogicalPlan> {
    let told = plan.transform_up_with_subqueries(|step| {
        let names = NamePreserver::new(&step);
        let step = step.map_expressions(|expr| {
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| Ok(told(expr)))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })?;
        if step.transformed { step.map_data(LogicalPlan::recompute_schema) } else { Ok(step) }
    });
    Ok(told?.data)
}

fn told(expr: Expr) -> Transformed<Expr> {
    match &expr {
        Expr::ScalarFunction(call) if FUNCTIONS.contains(&call.name()) => {
            let kind = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
            Transformed::yes(cast(expr, kind))
        }
        _ => Transformed::no(expr),
    }
}
