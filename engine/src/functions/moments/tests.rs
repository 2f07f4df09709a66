//! Tests of [`super::compared_moments`].

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator, col, lit};

use super::compared_moments;

const NANOS: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);
const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

#[track_caller]
fn check(column: &DataType, constant: ScalarValue, expected: &str) {
    let kind = constant.data_type();
    let compared = compared_moments(Operator::Lt, (&col("t"), column), (&lit(constant), &kind));
    let shown = compared.as_ref().map_or_else(|| "as it is".to_owned(), Expr::to_string);
    assert_eq!(shown, expected);
}

fn micros(count: i64) -> ScalarValue {
    ScalarValue::TimestampMicrosecond(Some(count), None)
}

#[test]
fn constants_take_the_columns_unit_where_that_is_exact() {
    check(&NANOS, micros(1), "t < TimestampNanosecond(1000, None)");
    check(&MICROS, micros(1), "as it is");
    let whole = ScalarValue::TimestampNanosecond(Some(2_000), None);
    check(&MICROS, whole, "t < TimestampMicrosecond(2, None)");
    check(&DataType::Date32, micros(86_400_000_000), "t < Date32(\"1970-01-02\")");
    check(&MICROS, ScalarValue::Date32(Some(1)), "t < TimestampMicrosecond(86400000000, None)");
}

#[test]
fn what_has_no_equal_in_the_columns_unit_is_compared_in_128_bits() {
    let far = micros(253_402_300_799_000_000);
    check(&NANOS, far.clone(), "ticks(t) < ticks(TimestampMicrosecond(253402300799000000, None))");
    let odd = ScalarValue::TimestampNanosecond(Some(1), None);
    check(&MICROS, odd, "ticks(t) < ticks(TimestampNanosecond(1, None))");
    check(&DataType::Date32, micros(1), "ticks(t) < ticks(TimestampMicrosecond(1, None))");
}

#[test]
fn other_scales_are_left_alone() {
    check(&MICROS, ScalarValue::Time64Microsecond(Some(1)), "as it is");
    check(&DataType::Int64, micros(1), "as it is");
}

#[test]
fn what_has_no_time_zone_is_in_utc() {
    let berlin = DataType::Timestamp(TimeUnit::Microsecond, Some("Europe/Berlin".into()));
    let same = "t < TimestampMicrosecond(1, Some(\"Europe/Berlin\"))";
    check(&berlin, micros(1), same);
    check(&berlin, ScalarValue::TimestampMicrosecond(Some(1), Some("UTC".into())), same);
}
