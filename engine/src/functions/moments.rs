//! Comparisons of points in time, dates and times of day that are kept in different units.
//!
//! DataFusion converts both sides to the finer unit, where far dates overflow: what holds nanoseconds ends in 2262. A
//! constant, also one that is yet to be computed, is converted to the unit of the other side here, if that is exact; all
//! else is compared in nanoseconds of 128 bits. So are intervals, a month as 30 days and a day as 24 hours: DataFusion (54)
//! compares months, then days, then what is left, and takes 25 hours to be less than a day (issue 8468).
//! [`order_intervals`] does the same for rows that are sorted.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array};
use arrow::compute::cast;
use arrow::datatypes::{
    DECIMAL128_MAX_PRECISION, DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType,
    IntervalUnit, TimeUnit,
};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, SortExpr, Volatility, binary_expr,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

#[cfg(test)]
mod tests;

/// Replaces comparisons of different units.
#[derive(Debug)]
pub(crate) struct CompareMoments;

impl FunctionRewrite for CompareMoments {
    fn name(&self) -> &'static str {
        "compare_moments"
    }

    fn rewrite(
        &self,
        expr: Expr,
        schema: &DFSchema,
        _config: &ConfigOptions,
    ) -> Result<Transformed<Expr>> {
        let rewritten = match &expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
                compared(*op, left, right, schema)
            }
            Expr::Between(between) => within(between, schema),
            Expr::InList(list) => among(list, schema),
            Expr::Cast(cast) => far_constant(cast),
            Expr::AggregateFunction(call) if !call.params.order_by.is_empty() => {
                let mut call = call.clone();
                order_intervals(&mut call.params.order_by, schema)
                    .then_some(Expr::AggregateFunction(call))
            }
            Expr::WindowFunction(call) if !call.params.order_by.is_empty() => {
                let mut call = call.clone();
                order_intervals(&mut call.params.order_by, schema)
                    .then_some(Expr::WindowFunction(call))
            }
            _ => None,
        };
        Ok(rewritten.map_or_else(|| Transformed::no(expr), Transformed::yes))
    }
}

fn compared(op: Operator, left: &Expr, right: &Expr, schema: &DFSchema) -> Option<Expr> {
    let kinds = (left.get_type(schema).ok()?, right.get_type(schema).ok()?);
    compared_moments(op, (left, &kinds.0), (right, &kinds.1))
}

/// `left op right` without a conversion that may overflow; `None` where the query engine needs no help.
pub(crate) fn compared_moments(
    op: Operator,
    (left, left_kind): (&Expr, &DataType),
    (right, right_kind): (&Expr, &DataType),
) -> Option<Expr> {
    use DataType::{Duration, Interval};
    match (left_kind, right_kind) {
        (Interval(_), Interval(_) | Duration(_)) | (Duration(_), Interval(_)) => {
            return Some(binary_expr(in_ticks(left), op, in_ticks(right)));
        }
        _ if left_kind.equals_datatype(right_kind) => return None,
        _ if !have_an_order(left_kind, right_kind) => return None,
        _ => {}
    }
    if let Some(right) = as_constant(right, left_kind) {
        return Some(binary_expr(left.clone(), op, right));
    }
    if let Some(left) = as_constant(left, right_kind) {
        return Some(binary_expr(left, op, right.clone()));
    }
    Some(binary_expr(in_ticks(left), op, in_ticks(right)))
}

/// Makes numbers of nanoseconds of intervals that rows are sorted by; whether there are any.
pub(crate) fn order_intervals(keys: &mut [SortExpr], schema: &DFSchema) -> bool {
    let mut changed = false;
    for SortExpr { expr, .. } in keys {
        if matches!(expr.get_type(schema), Ok(DataType::Interval(_))) {
            *expr = in_ticks(expr);
            changed = true;
        }
    }
    changed
}

