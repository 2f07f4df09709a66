//! [`CompareFloats`]: what compares, sorts or groups floats takes them as numbers. 0.0 and -0.0 are one, and every NaN is
//! the same, larger than all others.
//!
//! Puts [`canonical`] around what is compared, once the types are known. Results have their names as before, and the keys
//! of groups this form.

use std::mem;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{
    AggregateFunction, InSubquery, SetComparison, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Case, Distinct, Expr, ExprSchemable, Extension, GroupingSet, JoinConstraint, LogicalPlan,
    Projection, SortExpr,
};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{canonical, holds_floats, is_canonical};
use crate::logical::GroupRows;

#[derive(Debug)]
pub(super) struct CompareFloats;

impl AnalyzerRule for CompareFloats {
    fn name(&self) -> &'static str {
        "compare_floats"
    }

    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        Ok(plan.transform_up_with_subqueries(rewritten)?.data)
    }
}

/// What the expressions of a plan read.
struct Input {
    schema: DFSchemaRef,
    /// Whether the floats in its columns are numbers already.
    is_canonical: bool,
}

fn rewritten(mut plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let is_canonical = correlated(&mut plan)?;
    let input = Input { schema: input_schema(&plan), is_canonical };
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| compared(expr, &input))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?
    .transform_data(|plan| keyed(plan, &input))
}

/// Makes the input of a filter canonical that compares with columns of an outer query. Whether it is one.
///
/// WHY: such a filter becomes a join, and perhaps its columns the keys of groups; only as columns can they.
fn correlated(plan: &mut LogicalPlan) -> Result<bool> {
    let LogicalPlan::Filter(filter) = plan else { return Ok(false) };
    let is_correlated = filter.predicate.contains_outer();
    if is_correlated && let Some(numbers) = projected(&filter.input)? {
        filter.input = numbers;
    }
    Ok(is_correlated)
}

fn input_schema(plan: &LogicalPlan) -> DFSchemaRef {
    match plan.inputs().as_slice() {
        [only] => Arc::clone(only.schema()),
        inputs => Arc::new(merge_schema(inputs)),
    }
}

/// Functions that give one of their arguments back, chosen by comparing them.
const CHOOSING: [&str; 5] = ["greatest", "least", "max", "min", "nullif"];

/// The expression; if it compares, it compares numbers.
fn compared(mut expr: Expr, input: &Input) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(operation) if operation.op.supports_propagation() => {
            numbers([operation.left.as_mut(), operation.right.as_mut()], input)
        }
        Expr::Between(between) => {
            let operands = [&mut between.expr, &mut between.low, &mut between.high];
            numbers(operands.map(Box::as_mut), input)
        }
        Expr::InList(list) => {
            numbers(std::iter::once(list.expr.as_mut()).chain(&mut list.list), input)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            let changed = projected(&subquery.subquery)?.map(|plan| subquery.subquery = plan);
            changed.is_some() | number(expr, input)
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
            let values = when_then_expr.iter_mut().map(|(value, _)| value.as_mut());
            numbers(std::iter::once(expr.as_mut()).chain(values), input)
        }
        Expr::ScalarFunction(call) if CHOOSING.contains(&call.func.name()) => {
            numbers(&mut call.args, input)
        }
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let compares = params.distinct || CHOOSING.contains(&func.name());
            let arguments = params.args.iter_mut().filter(|_| compares);
            numbers(arguments.chain(sort_keys(&mut params.order_by)), input)
        }
        Expr::WindowFunction(call) => {
            let WindowFunction { fun, params } = call.as_mut();
            let compares = params.distinct || CHOOSING.contains(&fun.name());
            let arguments = params.args.iter_mut().filter(|_| compares);
            let keys = params.partition_by.iter_mut().chain(sort_keys(&mut params.order_by));
            numbers(arguments.chain(keys), input)
        }
        _ => false,
    };
    Ok(Transformed::new(expr, changed, TreeNodeRecursion::Continue))
}

fn sort_keys(keys: &mut [SortExpr]) -> impl Iterator<Item = &mut Expr> {
    keys.iter_mut().map(|key| &mut key.expr)
}

