//! [`IntervalProduct`]: `2 * INTERVAL '1 hour'`, which DataFusion (54) cannot.
//!
//! As in PostgreSQL what is left of a month is counted in days, of which it has thirty, and what is left of a day in its
//! hours.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{ArrayRef, AsArray, IntervalMonthDayNanoArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Float64Type, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit,
};
use datafusion::common::{DFSchema, Result, exec_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, ScalarUDF, Volatility, create_udf,
};
use datafusion::sql::sqlparser::ast::BinaryOperator;

const DAYS_OF_MONTH: f64 = 30.0;

const NANOS_OF_DAY: f64 = 86_400e9;

const INTERVAL: DataType = DataType::Interval(IntervalUnit::MonthDayNano);

static BY_WHOLE: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function(DataType::Int64, by_whole));

static BY_PART: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| function(DataType::Float64, by_part));

type Times = fn(&ArrayRef, &ArrayRef) -> Result<IntervalMonthDayNanoArray>;

/// Plans the product of an interval and a number as a call.
#[derive(Debug)]
pub(crate) struct IntervalProduct;

impl ExprPlanner for IntervalProduct {
    fn plan_binary_op(
        &self,
        product: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        if product.op != BinaryOperator::Multiply {
            return Ok(PlannerResult::Original(product));
        }
        let (left, right) = (product.left.get_type(schema)?, product.right.get_type(schema)?);
        let (interval, number, kind) = match (&left, &right) {
            (DataType::Interval(_), kind) if kind.is_numeric() => {
                (product.left, product.right, kind)
            }
            (kind, DataType::Interval(_)) if kind.is_numeric() => {
                (product.right, product.left, kind)
            }
            _ => return Ok(PlannerResult::Original(product)),
        };
        let function = if kind.is_integer() { &BY_WHOLE } else { &BY_PART };
        let call = ScalarFunction::new_udf(Arc::clone(function), vec![interval, number]);
        Ok(PlannerResult::Planned(Expr::ScalarFunction(call)))
    }
}

fn function(number: DataType, times: Times) -> Arc<ScalarUDF> {
    let product = move |arguments: &[ColumnarValue]| {
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        let interval = cast(&columns[0], &INTERVAL)?;
        Ok(ColumnarValue::Array(Arc::new(times(&interval, &columns[1])?)))
    };
    let takes = vec![INTERVAL, number];
    Arc::new(create_udf("times", takes, INTERVAL, Volatility::Immutable, Arc::new(product)))
}

fn by_whole(intervals: &ArrayRef, numbers: &ArrayRef) -> Result<IntervalMonthDayNanoArray> {
    let numbers = numbers.as_primitive::<Int64Type>().iter();
    let rows = intervals.as_primitive::<IntervalMonthDayNanoType>().iter().zip(numbers);
    rows.map(|(interval, number)| match (interval, number) {
        (Some(IntervalMonthDayNano { months, days, nanoseconds }), Some(number)) => {
            let small = |part: i32| i64::from(part).checked_mul(number)?.try_into().ok();
            let product = small(months).zip(small(days)).zip(nanoseconds.checked_mul(number));
            let Some(((months, days), nanos)) = product else { return out_of_range() };
            Ok(Some(IntervalMonthDayNano::new(months, days, nanos)))
        }
        _ => Ok(None),
    })
    .collect()
}

fn by_part(intervals: &ArrayRef, numbers: &ArrayRef) -> Result<IntervalMonthDayNanoArray> {
    let numbers = numbers.as_primitive::<Float64Type>().iter();
    let rows = intervals.as_primitive::<IntervalMonthDayNanoType>().iter().zip(numbers);
    rows.map(|(interval, number)| match (interval, number) {
        (Some(interval), Some(number)) => part(interval, number).map(Some),
        _ => Ok(None),
    })
    .collect()
}

#[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "checked before")]
fn part(interval: IntervalMonthDayNano, number: f64) -> Result<IntervalMonthDayNano> {
    let months = f64::from(interval.months) * number;
    let days = f64::from(interval.days) * number + months.fract() * DAYS_OF_MONTH;
    let nanos = (interval.nanoseconds as f64 * number + days.fract() * NANOS_OF_DAY).round();
    let (months, days) = (months.trunc(), days.trunc());
    let fits = |part: f64, most: f64| part.abs() < most;
    let most = f64::from(i32::MAX);
    if !(fits(months, most) && fits(days, most) && fits(nanos, i64::MAX as f64)) {
        return out_of_range();
    }
    Ok(IntervalMonthDayNano::new(months as i32, days as i32, nanos as i64))
}

fn out_of_range<T>() -> Result<T> {
    exec_err!("the product of an interval and a number is out of range")
}
