//! [`FirstRows`]: `(SELECT price FROM … WHERE … = p.id ORDER BY day DESC LIMIT 1)` is the first value of an aggregate.
//!
//! WHY: DataFusion makes joins of queries that are a value and depend on the row where they aggregate. With `LIMIT` it
//! would take so many rows of all, not of those that belong to a row.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::first_value;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, FetchType, Limit, LogicalPlan, LogicalPlanBuilder, SkipType, Sort,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// What the value is called in the query; around it, it keeps its name.
const FIRST: &str = "first row";

#[derive(Debug)]
pub(super) struct FirstRows;

impl OptimizerRule for FirstRows {
    fn name(&self) -> &'static str {
        "first_rows"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.transform_up_with_subqueries(|step| {
            let names = NamePreserver::new(&step);
            step.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(expr.transform_up(aggregated)?.update_data(|expr| name.restore(expr)))
            })
        })
    }
}

fn aggregated(expr: Expr) -> Result<Transformed<Expr>> {
    if let Expr::ScalarSubquery(query) = &expr
        && !query.outer_ref_columns.is_empty()
        && let LogicalPlan::Limit(limit) = query.subquery.as_ref()
        && let Some(first) = first_of(limit)?
    {
        return Ok(Transformed::yes(Expr::ScalarSubquery(query.with_plan(Arc::new(first)))));
    }
    Ok(Transformed::no(expr))
}

/// The one value of the first of sorted rows, as an aggregate of all of them.
fn first_of(limit: &Limit) -> Result<Option<LogicalPlan>> {
    let is_one = matches!(limit.get_fetch_type()?, FetchType::Literal(Some(1)))
        && matches!(limit.get_skip_type()?, SkipType::Literal(0));
    let (value, Sort { expr: keys, input, .. }) = match limit.input.as_ref() {
        LogicalPlan::Sort(sort) => (Expr::from(column_of(&sort.input)), sort),
        LogicalPlan::Projection(shown) => match shown.input.as_ref() {
            LogicalPlan::Sort(sort) => (shown.expr[0].clone(), sort),
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if !is_one || value.contains_outer() || keys.iter().any(|key| key.expr.contains_outer()) {
        return Ok(None);
    }
    let first = first_value(value.unalias(), keys.clone());
    let rows = LogicalPlanBuilder::from(input.as_ref().clone());
    let rows = rows.aggregate(Vec::<Expr>::new(), vec![first])?.build()?;
    // Not called as the column, which may be one of those that the join is over.
    let first = Expr::from(column_of(&rows)).alias(FIRST);
    LogicalPlanBuilder::from(rows).project(vec![first])?.build().map(Some)
}

/// The first column, which is the only one of a value.
fn column_of(plan: &LogicalPlan) -> Column {
    Column::from(plan.schema().qualified_field(0))
}
