//! Which row it is among those that agree on some values, for `diff`.

use datafusion::common::Column;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    Expr as PlanExpr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, SortExpr,
};

use crate::Result;

/// The column that numbers all rows in their order, from 1.
const ROW: &str = "row of the chain";

/// The column that numbers rows that agree, from 1.
const NTH: &str = "place among equals";

/// The plan with the columns [`ROW`] and [`NTH`].
pub(super) fn numbered(plan: LogicalPlan, keys: Vec<PlanExpr>) -> Result<LogicalPlanBuilder> {
    let nth = row_number().partition_by(keys).order_by(vec![by_row()]).build()?;
    let numbered = LogicalPlanBuilder::from(plan).window(vec![row_number().alias(ROW)])?;
    Ok(numbered.window(vec![nth.alias(NTH)])?)
}

/// The key that sorts rows as they were.
fn by_row() -> SortExpr {
    PlanExpr::Column(Column::new_unqualified(ROW)).sort(true, false)
}

pub(super) fn nth() -> PlanExpr {
    PlanExpr::Column(Column::new_unqualified(NTH))
}