/// The value in nanoseconds.
fn in_ticks(value: &Expr) -> Expr {
    let wide = ScalarUDF::from(Ticks { signature: Signature::any(1, Volatility::Immutable) });
    wide.call(vec![value.clone()])
}

/// Whether the two types say when something is, on one scale. What has no time zone is in UTC.
pub(crate) fn have_an_order(left: &DataType, right: &DataType) -> bool {
    use DataType::{Date32, Date64, Time32, Time64, Timestamp};
    matches!(
        (left, right),
        (Date32 | Date64 | Timestamp(..), Date32 | Date64 | Timestamp(..))
            | (Time32(_) | Time64(_), Time32(_) | Time64(_))
    )
}

/// The point in time that a text means beside values of a type, whose time zone is not that of the text.
pub(crate) fn moment_of_text(text: &ScalarValue, kind: &DataType) -> Result<ScalarValue> {
    match kind {
        DataType::Timestamp(unit, Some(_)) => {
            text.cast_to(&DataType::Timestamp(*unit, Some("UTC".into())))?.cast_to(kind)
        }
        _ => text.cast_to(kind),
    }
}

/// `low <= value <= high` as two comparisons, if one of them needs help.
fn within(between: &Between, schema: &DFSchema) -> Option<Expr> {
    let (from, to, join) = match between.negated {
        false => (Operator::GtEq, Operator::LtEq, Operator::And),
        true => (Operator::Lt, Operator::Gt, Operator::Or),
    };
    let from_low = compared(from, &between.expr, &between.low, schema);
    let to_high = compared(to, &between.expr, &between.high, schema);
    if from_low.is_none() && to_high.is_none() {
        return None;
    }
    let plain = |op, bound: &Expr| binary_expr(between.expr.as_ref().clone(), op, bound.clone());
    let from_low = from_low.unwrap_or_else(|| plain(from, &between.low));
    let to_high = to_high.unwrap_or_else(|| plain(to, &between.high));
    Some(binary_expr(from_low, join, to_high))
}

/// The list with its constants in the unit of the value; those that have none there are compared one by one.
fn among(list: &InList, schema: &DFSchema) -> Option<Expr> {
    let kind = list.expr.get_type(schema).ok()?;
    let (mut same, mut apart) = (Vec::new(), Vec::new());
    for item in &list.list {
        match as_constant(item, &kind) {
            Some(item) => same.push(item),
            None => match compared(Operator::Eq, &list.expr, item, schema) {
                Some(equal) => apart.push(equal),
                None => same.push(item.clone()),
            },
        }
    }
    if apart.is_empty() && same == list.list {
        return None;
    }
    let found = (!same.is_empty())
        .then(|| Expr::InList(InList { expr: list.expr.clone(), list: same, negated: false }));
    let found =
        found.into_iter().chain(apart).reduce(|all, one| binary_expr(all, Operator::Or, one))?;
    Some(if list.negated { Expr::Not(Box::new(found)) } else { found })
}

/// `TIMESTAMP '9999-12-31'`, which is meant in nanoseconds but does not fit them, in microseconds.
fn far_constant(cast: &Cast) -> Option<Expr> {
    let Expr::Literal(text, _) = cast.expr.as_ref() else {
        return None;
    };
    let DataType::Timestamp(TimeUnit::Nanosecond, zone) = cast.field.data_type() else {
        return None;
    };
    text.try_as_str().flatten()?;
    if text.cast_to(cast.field.data_type()).is_ok() {
        return None;
    }
    let moment = text.cast_to(&DataType::Timestamp(TimeUnit::Microsecond, zone.clone())).ok()?;
    Some(Expr::Literal(moment, None))
}

