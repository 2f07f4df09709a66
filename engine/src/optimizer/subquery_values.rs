//! [`SubqueryValues`]: `EXISTS` and `IN` over a query as values of a select list, and `EXISTS` of what always has a row.
//!
//! WHY: DataFusion makes joins of `EXISTS` and `IN` only where they stand in conditions. In a select list they become a
//! comparison of a count, `(SELECT count(*) …) > 0`, which it can join.
//!
//! In conditions its joins are wrong for two forms of `EXISTS`. An aggregate without groups always has a row, but the join
//! finds none where nothing was aggregated: that `EXISTS` is simply true. And the join forgets `OFFSET`, and `HAVING`
//! without groups, where the query depends on the row: that is refused.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema};
use datafusion::error::Result;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Expr, Filter, LogicalPlan, LogicalPlanBuilder, Projection, Sort, Subquery, SubqueryAlias, lit,
};
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::compare_floats::input_schema;
use super::in_subquery::{is_one_row, three_valued};
use crate::Error;

#[derive(Debug)]
pub(super) struct SubqueryValues;

impl OptimizerRule for SubqueryValues {
    fn name(&self) -> &'static str {
        "subquery_values"
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
    let (names, schema) = (NamePreserver::new(&plan), input_schema(&plan));
    let is_list = matches!(plan, LogicalPlan::Projection(_));
    plan.map_expressions(|expr| {
        if !expr.exists(|part| Ok(is_query(part)))? {
            return Ok(Transformed::no(expr));
        }
        let name = names.save(&expr);
        let changed = expr.transform_up(|part| match part {
            Expr::Exists(exists) => rows_there(exists, is_list),
            Expr::InSubquery(query) if is_list => {
                let found = three_valued(query, &schema)?.transform_up(|part| match part {
                    Expr::Exists(exists) => rows_there(exists, true),
                    Expr::InSubquery(query) => rows_there(matching(query, &schema)?, true),
                    part => Ok(Transformed::no(part)),
                })?;
                Ok(Transformed::yes(found.data))
            }
            part => Ok(Transformed::no(part)),
        })?;
        Ok(changed.update_data(|expr| name.restore(expr)))
    })
}

fn is_query(expr: &Expr) -> bool {
    matches!(expr, Expr::Exists(_) | Expr::InSubquery(_))
}

/// Whether a query has rows, as a value where it has to be one.
fn rows_there(exists: Exists, is_value: bool) -> Result<Transformed<Expr>> {
    let Exists { subquery, negated } = exists;
    let depends_on_row = !subquery.outer_ref_columns.is_empty();
    if is_one_row(&subquery.subquery) {
        return Ok(Transformed::yes(lit(!negated)));
    }
    if depends_on_row && forgets(&subquery.subquery) {
        return Err(Error::NotSupported {
            what: "EXISTS over a query with OFFSET, or with HAVING and no groups, that depends on \
                   the row"
                .to_owned(),
            instead: "compare a count, as `(SELECT count(*) FROM …) > 1`".to_owned(),
        }
        .into());
    }
    if !is_value || depends_on_row && is_cut(&subquery.subquery) {
        return Ok(Transformed::no(Expr::Exists(Exists { subquery, negated })));
    }
    let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    let counted = rows.aggregate(Vec::<Expr>::new(), vec![count(lit(1_i64))])?.build()?;
    let column = Expr::from(Column::from(counted.schema().qualified_field(0)));
    let counted = LogicalPlanBuilder::from(counted).project(vec![column.alias("rows")])?.build()?;
    let many = Expr::ScalarSubquery(subquery.with_plan(Arc::new(counted)));
    Ok(Transformed::yes(if negated { many.eq(lit(0_i64)) } else { many.gt(lit(0_i64)) }))
}

/// The rows of a query that are the value.
fn matching(query: InSubquery, schema: &DFSchema) -> Result<Exists> {
    let InSubquery { expr, subquery, negated } = query;
    let mut outer_ref_columns = subquery.outer_ref_columns.clone();
    let value = expr.transform_up(|part| match part {
        Expr::Column(column) => {
            let field = Arc::clone(schema.qualified_field_from_column(&column)?.1);
            let outer = Expr::OuterReferenceColumn(field, column);
            if !outer_ref_columns.contains(&outer) {
                outer_ref_columns.push(outer.clone());
            }
            Ok(Transformed::yes(outer))
        }
        part => Ok(Transformed::no(part)),
    })?;
    let column = Expr::from(Column::from(subquery.subquery.schema().qualified_field(0)));
    let rows = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone());
    let rows = rows.filter(column.eq(value.data))?.build()?;
    let subquery = Subquery { outer_ref_columns, ..subquery.with_plan(Arc::new(rows)) };
    Ok(Exists { subquery, negated })
}

/// Whether the join would forget a step that decides whether there are rows.
fn forgets(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, .. })
        | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. })
        | LogicalPlan::Sort(Sort { input, .. }) => forgets(input),
        LogicalPlan::Limit(limit) => limit.skip.is_some() || forgets(&limit.input),
        LogicalPlan::Filter(Filter { input, .. }) => is_one_row(input),
        _ => false,
    }
}

/// Whether the query takes only some of its rows, or makes groups.
fn is_cut(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Projection(Projection { input, .. })
        | LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. })
        | LogicalPlan::Filter(Filter { input, .. }) => is_cut(input),
        LogicalPlan::Limit(_) | LogicalPlan::Aggregate(_) | LogicalPlan::Distinct(_) => true,
        _ => false,
    }
}
