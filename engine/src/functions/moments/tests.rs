//! Tests of [`super::compared_moments`].

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator, binary_expr, cast, col, lit};

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
fn constants_may_be_computed() {
    let start = cast(lit(ScalarValue::Date32(Some(0))), NANOS);
    let check = |days: i32, hours: i64, expected: &str| {
        let after = ScalarValue::new_interval_mdn(1, days, hours * 3_600_000_000_000);
        let end = binary_expr(start.clone(), Operator::Plus, lit(after));
        let date = (&col("t"), &DataType::Date32);
        let compared = compared_moments(Operator::Lt, date, (&end, &NANOS)).unwrap();
        assert_eq!(compared.to_string().split('(').next(), Some(expected));
    };
    check(1, 0, "t < Date32");
    check(0, 24, "t < Date32");
    check(1, 1, "ticks");
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
