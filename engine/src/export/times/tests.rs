//! Times and spans of time.

use arrow::array::{
    Array, Date32Array, Time64MicrosecondArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};

use super::{Look, times, write_span};

#[track_caller]
fn check_times(column: &dyn Array, look: Look, expected: &[&str]) {
    let text = times(column, look).unwrap();
    let shown = (0..column.len()).map(|row| {
        let mut out = Vec::new();
        text(row, &mut out);
        String::from_utf8(out).unwrap()
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected);
}

#[test]
fn times_have_the_digits_that_they_need() {
    let moments =
        TimestampMicrosecondArray::from(vec![0, -1, 86_399_000_000, 1_704_164_645_000_500]);
    let json = [
        "1970-01-01T00:00:00Z",
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T23:59:59Z",
        "2024-01-02T03:04:05.000500Z",
    ];
    check_times(&moments, Look::Json, &json);
    let plain = json.map(|text| text.replace('T', " ").replace('Z', "+00:00"));
    check_times(&moments, Look::Plain, &plain.each_ref().map(String::as_str));
    let fine = TimestampNanosecondArray::from(vec![1]);
    check_times(&fine, Look::Json, &["1970-01-01T00:00:00.000000001Z"]);
    let clock = Time64MicrosecondArray::from(vec![0, 45_296_000_007]);
    check_times(&clock, Look::Json, &["00:00:00", "12:34:56.000007"]);
    let days = Date32Array::from(vec![0, -719_528, 3_000_000, -1_000_000]);
    check_times(&days, Look::Json, &["1970-01-01", "0000-01-01", "+10183-09-21", "-0768-02-04"]);
}

#[track_caller]
fn check(micros: i128, expected: &str) {
    let mut out = Vec::new();
    write_span(micros * 1_000, &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn spans_are_of_days_at_most() {
    check(0, "PT0S");
    check(1, "PT0.000001S");
    check(-1_500, "-PT0.0015S");
    check(86_400_000_000, "P1D");
    check(400 * 86_400_000_000 + 5_000_020, "P400DT5.00002S");
    check(5_400_500_000, "PT1H30M0.5S");
    check(60_000_000, "PT1M");
}
