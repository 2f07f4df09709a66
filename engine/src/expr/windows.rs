//! [`windows_computed`]: functions over windows get a step of their own, and rows keep their order.

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::functions_window::expr_fn as window_fn;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder, SortExpr};

use crate::Result;

/// The place of a row among all, where a function needs to know it.
const ROW: &str = "row number";

/// The column with the places of rows, which [`numbered`] adds.
pub(crate) fn row_number() -> PlanExpr {
    PlanExpr::Column(Column::new_unqualified(ROW))
}

/// Whether it is that column.
pub(crate) fn is_row_number(expr: &PlanExpr) -> bool {
    matches!(expr, PlanExpr::Column(column) if column.name == ROW)
}

/// The rows with their places.
pub(crate) fn numbered(plan: LogicalPlan) -> Result<LogicalPlan> {
    let number = window_fn::row_number().alias(ROW);
    Ok(LogicalPlanBuilder::from(plan).window(vec![number])?.build()?)
}

/// The columns with their functions over windows computed by the plan, whose rows stay in their order.
pub(crate) fn windows_computed(
    plan: LogicalPlan,
    columns: Vec<PlanExpr>,
) -> Result<(LogicalPlan, Vec<PlanExpr>)> {
    let mut found: Vec<PlanExpr> = Vec::new();
    let mut rest = Vec::with_capacity(columns.len());
    for column in columns {
        let column = column.transform_down(|expr| {
            if !matches!(expr, PlanExpr::WindowFunction(_)) {
                return Ok(Transformed::no(expr));
            }
            let at = found.iter().position(|known| *known == expr).unwrap_or(found.len());
            if at == found.len() {
                found.push(expr);
            }
            let computed = PlanExpr::Column(Column::new_unqualified(name(at)));
            Ok(Transformed::new(computed, true, TreeNodeRecursion::Jump))
        })?;
        rest.push(column.data);
    }
    if found.is_empty() {
        return Ok((plan, rest));
    }
    let mut plan = LogicalPlanBuilder::from(numbered(plan)?);
    for same in by_keys(found) {
        plan = plan.window(same)?;
    }
    let order = vec![SortExpr::new(row_number(), true, false)];
    Ok((plan.sort(order)?.build()?, rest))
}

fn name(at: usize) -> String {
    format!("window#{at}")
}

/// The functions that are computed in one go: over the same rows in the same order.
fn by_keys(found: Vec<PlanExpr>) -> Vec<Vec<PlanExpr>> {
    let mut groups: Vec<(_, Vec<PlanExpr>)> = Vec::new();
    for (at, function) in found.into_iter().enumerate() {
        let PlanExpr::WindowFunction(call) = &function else {
            continue;
        };
        let keys = (call.params.partition_by.clone(), call.params.order_by.clone());
        let named = function.alias(name(at));
        match groups.iter_mut().find(|(known, _)| *known == keys) {
            Some((_, group)) => group.push(named),
            None => groups.push((keys, vec![named])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}
