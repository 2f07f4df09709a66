//! [`push_safe_filters`]: DataFusion's rule that pushes filters down, which leaves those that may fail above what drops rows.
//!
//! A merge may drop just the rows for which a condition has no value: `merge(…).filter(cast(text, int) > 3)` does not fail
//! for rows without a match. So such a condition stays where it is, also as one of a join's own, unless it is about both
//! sides of a join, which looks at pairs that match.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, ExprSchemable, Filter, Join, LogicalPlan, Operator,
};
use datafusion::optimizer::push_down_filter::PushDownFilter;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

use super::conditions_in_turn::{SAFE, is_safe_operator};
use super::wrapped::Wrapped;
use crate::logical::Udf;

/// The rule, to be put in the place of DataFusion's.
pub(super) fn push_safe_filters() -> Wrapped<PushDownFilter> {
    Wrapped::new(PushDownFilter::new(), rewritten)
}

fn rewritten(
    rule: &PushDownFilter,
    plan: LogicalPlan,
    config: &dyn OptimizerConfig,
) -> Result<Transformed<LogicalPlan>> {
    if is_above_totals(&plan) {
        return Ok(Transformed::no(plan));
    }
    let Some(Stack { base, on, safe, risky }) = Stack::of(&plan)? else {
        return rule.rewrite(plan, config);
    };
    let moving = match (conjunction(safe), &plan) {
        (Some(safe), _) => LogicalPlan::Filter(Filter::try_new(safe, Arc::new(base))?),
        (None, LogicalPlan::Join(_)) => base,
        // The base is looked at next.
        (None, _) => return Ok(Transformed::no(plan)),
    };
    let pushed = rule.rewrite(moving, config)?;
    let pushed = pushed.map_data(|below| with_on(below, on))?;
    pushed.map_data(|below| match conjunction(risky) {
        Some(risky) => Ok(LogicalPlan::Filter(Filter::try_new(risky, Arc::new(below))?)),
        None => Ok(below),
    })
}

/// Whether the plan filters what has a row even where nothing is below: totals without keys, also as one of several sets.
///
/// WHY: a condition without columns, as `kind = 'row'` where `kind` is a constant, would move below and leave the row there.
fn is_above_totals(plan: &LogicalPlan) -> bool {
    let LogicalPlan::Filter(filter) = plan else { return false };
    match filter.input.as_ref() {
        LogicalPlan::Aggregate(groups) => {
            let is_set = |key: &Expr| matches!(key, Expr::GroupingSet(_));
            groups.group_expr.is_empty() || groups.group_expr.iter().any(is_set)
        }
        below => is_above_totals(below),
    }
}

/// A join's conditions as they were, with those in front of them that are left.
fn with_on(plan: LogicalPlan, on: Vec<Expr>) -> Result<LogicalPlan> {
    match plan {
        _ if on.is_empty() => Ok(plan),
        LogicalPlan::Join(join) => {
            let filter = conjunction(join.filter.into_iter().chain(on));
            Ok(LogicalPlan::Join(Join { filter, ..join }))
        }
        LogicalPlan::Filter(filter) => {
            let input = with_on(Arc::unwrap_or_clone(filter.input), on)?;
            Ok(LogicalPlan::Filter(Filter::try_new(filter.predicate, Arc::new(input))?))
        }
        other => internal_err!("the conditions of a join are lost: {}", other.display()),
    }
}

/// What drops rows, and the filters that follow each other above it; at least one condition may fail.
struct Stack {
    base: LogicalPlan,
    /// The base's own conditions that stay in it.
    on: Vec<Expr>,
    safe: Vec<Expr>,
    risky: Vec<Expr>,
}

impl Stack {
    fn of(plan: &LogicalPlan) -> Result<Option<Self>> {
        let (mut base, mut filters) = (plan, Vec::new());
        while let LogicalPlan::Filter(filter) = base {
            filters.push(&filter.predicate);
            base = &filter.input;
        }
        if !drops_rows(base) {
            return Ok(None);
        }
        let conditions = filters.into_iter().rev().cloned().flat_map(split_conjunction_owned);
        let (risky, safe): (Vec<_>, Vec<_>) =
            conditions.partition(|condition| stays(condition, base, base.schema()));
        let (base, on) = match base {
            LogicalPlan::Join(join) => without_risky(join)?,
            base => (base.clone(), Vec::new()),
        };
        let any = !risky.is_empty() || !on.is_empty();
        Ok(any.then_some(Self { base, on, safe, risky }))
    }
}

