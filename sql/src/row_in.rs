//! [`compare_rows`]: `(a, b) IN (SELECT x, y …)` becomes `EXISTS`, which may compare any number of columns, and
//! `(a, b) IN ((1, 2))` compares them one by one.
//!
//! As with one column it is true for a match, else unknown where a null keeps a row from being told apart, else false.
//! Where a condition is to hold, unknown is as good as false, so that `IN` needs the matches alone. Elsewhere, as in a
//! select list, it is refused: what is unknown would be a query that cannot become a join.

use std::ops::ControlFlow;

use datafusion::common::not_impl_err;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, Query, SelectItem, SetExpr, Statement, UnaryOperator, Value,
    VisitMut, VisitorMut,
};

use crate::statement::parsed_expression;
use crate::{Error, Result};

/// Rewrites the comparisons of several columns in all queries of the statement.
///
/// # Errors
/// [`Error::NotSupported`] where it is no part of a condition.
pub(crate) fn compare_rows(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut CompareRows) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

/// What the rows of the query are called.
const TABLE: &str = "in rows";

/// Refuses a query with a row to compare that depends on the row outside: it stands in FROM, where it cannot.
pub(crate) fn check_rows(plan: &LogicalPlan) -> PlanResult<()> {
    plan.apply_with_subqueries(|node| match node {
        LogicalPlan::SubqueryAlias(rows)
            if rows.alias.table() == TABLE && depends_on_outside(&rows.input)? =>
        {
            not_impl_err!("(a, b) IN (SELECT …) over a query that depends on the row")
        }
        _ => Ok(TreeNodeRecursion::Continue),
    })?;
    Ok(())
}

fn depends_on_outside(plan: &LogicalPlan) -> PlanResult<bool> {
    plan.exists(|node| Ok(node.contains_outer_reference()))
}

struct CompareRows;

impl VisitorMut for CompareRows {
    type Break = Error;

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> ControlFlow<Error> {
        flow(match statement {
            Statement::Delete(delete) => delete.selection.iter_mut().try_for_each(hold),
            Statement::Update(update) => update.selection.iter_mut().try_for_each(hold),
            _ => Ok(()),
        })
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        flow(in_conditions(&mut query.body))
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Some(text) = spelled_out(expr) {
            return flow(parsed_expression(&text).map(|spelled| *expr = spelled));
        }
        flow(match compared(expr) {
            Some(_) => Err(Error::refused(
                "(a, b) IN (SELECT …) in this place",
                "it stands in WHERE, beside other conditions",
            )),
            None => Ok(()),
        })
    }
}

fn flow(done: Result<()>) -> ControlFlow<Error> {
    match done {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(error),
    }
}

fn in_conditions(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(select) => select.selection.iter_mut().try_for_each(hold),
        SetExpr::SetOperation { left, right, .. } => {
            in_conditions(left)?;
            in_conditions(right)
        }
        _ => Ok(()),
    }
}

/// Rewrites what a condition that is to hold is made of.
fn hold(condition: &mut Expr) -> Result<()> {
    if let Some(rows) = compared(condition) {
        *condition = rows.condition()?;
        return Ok(());
    }
    match condition {
        Expr::BinaryOp { left, op: BinaryOperator::And | BinaryOperator::Or, right } => {
            hold(left)?;
            hold(right)
        }
        Expr::Nested(inner) => hold(inner),
        Expr::UnaryOp { op: UnaryOperator::Not, expr } => match compared(without_parentheses(expr))
        {
            Some(rows) => {
                *condition = Rows { negated: !rows.negated, ..rows }.condition()?;
                Ok(())
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn without_parentheses(expr: &Expr) -> &Expr {
    match expr {
        Expr::Nested(inner) => without_parentheses(inner),
        expr => expr,
    }
}

/// `(a, b) = (1, 2)` and `(a, b) IN ((1, 2), (3, 4))` column by column, so that a null is unknown.
fn spelled_out(expr: &Expr) -> Option<String> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => equal(left, right),
        Expr::BinaryOp { left, op: BinaryOperator::NotEq, right } => {
            Some(format!("NOT {}", equal(left, right)?))
        }
        Expr::InList { expr, list, negated } => {
            let any: Option<Vec<String>> = list.iter().map(|row| equal(expr, row)).collect();
            let not = if *negated { "NOT " } else { "" };
            Some(format!("{not}({})", any.filter(|any| !any.is_empty())?.join(" OR ")))
        }
        _ => None,
    }
}

/// Whether two rows of values are the same.
fn equal(one: &Expr, other: &Expr) -> Option<String> {
    let (Expr::Tuple(one), Expr::Tuple(other)) = (one, other) else { return None };
    if one.len() != other.len() {
        return None;
    }
    let pairs = one.iter().zip(other).map(|(one, other)| format!("({one}) = ({other})"));
    Some(format!("({})", pairs.collect::<Vec<_>>().join(" AND ")))
}

/// Several values, and whether a query has a row of them, as texts.
struct Rows {
    /// The query's rows, as a table.
    rows: String,
    /// Whether one of them is the values.
    is_match: String,
    /// Whether one has a null.
    has_null: String,
    negated: bool,
}

fn compared(expr: &Expr) -> Option<Rows> {
    let Expr::InSubquery { expr, subquery, negated } = expr else { return None };
    let Expr::Tuple(values) = expr.as_ref() else { return None };
    let subquery = with_named_nulls(subquery);
    // Names that nothing in the values has.
    let names: Vec<String> = (1..=values.len()).map(|at| format!("\"in row {at}\"")).collect();
    let pairs = names.iter().zip(values);
    let is_match: Vec<String> = pairs.map(|(name, value)| format!("{name} = ({value})")).collect();
    let has_null: Vec<String> = names.iter().map(|name| format!("{name} IS NULL")).collect();
    Some(Rows {
        rows: format!("({subquery}) AS \"{TABLE}\"({})", names.join(", ")),
        is_match: is_match.join(" AND "),
        has_null: has_null.join(" OR "),
        negated: *negated,
    })
}

/// The query with names for its nulls, which the planner does not find again by the name that it gives them.
fn with_named_nulls(query: &Query) -> Query {
    let mut query = query.clone();
    if let SetExpr::Select(select) = query.body.as_mut() {
        for (at, item) in select.projection.iter_mut().enumerate() {
            if let SelectItem::UnnamedExpr(Expr::Value(value)) = item
                && matches!(value.value, Value::Null)
            {
                let (expr, alias) = (Expr::Value(value.clone()), Ident::new(format!("null_{at}")));
                *item = SelectItem::ExprWithAlias { expr, alias };
            }
        }
    }
    query
}

impl Rows {
    /// True where the comparison is true.
    fn condition(&self) -> Result<Expr> {
        let Self { rows, is_match, has_null, negated } = self;
        let found = format!("EXISTS (SELECT 1 FROM {rows} WHERE {is_match})");
        if !negated {
            return parsed_expression(&found);
        }
        // Rows with a null, which are few, are looked at apart from the others, which only a null among the values
        // keeps from being told apart.
        parsed_expression(&format!(
            "(NOT {found} \
             AND NOT EXISTS (SELECT 1 FROM {rows} WHERE ({has_null}) AND ({is_match}) IS NULL) \
             AND NOT EXISTS (SELECT 1 FROM {rows} WHERE NOT ({has_null}) AND ({is_match}) IS NULL))"
        ))
    }
}
