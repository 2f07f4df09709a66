//! [`unnest_beside`]: `FROM t, UNNEST(t.tags) AS u(tag)` becomes one `Unnest` over the rows of `t`.
//!
//! A list in FROM that depends on the tables before it is planned as a query for each row of theirs. As such a query does
//! nothing but project, filter and unnest, it can do so beside the columns of the row: no join is left. Below
//! `LEFT JOIN … ON TRUE` a row without elements stays, with a null for the element.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, ScalarValue, TableReference};
use datafusion::error::Result;
use datafusion::functions::core::expr_fn::coalesce;
use datafusion::functions_nested::expr_fn::{array_length, make_array};
use datafusion::logical_expr::expr_fn::{cast, when};
use datafusion::logical_expr::{
    Expr, ExprSchemable, Join, JoinType, LogicalPlan, LogicalPlanBuilder, Projection, Subquery,
    SubqueryAlias, Unnest, lit,
};

/// The plan without such queries; others stay as they are.
pub(crate) fn unnest_beside(plan: LogicalPlan) -> Result<LogicalPlan> {
    let mut is_there = false;
    plan.apply_with_subqueries(|node| {
        is_there |= matches!(node, LogicalPlan::Join(join) if query_of(join).is_some());
        Ok(if is_there { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    if !is_there {
        return Ok(plan);
    }
    let changed = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Join(join) => match beside(&join)? {
            Some(plan) => Ok(Transformed::yes(plan)),
            None => Ok(Transformed::no(LogicalPlan::Join(join))),
        },
        // What stands above knows the columns of what was below.
        node => Ok(Transformed::no(node.recompute_schema()?)),
    })?;
    Ok(changed.data)
}

/// The query on the right of a join that depends on the left, and what it is called.
fn query_of(join: &Join) -> Option<(Option<&TableReference>, &Arc<LogicalPlan>)> {
    let (alias, query) = match join.right.as_ref() {
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => (Some(alias), input),
        _ => (None, &join.right),
    };
    match query.as_ref() {
        LogicalPlan::Subquery(Subquery { subquery, .. }) => Some((alias, subquery)),
        _ => None,
    }
}

fn beside(join: &Join) -> Result<Option<LogicalPlan>> {
    let Some((alias, subquery)) = query_of(join) else { return Ok(None) };
    let always = join.filter.as_ref().is_none_or(|filter| *filter == lit(true));
    let keeps = match join.join_type {
        JoinType::Inner => false,
        JoinType::Left if always => true,
        _ => return Ok(None),
    };
    if !join.on.is_empty() {
        return Ok(None);
    }
    let row = Row::of(&join.left, keeps)?;
    let Some(plan) = row.beside(subquery)? else { return Ok(None) };
    let mut shown = row.as_before();
    // The last columns are those of the query.
    for (qualifier, field) in plan.schema().iter().skip(row.columns.len()) {
        let column = Expr::Column(Column::from((qualifier, field)));
        shown.push(match alias {
            Some(alias) => column.alias_qualified(Some(alias.clone()), field.name()),
            None => column,
        });
    }
    let plan = LogicalPlanBuilder::from(plan).project(shown)?;
    match &join.filter {
        Some(filter) if !always => plan.filter(filter.clone())?.build().map(Some),
        _ => plan.build().map(Some),
    }
}

/// The row that a query depends on.
struct Row<'a> {
    left: &'a DFSchema,
    /// Its columns by numbers, so that the query's own may be called as they are.
    columns: Vec<Expr>,
    outer: LogicalPlan,
    /// Whether it stays where the query has no rows.
    keeps: bool,
}

impl<'a> Row<'a> {
    fn of(left: &'a LogicalPlan, keeps: bool) -> Result<Self> {
        let number = |at: usize| format!("outer:{at}");
        let schema = left.schema();
        let numbered = schema
            .iter()
            .enumerate()
            .map(|(at, field)| Expr::Column(Column::from(field)).alias(number(at)));
        let numbered: Vec<Expr> = numbered.collect();
        let column = |at| Expr::Column(Column::from_name(number(at)));
        let columns = (0..numbered.len()).map(column).collect();
        let outer = LogicalPlanBuilder::from(left.clone()).project(numbered)?.build()?;
        Ok(Self { left: schema, columns, outer, keeps })
    }

    /// Its columns by their names.
    fn as_before(&self) -> Vec<Expr> {
        let named = self.columns.iter().zip(self.left.iter());
        let named = named.map(|(column, (qualifier, field))| {
            column.clone().alias_qualified(qualifier.cloned(), field.name())
        });
        named.collect()
    }

    /// The query over the rows, each with its columns first; none where it does more than project, filter and unnest.
    fn beside(&self, query: &LogicalPlan) -> Result<Option<LogicalPlan>> {
        let under = |input: &LogicalPlan| self.beside(input);
        Ok(match query {
            LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Some(self.outer.clone()),
            LogicalPlan::Projection(Projection { input, expr, .. }) => {
                let Some(input) = under(input)? else { return Ok(None) };
                let expr = expr.iter().map(|expr| self.inside(expr.clone()));
                let expr = expr.collect::<Result<Vec<_>>>()?;
                let all = self.columns.iter().cloned().chain(expr);
                Some(LogicalPlanBuilder::from(input).project(all)?.build()?)
            }
            LogicalPlan::Filter(filter) if !self.keeps => {
                let Some(input) = under(&filter.input)? else { return Ok(None) };
                let condition = self.inside(filter.predicate.clone())?;
                Some(LogicalPlanBuilder::from(input).filter(condition)?.build()?)
            }
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, alias, .. }) => {
                let Some(input) = under(input)? else { return Ok(None) };
                Some(self.renamed(input, alias)?)
            }
            // A list in the query's own FROM.
            LogicalPlan::Subquery(Subquery { subquery, .. }) => under(subquery)?,
            LogicalPlan::Unnest(unnest) => {
                let Some(input) = under(&unnest.input)? else { return Ok(None) };
                let input = if self.keeps { self.never_empty(input, unnest)? } else { input };
                let (columns, options) = (unnest.exec_columns.clone(), unnest.options.clone());
                Some(LogicalPlan::Unnest(Unnest::try_new(Arc::new(input), columns, options)?))
            }
            _ => None,
        })
    }

    /// The expression, which stands beside the row now.
    fn inside(&self, expr: Expr) -> Result<Expr> {
        let inside = expr.transform_up(|part| match part {
            Expr::OuterReferenceColumn(field, column) => {
                Ok(match self.left.maybe_index_of_column(&column) {
                    Some(at) => Transformed::yes(self.columns[at].clone()),
                    None => Transformed::no(Expr::OuterReferenceColumn(field, column)),
                })
            }
            part => Ok(Transformed::no(part)),
        })?;
        Ok(inside.data)
    }

    /// The columns of the query under another name.
    fn renamed(&self, input: LogicalPlan, alias: &TableReference) -> Result<LogicalPlan> {
        let own = input.schema().iter().skip(self.columns.len()).map(|(qualifier, field)| {
            let column = Expr::Column(Column::from((qualifier, field)));
            column.alias_qualified(Some(alias.clone()), field.name())
        });
        let all: Vec<Expr> = self.columns.iter().cloned().chain(own).collect();
        LogicalPlanBuilder::from(input).project(all)?.build()
    }

    /// The rows with a list of one null in place of a list that is unnested and has nothing.
    fn never_empty(&self, input: LogicalPlan, unnest: &Unnest) -> Result<LogicalPlan> {
        let schema = Arc::clone(input.schema());
        let columns = schema.iter().map(|field| {
            let column = Column::from(field);
            let value = Expr::Column(column.clone());
            if !unnest.exec_columns.contains(&column) {
                return Ok(value);
            }
            let kind = value.get_type(schema.as_ref())?;
            let (DataType::List(item)
            | DataType::LargeList(item)
            | DataType::FixedSizeList(item, _)) = &kind
            else {
                return Ok(value);
            };
            let one_null = make_array(vec![lit(ScalarValue::try_from(item.data_type())?)]);
            let height = coalesce(vec![array_length(value.clone()), lit(0_u64)]);
            let one_null = cast(one_null, kind.clone());
            let filled = when(height.gt(lit(0_u64)), value).otherwise(one_null)?;
            Ok(filled.alias_qualified(column.relation, column.name))
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        LogicalPlanBuilder::from(input).project(columns)?.build()
    }
}
