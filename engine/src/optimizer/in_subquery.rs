//! [`InSubqueries`]: `IN` over a query is unknown where SQL says so, wherever it stands in a condition.
//!
//! WHY: DataFusion's joins know only of matches, so that "unknown" would count as "false", and its `NOT` as "true". It has
//! one that minds nulls, for a `NOT IN` that is a whole condition of `WHERE` and whose query does not depend on the row;
//! but what other conditions say of the value is taken to hold for the query's rows too, whose nulls are then gone.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    Expr, ExprSchemable, Filter, LogicalPlan, LogicalPlanBuilder, Operator, Projection, Subquery,
    SubqueryAlias, binary_expr, lit, not, when,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

#[derive(Debug)]
pub(super) struct InSubqueries;

impl OptimizerRule for InSubqueries {
    fn name(&self) -> &'static str {
        "in_subquery"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _config: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>> {
        plan.transform_up_with_subqueries(rewritten)
    }
}

fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Filter(filter) = plan else {
        return Ok(Transformed::no(plan));
    };
    if !filter.predicate.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_))))? {
        return Ok(Transformed::no(LogicalPlan::Filter(filter)));
    }
    let Filter { predicate, input, .. } = filter;
    let conditions = split_conjunction_owned(predicate).into_iter();
    let conditions = conditions.map(|condition| minding_nulls(condition, input.schema()));
    let predicate = conditions.reduce(|all, one| Ok(all?.and(one?))).unwrap_or(Ok(lit(true)))?;
    Ok(Transformed::yes(LogicalPlan::Filter(Filter::try_new(predicate, input)?)))
}

/// A condition of a filter, for which unknown is as good as false.
fn minding_nulls(condition: Expr, schema: &DFSchema) -> Result<Expr> {
    match condition {
        Expr::InSubquery(query) if is_joined_rightly(&query) => Ok(Expr::InSubquery(query)),
        condition => {
            let changed = condition.transform_up(|expr| match expr {
                Expr::InSubquery(query) => Ok(Transformed::yes(three_valued(query, schema)?)),
                expr => Ok(Transformed::no(expr)),
            });
            Ok(changed?.data)
        }
    }
}

/// Whether the join that becomes of this condition is true for the right rows.
fn is_joined_rightly(query: &InSubquery) -> bool {
    let depends_on_row = !query.subquery.outer_ref_columns.is_empty();
    !(query.negated || depends_on_row && is_one_row(&query.subquery.subquery))
}

/// True for a match; without one unknown if there is a null, on either side.
pub(super) fn three_valued(query: InSubquery, schema: &DFSchema) -> Result<Expr> {
    let InSubquery { expr, subquery, negated } = query;
    if is_one_row(&subquery.subquery) {
        // WHY: as a join it would have no row where the aggregate saw none.
        let value = Expr::ScalarSubquery(subquery);
        let operator = if negated { Operator::NotEq } else { Operator::Eq };
        return Ok(binary_expr(*expr, operator, value));
    }
    let subquery = qualified(subquery)?;
    let column = subquery.subquery.schema().qualified_field(0);
    let mut unknown = Vec::new();
    if column.1.is_nullable() {
        let value = Expr::from(Column::from(column));
        let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
        unknown.push(exists(subquery.with_plan(rows.filter(value.is_null())?.build()?.into())));
    }
    if expr.nullable(schema)? {
        unknown.push(expr.clone().is_null().and(exists(subquery.clone())));
    }
    let found = Expr::InSubquery(InSubquery { expr, subquery, negated: false });
    let found = match unknown.into_iter().reduce(Expr::or) {
        Some(unknown) => when(found, lit(true))
            .when(unknown, lit(ScalarValue::Boolean(None)))
            .otherwise(lit(false))?,
        None => found,
    };
    Ok(if negated { not(found) } else { found })
}

/// The query with a name for its columns, where it does not depend on the row.
///
/// WHY: a column without one, such as a union's, is taken for another than the join's, and projected twice.
fn qualified(subquery: Subquery) -> Result<Subquery> {
    if !subquery.outer_ref_columns.is_empty() {
        return Ok(subquery);
    }
    let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    Ok(subquery.with_plan(rows.alias("in_subquery")?.build()?.into()))
}

/// Whether the plan aggregates all rows of its input to one.
pub(super) fn is_one_row(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, .. })
        | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => is_one_row(input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

fn exists(subquery: Subquery) -> Expr {
    Expr::Exists(Exists { subquery, negated: false })
}