/// The constant as a value of the type, if there is one that is equal.
fn as_constant(expr: &Expr, kind: &DataType) -> Option<Expr> {
    let Expr::Literal(value, meaning) = folded(expr)? else {
        return None;
    };
    let from = value.data_type();
    if value.is_null() || from == *kind || !have_an_order(&from, kind) {
        return None;
    }
    let (ticks, size) = (ticks(&value.to_array().ok()?).ok()?.value(0), nanoseconds(kind)?);
    if ticks % size != 0 {
        return None;
    }
    let value = from_count(ticks / size, kind)?;
    Some(Expr::Literal(value, meaning))
}

/// The value of a constant such as `DATE '2020-01-01' + INTERVAL '1' MONTH`, as a literal.
fn folded(expr: &Expr) -> Option<Expr> {
    let is_plain =
        |part: &Expr| matches!(part, Expr::Literal(..) | Expr::Cast(_) | Expr::BinaryExpr(_));
    match expr {
        Expr::Literal(..) => Some(expr.clone()),
        _ if expr.exists(|part| Ok(!is_plain(part))).ok()? => None,
        _ => ExprSimplifier::new(SimplifyContext::default()).simplify(expr.clone()).ok(),
    }
}

/// The value that is so many units.
fn from_count(count: i128, kind: &DataType) -> Option<ScalarValue> {
    let values: ArrayRef = match kind {
        DataType::Date32 | DataType::Time32(_) => {
            let count = i32::try_from(count).ok()?;
            Arc::new(Int32Array::from(vec![count]))
        }
        _ => {
            let count = i64::try_from(count).ok()?;
            Arc::new(Int64Array::from(vec![count]))
        }
    };
    ScalarValue::try_from_array(&cast(&values, kind).ok()?, 0).ok()
}

/// How long the unit of a type is.
fn nanoseconds(kind: &DataType) -> Option<i128> {
    let of_unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    match kind {
        DataType::Date32 => Some(86_400_000_000_000),
        DataType::Date64 => Some(1_000_000),
        DataType::Timestamp(unit, _)
        | DataType::Time32(unit)
        | DataType::Time64(unit)
        | DataType::Duration(unit) => Some(of_unit(unit)),
        _ => None,
    }
}

/// `ticks`: a point in time, or an interval, in nanoseconds, whatever its unit. It is not for users to call by name.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Ticks {
    signature: Signature,
}

impl ScalarUDFImpl for Ticks {
    fn name(&self) -> &'static str {
        "ticks"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.as_slice() {
            [ColumnarValue::Array(values)] => Ok(ColumnarValue::Array(Arc::new(ticks(values)?))),
            [ColumnarValue::Scalar(value)] => {
                let ticks = ticks(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&ticks, 0)?))
            }
            _ => internal_err!("ticks takes one argument"),
        }
    }
}

/// How long an interval is.
pub(super) fn nanoseconds_of(interval: IntervalMonthDayNano) -> i128 {
    let days = i128::from(interval.months) * 30 + i128::from(interval.days);
    days * 86_400_000_000_000 + i128::from(interval.nanoseconds)
}

fn ticks(values: &ArrayRef) -> Result<Decimal128Array> {
    if let DataType::Interval(_) = values.data_type() {
        let parts = cast(values, &DataType::Interval(IntervalUnit::MonthDayNano))?;
        let ticks: Decimal128Array =
            parts.as_primitive::<IntervalMonthDayNanoType>().unary(nanoseconds_of);
        return Ok(ticks.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?);
    }
    let Some(size) = nanoseconds(values.data_type()) else {
        return internal_err!("{} is no point in time", values.data_type());
    };
    let plain = match values.data_type() {
        DataType::Date32 | DataType::Time32(_) => &cast(values, &DataType::Int32)?,
        _ => values,
    };
    let counts = cast(plain, &DataType::Int64)?;
    let counts = counts.as_primitive::<Int64Type>();
    let ticks: Decimal128Array = counts.unary(|count| i128::from(count) * size);
    Ok(ticks.with_precision_and_scale(DECIMAL128_MAX_PRECISION, 0)?)
}
