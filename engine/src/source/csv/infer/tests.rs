//! Which type values have in common.

use arrow::datatypes::DataType::{self, Boolean, Date32, Float64, Int64, Timestamp, Utf8};
use arrow::datatypes::TimeUnit::{Microsecond, Nanosecond};

use super::Seen;

fn check(values: &[&str], expected: &DataType) {
    let mut seen = Seen::default();
    values.iter().for_each(|value| seen.see(value));
    assert_eq!(&seen.kind(), expected, "{values:?}");
}

#[test]
fn a_type_that_holds_all_values() {
    check(&["1", "", "-2"], &Int64);
    check(&["1", "2.5"], &Float64);
    check(&["1e3", "inf", "NaN"], &Float64);
    check(&["true", "False", ""], &Boolean);
    check(&["2024-01-31"], &Date32);
    check(&["2024-01-31", "2024-01-31 10:00"], &Timestamp(Microsecond, None));
    check(&["2024-01-31 10:00Z"], &Timestamp(Microsecond, Some("UTC".into())));
    check(&["2024-01-31 10:00:00.123456789"], &Timestamp(Nanosecond, None));
}

#[test]
fn text_where_there_is_no_other_type() {
    check(&[], &Utf8);
    check(&["", "NA"], &Utf8);
    check(&["1", "a"], &Utf8);
    check(&["1", "true"], &Utf8);
    check(&["1", "2024-01-31"], &Utf8);
    check(&["2024-01-31 10:00", "2024-01-31 10:00Z"], &Utf8);
}

#[test]
fn numbers_beyond_64_bits_keep_their_digits() {
    check(&["12345678901234567890"], &Utf8);
    check(&["12345678901234567890", "1"], &Utf8);
    check(&["12345678901234567890", "1.5"], &Float64);
}
