//! Which columns have mostly other values.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StructArray};
use arrow::record_batch::RecordBatch;

use super::varied;

/// A column of its own and a field of a model are told alike.
fn check(value: impl Fn(i64) -> Option<i64>, expected: bool) {
    let column: ArrayRef = Arc::new((0..100_000).map(value).collect::<Int64Array>());
    let model = StructArray::try_from(vec![("field", Arc::clone(&column))]).unwrap();
    let group = RecordBatch::try_from_iter([("x", column), ("y", Arc::new(model) as _)]).unwrap();
    let rows = group.num_rows();
    let starts = (0..rows).step_by(8192);
    let batches: Vec<_> = starts.map(|at| group.slice(at, 8192.min(rows - at))).collect();
    assert_eq!(varied(&batches), [expected, expected]);
}

/// Numbers without an order.
fn mixed(row: i64) -> i64 {
    row.wrapping_mul(-7_046_029_254_386_353_131) >> 17
}

#[test]
fn values_that_are_others() {
    check(Some, true);
    check(|row| Some(mixed(row)), true);
    check(|row| (row % 2 == 0).then_some(row), true);
}

#[test]
fn values_that_come_again_near_or_far() {
    check(|_| Some(7), false);
    check(|row| Some(row / 5), false);
    check(|row| Some(row % 1000), false);
    check(|row| Some(mixed(row).rem_euclid(5_000)), false);
    check(|_| None, false);
}