/// The join without those of its conditions that may fail for rows of one side, and these.
fn without_risky(join: &Join) -> Result<(LogicalPlan, Vec<Expr>)> {
    let plan = LogicalPlan::Join(join.clone());
    let Some(filter) = &join.filter else {
        return Ok((plan, Vec::new()));
    };
    let both = join.left.schema().join(join.right.schema());
    // Sides whose columns have the same names are no one table.
    let schema = both.as_ref().unwrap_or(&join.schema);
    let conditions = split_conjunction_owned(filter.clone()).into_iter();
    let (risky, safe): (Vec<_>, Vec<_>) =
        conditions.partition(|condition| stays(condition, &plan, schema));
    let filter = conjunction(safe);
    Ok((LogicalPlan::Join(Join { filter, ..join.clone() }), risky))
}

/// Whether there may be rows below of which none is made above.
fn drops_rows(plan: &LogicalPlan) -> bool {
    match plan {
        LogicalPlan::Join(_) | LogicalPlan::Unnest(_) => true,
        plan => Udf::of(plan).is_some_and(|udf| !udf.is_one_per_row()),
    }
}

fn stays(condition: &Expr, base: &LogicalPlan, schema: &DFSchema) -> bool {
    if !can_fail(condition, schema) {
        return false;
    }
    let LogicalPlan::Join(join) = base else {
        return true;
    };
    let columns = condition.column_refs();
    let is_of = |side: &LogicalPlan| columns.iter().all(|column| side.schema().has_column(column));
    let is_either = matches!(condition, Expr::BinaryExpr(either) if either.op == Operator::Or);
    // Of alternatives, parts are pushed to the sides that they are about.
    is_either || is_of(&join.left) || is_of(&join.right)
}

/// Whether there may be rows for which the condition has no value.
fn can_fail(condition: &Expr, schema: &DFSchema) -> bool {
    // What cannot be told may fail.
    condition.exists(|part| Ok(!is_safe(part, schema))).unwrap_or(true)
}

/// Whether the step itself has a value whatever its parts are.
fn is_safe(part: &Expr, schema: &DFSchema) -> bool {
    match part {
        Expr::BinaryExpr(BinaryExpr { op, .. }) => {
            let is_float = || part.get_type(schema).is_ok_and(|kind| kind.is_floating());
            let adds = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply);
            is_safe_operator(*op) || *op == Operator::StringConcat || (adds && is_float())
        }
        Expr::ScalarFunction(call) => SAFE.contains(&call.name()),
        Expr::Cast(Cast { expr, field }) => {
            let (from, to) = (expr.get_type(schema), field.data_type());
            from.is_ok_and(|from| always_fits(&from, to))
        }
        Expr::Alias(_)
        | Expr::Column(_)
        | Expr::Literal(..)
        | Expr::OuterReferenceColumn(..)
        | Expr::Between(_)
        | Expr::Case(_)
        | Expr::InList(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsNotNull(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsNull(_)
        | Expr::IsTrue(_)
        | Expr::IsUnknown(_)
        | Expr::Like(_)
        | Expr::SimilarTo(_)
        | Expr::Not(_)
        | Expr::TryCast(_) => true,
        _ => false,
    }
}

/// Whether each value of a type is one of the other.
fn always_fits(from: &DataType, to: &DataType) -> bool {
    let text =
        |kind: &DataType| matches!(kind, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    if from == to || from.is_null() || (text(from) && text(to)) {
        return true;
    }
    if from.is_primitive() && (text(to) || (from.is_numeric() && to.is_floating())) {
        return true;
    }
    let (Some(from_bytes), Some(to_bytes)) = (from.primitive_width(), to.primitive_width()) else {
        return false;
    };
    let wider = from_bytes < to_bytes;
    let signed = (from.is_signed_integer(), to.is_signed_integer());
    from.is_integer() && to.is_integer() && wider && (signed.0 == signed.1 || signed.1)
}
