//! [`CompareFloats`]: what compares, sorts or groups floats takes them as numbers. 0.0 and -0.0 are one, and every NaN is
//! the same, larger than all others. Intervals are sorted by how long they are.
//!
//! Puts [`canonical`] around what is compared, once the types are known. Results have their names as before, and the keys
//! of groups this form.

use std::mem;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, DFSchemaRef};
use datafusion::error::Result;
use datafusion::logical_expr::expr::{
    AggregateFunction, InSubquery, SetComparison, WindowFunction,
};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{
    Case, Distinct, Expr, ExprSchemable, Extension, Filter, GroupingSet, JoinConstraint,
    LogicalPlan, Projection, SortExpr,
};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::{canonical, holds_floats, is_canonical, order_intervals};
use crate::logical::{FirstRows, GroupRows};

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

fn rewritten(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    if let LogicalPlan::Filter(filter) = &plan
        && filter.predicate.contains_outer()
    {
        return correlated(filter);
    }
    let schema = input_schema(&plan);
    let names = NamePreserver::new(&plan);
    plan.map_expressions(|expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| compared(expr, &schema))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    })?
    .transform_data(|plan| keyed(plan, &schema))
}

/// A filter that compares with columns of an outer query, by columns of its own with the numbers.
///
/// WHY: such a filter becomes a join, and what it compares perhaps the keys of groups; only as columns can they.
fn correlated(filter: &Filter) -> Result<Transformed<LogicalPlan>> {
    let schema = filter.input.schema();
    let columns = || schema.iter().map(|column| Expr::from(Column::from(column)));
    let mut keys: Vec<Expr> = Vec::new();
    let predicate = filter.predicate.clone().transform_up(|mut expr| {
        let changed = match &mut expr {
            Expr::BinaryExpr(operation) if operation.op.supports_propagation() => {
                let sides = [operation.left.as_mut(), operation.right.as_mut()];
                let changed = numbers(sides, schema);
                if operation.left.contains_outer() != operation.right.contains_outer() {
                    for side in [operation.left.as_mut(), operation.right.as_mut()] {
                        if matches!(side, Expr::ScalarFunction(_))
                            && is_canonical(side)
                            && !side.contains_outer()
                        {
                            *side = key(mem::take(side), &mut keys);
                        }
                    }
                }
                changed
            }
            _ => return compared(expr, schema),
        };
        Ok(Transformed::new(expr, changed, TreeNodeRecursion::Continue))
    })?;
    if keys.is_empty() {
        let plan = Filter::try_new(predicate.data, Arc::clone(&filter.input))?;
        let plan = LogicalPlan::Filter(plan);
        return Ok(Transformed::new(plan, predicate.transformed, TreeNodeRecursion::Continue));
    }
    let keyed = Projection::try_new(columns().chain(keys).collect(), Arc::clone(&filter.input))?;
    let keyed = Arc::new(LogicalPlan::Projection(keyed));
    let kept = Arc::new(LogicalPlan::Filter(Filter::try_new(predicate.data, keyed)?));
    let plan = LogicalPlan::Projection(Projection::try_new(columns().collect(), kept)?);
    Ok(Transformed::yes(plan))
}

/// The column that holds the value.
fn key(value: Expr, keys: &mut Vec<Expr>) -> Expr {
    let name = format!("__{}", value.schema_name());
    let column = Expr::from(Column::new_unqualified(&name));
    if !keys.iter().any(|key| key.schema_name().to_string() == name) {
        keys.push(value.alias(name));
    }
    column
}

pub(super) fn input_schema(plan: &LogicalPlan) -> DFSchemaRef {
    match plan.inputs().as_slice() {
        [only] => Arc::clone(only.schema()),
        inputs => Arc::new(merge_schema(inputs)),
    }
}

/// Functions that give one of their arguments back, chosen by comparing them.
const CHOOSING: [&str; 5] = ["greatest", "least", "max", "min", "nullif"];

/// Functions that compare the items of lists.
const COMPARING_ITEMS: [&str; 9] = [
    "array_distinct",
    "array_except",
    "array_has",
    "array_has_all",
    "array_has_any",
    "array_intersect",
    "array_position",
    "array_positions",
    "array_union",
];

