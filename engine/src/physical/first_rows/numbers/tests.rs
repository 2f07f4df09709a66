//! The set holds what a set of the standard library holds.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array};
use arrow::datatypes::{DataType, Date32Type, Int64Type};

use super::Numbers;

/// New just when they were not there before, in this batch or another; and all of them are there in the end.
fn check(batches: &[Vec<Option<i64>>]) {
    let mut numbers = Numbers::of(&DataType::Int64).unwrap();
    let mut expected = HashSet::new();
    for batch in batches {
        let values: ArrayRef = Arc::new(Int64Array::from(batch.clone()));
        let found: Vec<Option<bool>> = numbers.add(&values).iter().collect();
        let is_new: Vec<Option<bool>> =
            batch.iter().map(|number| Some(expected.insert(*number))).collect();
        assert_eq!(found, is_new);
    }
    let values = numbers.into_values().unwrap();
    assert_eq!(values.len(), expected.len());
    assert_eq!(values.as_primitive::<Int64Type>().iter().collect::<HashSet<_>>(), expected);
}

#[test]
fn numbers_are_new_once() {
    check(&[]);
    check(&[vec![], vec![Some(0), None, Some(0), None, Some(1)], vec![None, Some(0), Some(2)]]);
    check(&[vec![Some(i64::MIN), Some(i64::MAX), Some(-1), Some(i64::MIN), Some(-1)]]);
}

#[test]
fn many_numbers_are_told_apart() {
    let of = |step: i64| (0..20_000).map(|row| Some((row % 7000) * step)).collect::<Vec<_>>();
    check(&[of(1), of(1 << 20), of(1 << 40), of(1_000_003), of(-1)]);
}

#[test]
fn a_part_of_a_column_is_its_own_values() {
    let mut numbers = Numbers::of(&DataType::Date32).unwrap();
    let days: ArrayRef = Arc::new(Date32Array::from(vec![Some(9), Some(-5), None, Some(-5)]));
    let found: Vec<Option<bool>> = numbers.add(&days.slice(1, 3)).iter().collect();
    assert_eq!(found, [Some(true), Some(true), Some(false)]);
    let values = numbers.into_values().unwrap();
    let values: Vec<Option<i32>> = values.as_primitive::<Date32Type>().iter().collect();
    assert_eq!(values, [Some(-5), None]);
}

#[test]
fn floats_and_texts_are_no_numbers() {
    assert!(Numbers::of(&DataType::Float64).is_none() && Numbers::of(&DataType::Utf8).is_none());
}
