//! [`DropUnreadMap`]: a function whose results nobody reads is not called.
//!
//! Looks at what a projection or an aggregate reads through filters, sorts and limits. When none of it is a result of
//! the [`Udf`] below, the map goes: it neither adds nor drops rows.

use std::collections::HashSet;

use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use crate::logical::Udf;

#[derive(Debug)]
pub(super) struct DropUnreadMap;

impl OptimizerRule for DropUnreadMap {
    fn name(&self) -> &'static str {
        "drop_unread_map"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        if !matches!(plan, LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_)) {
            return Ok(Transformed::no(plan));
        }
        let read = columns_of(&plan);
        let Some(input) = plan.inputs().first().and_then(|input| without_map(input, read)) else {
            return Ok(Transformed::no(plan));
        };
        let expressions = plan.expressions();
        Ok(Transformed::yes(plan.with_new_exprs(expressions, vec![input?])?))
    }
}

fn columns_of(plan: &LogicalPlan) -> HashSet<Column> {
    plan.expressions()
        .iter()
        .flat_map(|expr| expr.column_refs().into_iter().cloned().collect::<Vec<_>>())
        .collect()
}

/// The plan without its topmost map, or `None` when there is none, or when it is needed.
fn without_map(plan: &LogicalPlan, mut read: HashSet<Column>) -> Option<Result<LogicalPlan>> {
    match plan {
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            read.extend(columns_of(plan));
            let input = match without_map(plan.inputs().first()?, read)? {
                Ok(input) => input,
                Err(error) => return Some(Err(error)),
            };
            Some(plan.with_new_exprs(plan.expressions(), vec![input]))
        }
        LogicalPlan::Extension(extension) => {
            let map = extension.node.as_any().downcast_ref::<Udf>()?;
            if !map.is_one_per_row() {
                return None;
            }
            let results: HashSet<&str> =
                map.call.results.iter().map(|field| field.name().as_str()).collect();
            let needed = read
                .iter()
                .any(|column| column.relation.is_none() && results.contains(column.name.as_str()));
            (!needed).then(|| Ok(map.input.clone()))
        }
        _ => None,
    }
}
