//! Which row it is among those that agree on some values, for `diff`.

use datafusion::common::Column;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder,
};

use crate::{Result, expr};

/// The column that numbers rows that agree, from 1.
const NTH: &str = "place among equals";

/// The plan with numbers of all rows, and of rows that agree in the column [`NTH`].
pub(super) fn numbered(plan: LogicalPlan, keys: Vec<PlanExpr>) -> Result<LogicalPlanBuilder> {
    let by_row = expr::row_number().sort(true, false);
    let nth = row_number().partition_by(keys).order_by(vec![by_row]).build()?;
    Ok(LogicalPlanBuilder::from(expr::numbered(plan)?).window(vec![nth.alias(NTH)])?)
}

pub(super) fn nth() -> PlanExpr {
    PlanExpr::Column(Column::new_unqualified(NTH))
}