/// The expression; if it compares, it compares numbers.
fn compared(mut expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let changed = match &mut expr {
        Expr::BinaryExpr(operation) if operation.op.supports_propagation() => {
            numbers([operation.left.as_mut(), operation.right.as_mut()], schema)
        }
        Expr::Between(between) => {
            let operands = [&mut between.expr, &mut between.low, &mut between.high];
            numbers(operands.map(Box::as_mut), schema)
        }
        Expr::InList(list) => {
            numbers(std::iter::once(list.expr.as_mut()).chain(&mut list.list), schema)
        }
        Expr::InSubquery(InSubquery { expr, subquery, .. })
        | Expr::SetComparison(SetComparison { expr, subquery, .. }) => {
            let changed = projected(&subquery.subquery)?.map(|plan| subquery.subquery = plan);
            changed.is_some() | number(expr, schema)
        }
        Expr::Case(Case { expr: Some(expr), when_then_expr, .. }) => {
            let values = when_then_expr.iter_mut().map(|(value, _)| value.as_mut());
            numbers(std::iter::once(expr.as_mut()).chain(values), schema)
        }
        Expr::ScalarFunction(call)
            if CHOOSING.contains(&call.func.name())
                || COMPARING_ITEMS.contains(&call.func.name()) =>
        {
            numbers(&mut call.args, schema)
        }
        Expr::AggregateFunction(AggregateFunction { func, params }) => {
            let compares = params.distinct || CHOOSING.contains(&func.name());
            let arguments = params.args.iter_mut().filter(|_| compares);
            numbers(arguments.chain(sort_keys(&mut params.order_by)), schema)
        }
        Expr::WindowFunction(call) => {
            let WindowFunction { fun, params } = call.as_mut();
            let compares = params.distinct || CHOOSING.contains(&fun.name());
            let arguments = params.args.iter_mut().filter(|_| compares);
            let keys = params.partition_by.iter_mut().chain(sort_keys(&mut params.order_by));
            numbers(arguments.chain(keys), schema)
        }
        _ => false,
    };
    Ok(Transformed::new(expr, changed, TreeNodeRecursion::Continue))
}

fn sort_keys(keys: &mut [SortExpr]) -> impl Iterator<Item = &mut Expr> {
    keys.iter_mut().map(|key| &mut key.expr)
}

/// The plan; if it sorts, groups or joins by keys, these are numbers.
fn keyed(mut plan: LogicalPlan, schema: &DFSchema) -> Result<Transformed<LogicalPlan>> {
    let changed = match &mut plan {
        LogicalPlan::Sort(sort) => {
            let changed = numbers(sort_keys(&mut sort.expr), schema);
            order_intervals(&mut sort.expr, schema) | changed
        }
        LogicalPlan::Aggregate(aggregate) => {
            let mut changed = false;
            for key in aggregate.group_expr.iter_mut().flat_map(group_keys) {
                changed |= named_number(key, schema);
            }
            changed
        }
        LogicalPlan::Distinct(Distinct::On(distinct)) => {
            let keys = distinct.sort_expr.iter_mut().flat_map(|keys| sort_keys(keys));
            numbers(distinct.on_expr.iter_mut().chain(keys), schema)
        }
        LogicalPlan::Join(join) => {
            let changed =
                numbers(join.on.iter_mut().flat_map(|(left, right)| [left, right]), schema);
            if changed {
                // WHY: with `USING` both sides must be columns.
                join.join_constraint = JoinConstraint::On;
            }
            changed
        }
        LogicalPlan::Distinct(Distinct::All(rows)) => {
            projected(rows)?.map(|numbers| *rows = numbers).is_some()
        }
        LogicalPlan::Extension(Extension { node }) => {
            if let Some(group) = node.as_any().downcast_ref() {
                *node = Arc::new(grouped(group, schema)?);
                true
            } else if let Some(first) = node.as_any().downcast_ref::<FirstRows>() {
                let mut first = first.clone();
                let changed = numbers(&mut first.keys, schema);
                *node = Arc::new(first);
                changed
            } else {
                false
            }
        }
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
    let schema = rows.schema();
    let mut columns: Vec<Expr> = schema.iter().map(|column| Column::from(column).into()).collect();
    let mut changed = false;
    for column in &mut columns {
        changed |= named_number(column, schema);
    }
    let numbers = changed.then(|| Projection::try_new(columns, Arc::clone(rows))).transpose()?;
    Ok(numbers.map(|numbers| Arc::new(LogicalPlan::Projection(numbers))))
}

/// A group's key stands in the result as it was compared.
fn grouped(group: &GroupRows, schema: &DFSchema) -> Result<GroupRows> {
    let (mut keys, mut firsts) = (group.keys.clone(), group.firsts.clone());
    for first in &mut firsts {
        if keys.contains(&first.clone().unalias()) {
            named_number(first, schema);
        }
    }
    numbers(&mut keys, schema);
    GroupRows::try_new(group.input.clone(), keys, firsts, group.lists.clone())
}

/// Changes the expressions as [`number`] does; whether that was anything.
fn numbers<'e>(exprs: impl IntoIterator<Item = &'e mut Expr>, schema: &DFSchema) -> bool {
    let mut changed = false;
    for expr in exprs {
        changed |= number(expr, schema);
    }
    changed
}

/// Makes floats canonical; whether that changed the expression.
fn number(expr: &mut Expr, schema: &DFSchema) -> bool {
    if let Expr::Alias(alias) = expr {
        return number(&mut alias.expr, schema);
    }
    let changes =
        !is_canonical(expr) && expr.get_type(schema).is_ok_and(|kind| holds_floats(&kind));
    if changes {
        *expr = canonical(mem::take(expr));
    }
    changes
}

/// The same for a column of the result, which keeps its name.
fn named_number(expr: &mut Expr, schema: &DFSchema) -> bool {
    let name = NamePreserver::new_for_projection().save(expr);
    let changes = number(expr, schema);
    if changes {
        *expr = name.restore(mem::take(expr));
    }
    changes
}
