//! Spans of time.

use super::write_span;

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
