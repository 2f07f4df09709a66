//! [`NullableQueries`]: a query that is a value is null where it has no row, whatever its column is.
//!
//! WHY: DataFusion takes the value to have a null only if the query's column has some. Then
//! `(SELECT id FROM q WHERE false) IS NULL` is false, and as a column the value is an error.
//!
//! What always has one row stays: an aggregate without groups, such as a count, and a `SELECT` without tables.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{InList, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection, Sort, SubqueryAlias};
use datafusion::optimizer::AnalyzerRule;

use super::in_subquery::is_one_row;
use crate::functions::{is_nullable, nullable};

#[derive(Debug)]
pub(super) struct NullableQueries;

impl AnalyzerRule for NullableQueries {
    fn name(&self) -> &'static str {
        "nullable_queries"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewritten)?.data)
    }
}

fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        Ok(expr.transform_down(with_nulls)?.update_data(|expr| name.restore(expr)))
    })
}

fn with_nulls(expr: Expr) -> Result<Transformed<Expr>> {
    match expr {
        Expr::ScalarSubquery(query) => {
            let has_row = has_row(&query.subquery);
            let value = Expr::ScalarSubquery(query);
            let (value, changed) = if has_row { (value, false) } else { (nullable(value), true) };
            Ok(Transformed::new(value, changed, TreeNodeRecursion::Jump))
        }
        // `x IN ((SELECT …))` is over the query's rows, as without the second parentheses.
        Expr::InList(InList { expr, list, negated }) => Ok(match <[Expr; 1]>::try_from(list) {
            Ok([Expr::ScalarSubquery(query)]) => {
                Transformed::yes(Expr::InSubquery(InSubquery::new(expr, query, negated)))
            }
            Ok([only]) => Transformed::no(Expr::InList(InList::new(expr, vec![only], negated))),
            Err(list) => Transformed::no(Expr::InList(InList::new(expr, list, negated))),
        }),
        expr if is_nullable(&expr) => Ok(Transformed::new(expr, false, TreeNodeRecursion::Jump)),
        expr => Ok(Transformed::no(expr)),
    }
}

/// Whether the query has a row whatever its tables hold.
fn has_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, .. })
        | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. })
        | LogicalPlan::Sort(Sort { input, fetch: None, .. }) => has_row(input),
        LogicalPlan::EmptyRelation(relation) => relation.produce_one_row,
        plan => is_one_row(plan),
    }
}
