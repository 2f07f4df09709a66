//! [`means_the_same`]: which filters of another engine are left to ours.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, ExprSchemable, Operator};

use crate::functions::holds_floats;

/// Whether a filter is made of nothing but what both engines take alike: comparisons of values of one type that has no
/// floats, what asks for nulls, and their connections.
pub(super) fn means_the_same(filter: &Expr, schema: &DFSchema) -> bool {
    let mut alike = true;
    let looked = filter.apply(|expr| {
        alike = match expr {
            Expr::Column(_) | Expr::Literal(..) | Expr::Not(_) => true,
            Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::IsTrue(_) | Expr::IsFalse(_) => true,
            Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => true,
            Expr::BinaryExpr(both) => match both.op {
                Operator::And | Operator::Or => true,
                Operator::Eq
                | Operator::NotEq
                | Operator::Lt
                | Operator::LtEq
                | Operator::Gt
                | Operator::GtEq => are_alike(&[&both.left, &both.right], schema)?,
                _ => false,
            },
            Expr::Between(between) => {
                are_alike(&[&between.expr, &between.low, &between.high], schema)?
            }
            Expr::InList(list) => {
                let all: Vec<&Expr> = [list.expr.as_ref()].into_iter().chain(&list.list).collect();
                are_alike(&all, schema)?
            }
            Expr::Like(like) => are_alike(&[&like.expr, &like.pattern], schema)?,
            Expr::ScalarFunction(call) => call.name() == "get_field",
            _ => false,
        };
        Ok(if alike { TreeNodeRecursion::Continue } else { TreeNodeRecursion::Stop })
    });
    looked.is_ok() && alike
}

/// Whether values that are compared have one type, without floats.
fn are_alike(values: &[&Expr], schema: &DFSchema) -> Result<bool> {
    let types: Vec<DataType> =
        values.iter().map(|value| value.get_type(schema)).collect::<Result<_>>()?;
    Ok(types.iter().all(|kind| *kind == types[0]) && !holds_floats(&types[0]))
}
