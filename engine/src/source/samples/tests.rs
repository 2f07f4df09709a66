//! Guesses are near what was drawn from.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::ScalarValue;
use datafusion::common::stats::Precision;

use super::{RUN_ROWS, RUNS, guessed};

const ROWS: i64 = 1_000_000;

/// The values of the rows that are looked at, of a column with such values by row.
fn looked_at(value: impl Fn(i64) -> Option<i64>) -> ArrayRef {
    let runs = i64::try_from(RUNS).unwrap();
    let rows = i64::try_from(RUN_ROWS).unwrap();
    let step = (ROWS - rows) / (runs - 1);
    let places = (0..runs).flat_map(|run| run * step..run * step + rows);
    Arc::new(places.map(value).collect::<Int64Array>())
}

#[track_caller]
fn check(value: impl Fn(i64) -> Option<i64>, wanted: usize) {
    let rows = usize::try_from(ROWS).unwrap();
    let guess = guessed(&looked_at(value), rows).unwrap();
    let Precision::Inexact(distinct) = guess.distinct_count else {
        panic!("nothing was guessed");
    };
    assert!(distinct >= wanted / 2 && distinct <= wanted * 2, "saw {distinct}, wanted {wanted}");
}

/// In no order, and the same each time.
fn mixed(row: i64, values: i64) -> i64 {
    let hash = (row + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
    ((hash >> 20) ^ (hash >> 41)).rem_euclid(values)
}

#[test]
fn every_value_once() {
    check(Some, 1_000_000);
}

#[test]
fn runs_of_equal_values() {
    check(|row| Some(row / 4), 250_000);
}

#[test]
fn few_values() {
    check(|row| Some(mixed(row, 7)), 7);
}

#[test]
fn many_values_in_no_order() {
    check(|row| Some(mixed(row, 10_000)), 10_000);
}

#[test]
fn nulls_are_no_values() {
    let guess = guessed(&looked_at(|row| (row % 2 == 0).then_some(5)), 1_000_000).unwrap();
    assert_eq!(guess.distinct_count, Precision::Inexact(1));
    assert_eq!(guess.null_count, Precision::Inexact(500_000));
    assert_eq!(guess.max_value, Precision::Inexact(ScalarValue::Int64(Some(5))));
}

#[test]
fn no_more_values_than_numbers_that_they_can_be() {
    let column = looked_at(|row| Some(mixed(row, 80_000)));
    let guess = guessed(&column, 1_000_000).unwrap();
    // What repeats in the sample speaks for more.
    assert!(guess.distinct_count.get_value().is_some_and(|count| *count <= 80_000), "{guess:?}");
}
