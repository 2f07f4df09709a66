//! [`Decimals`]: sums, differences and products of decimals are computed by [`decimal_function`].

use arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use super::compare_floats::input_schema;
use crate::functions::decimal_function;

#[derive(Debug)]
pub(super) struct Decimals;

impl OptimizerRule for Decimals {
    fn name(&self) -> &'static str {
        "decimals"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn supports_rewrite(&self) -> bool {
        true
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        let (schema, names) = (input_schema(&plan), NamePreserver::new(&plan));
        plan.map_expressions(|expr| {
            // It may have no other name, and its parts have none.
            if matches!(expr, Expr::GroupingSet(_)) {
                return Ok(Transformed::no(expr));
            }
            let name = names.save(&expr);
            let expr = expr.transform_up(|expr| Ok(rewritten(expr, &schema)))?;
            Ok(expr.update_data(|expr| name.restore(expr)))
        })
    }
}

fn rewritten(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = expr else {
        return Transformed::no(expr);
    };
    let is_decimal = |side: &Expr| matches!(side.get_type(schema), Ok(DataType::Decimal128(..)));
    match decimal_function(op) {
        Some(function) if is_decimal(&left) && is_decimal(&right) => {
            Transformed::yes(function.call(vec![*left, *right]))
        }
        _ => Transformed::no(Expr::BinaryExpr(BinaryExpr { left, op, right })),
    }
}