/// The plan; if it sorts, groups or joins by keys, these are numbers.
fn keyed(mut plan: LogicalPlan, input: &Input) -> Result<Transformed<LogicalPlan>> {
    let changed = match &mut plan {
        LogicalPlan::Sort(sort) => numbers(sort_keys(&mut sort.expr), input),
        LogicalPlan::Aggregate(aggregate) => {
            let mut changed = false;
            for key in aggregate.group_expr.iter_mut().flat_map(group_keys) {
                changed |= named_number(key, input);
            }
            changed
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => {
            let keys = distinct.sort_expr.iter_mut().flat_map(|keys| sort_keys(keys));
            numbers(distinct.on_expr.iter_mut().chain(keys), input)
        }
        LogicalPlan::Join(join) => {
            let changed =
                numbers(join.on.iter_mut().flat_map(|(left, right)| [left, right]), input);
            if changed {
                // WHY: with `USING` both sides must be columns.
                join.join_constraint = JoinConstraint::On;
            }
            changed
        }
        LogicalPlan::Distinct(Distinct::All(rows)) => {
            projected(rows)?.map(|numbers| *rows = numbers).is_some()
        }
        LogicalPlan::Extension(Extension { node }) => match node.as_any().downcast_ref() {
            Some(group) => {
                *node = Arc::new(grouped(group, input)?);
                true
            }
            None => false,
        },
        _ => false,
    };
    Ok(Transformed::new(plan, changed, TreeNodeRecursion::Continue))
}

fn group_keys(key: &mut Expr) -> Vec<&mut Expr> {
    match key {
        Expr::GroupingSet(GroupingSet::Rollup(keys) | GroupingSet::Cube(keys)) => {
            keys.iter_mut().collect()
        }
        Expr::GroupingSet(GroupingSet::GroupingSets(sets)) => sets.iter_mut().flatten().collect(),
        key => vec![key],
    }
}

/// The same rows with canonical columns; `None` if they have no floats.
fn projected(rows: &Arc<LogicalPlan>) -> Result<Option<Arc<LogicalPlan>>> {
    let schema = Arc::clone(rows.schema());
    let mut columns: Vec<Expr> = schema.iter().map(|column| Column::from(column).into()).collect();
    let input = Input { schema, is_canonical: false };
    let mut changed = false;
    for column in &mut columns {
        changed |= named_number(column, &input);
    }
    let numbers = changed.then(|| Projection::try_new(columns, Arc::clone(rows))).transpose()?;
    Ok(numbers.map(|numbers| Arc::new(LogicalPlan::Projection(numbers))))
}

/// A group's key stands in the result as it was compared.
fn grouped(group: &GroupRows, input: &Input) -> Result<GroupRows> {
    let (mut keys, mut firsts) = (group.keys.clone(), group.firsts.clone());
    for first in &mut firsts {
        if keys.contains(&first.clone().unalias()) {
            named_number(first, input);
        }
    }
    numbers(&mut keys, input);
    GroupRows::try_new(group.input.clone(), keys, firsts, group.lists.clone())
}

/// Changes the expressions as [`number`] does; whether that was anything.
fn numbers<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, input: &Input) -> bool {
    let mut changed = false;
    for expr in exprs {
        changed |= number(expr, input);
    }
    changed
}

/// Makes floats canonical; whether that changed the expression.
fn number(expr: &mut Expr, input: &Input) -> bool {
    if let Expr::Alias(alias) = expr {
        return number(&mut alias.expr, input);
    }
    let is_done = is_canonical(expr) || (input.is_canonical && matches!(expr, Expr::Column(_)));
    let changes = !is_done && expr.get_type(&*input.schema).is_ok_and(|kind| holds_floats(&kind));
    if changes {
        *expr = canonical(mem::take(expr));
    }
    changes
}

/// The same for a column of the result, which keeps its name.
fn named_number(expr: &mut Expr, input: &Input) -> bool {
    let name = NamePreserver::new_for_projection().save(expr);
    let changes = number(expr, input);
    if changes {
        *expr = name.restore(mem::take(expr));
    }
    changes
}
