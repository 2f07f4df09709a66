//! The kernels agree with the textbook, for every element type and layout.

use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeListArray, Float64Array, ListArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float32Type, Float64Type};

use super::lanes::{Half, wide};
use super::{Metric, VectorDistance};

const ROWS: [[f64; 9]; 3] = [
    [1.0, 0.0, 2.0, -3.0, 0.5, 4.0, 1.0, 1.0, 9.0],
    [-1.0, 3.0, 2.5, 1.0, 0.25, 2.0, 0.0, 7.0, 1.0],
    [1.0, 0.0, 2.0, -3.0, 0.5, 4.0, 1.0, 1.0, 9.0],
];

fn textbook(metric: Metric, x: &[f64], y: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    match metric {
        Metric::Cosine => 1.0 - dot(x, y) / (dot(x, x).sqrt() * dot(y, y).sqrt()),
        Metric::Euclidean => {
            let gaps: Vec<f64> = x.iter().zip(y).map(|(a, b)| a - b).collect();
            dot(&gaps, &gaps).sqrt()
        }
        Metric::Dot => dot(x, y),
    }
}

fn lists() -> ArrayRef {
    let rows = ROWS.iter().map(|row| Some(row.iter().map(|x| Some(*x)).collect::<Vec<_>>()));
    Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(rows))
}

fn vectors() -> ArrayRef {
    #[expect(clippy::cast_possible_truncation, reason = "the values are exact in f32")]
    let rows = ROWS.iter().map(|row| Some(row.iter().map(|x| Some(*x as f32)).collect::<Vec<_>>()));
    Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(rows, 9))
}

#[track_caller]
fn check(metric: Metric, seen: &ArrayRef) {
    let seen = seen.as_any().downcast_ref::<Float64Array>().unwrap();
    for (row, value) in seen.values().iter().enumerate() {
        let wanted = textbook(metric, &ROWS[0], &ROWS[row]);
        assert!((value - wanted).abs() < 1e-6, "row {row}: saw {value}, wanted {wanted}");
    }
}

#[test]
fn distances_to_a_literal() {
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        let function = VectorDistance::new(metric);
        for column in [lists(), vectors()] {
            let literal = lists().slice(0, 1);
            check(metric, &function.distances::<Float64Type>(&column, &literal, 3).unwrap());
            check(metric, &function.distances::<Float32Type>(&literal, &column, 3).unwrap());
        }
    }
}

#[test]
fn different_lengths_are_an_error() {
    let short: ArrayRef =
        Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![
            Some(1.0),
            Some(2.0),
        ])]));
    let error = VectorDistance::new(Metric::Cosine).distances::<Float64Type>(&lists(), &short, 3);
    assert!(error.unwrap_err().to_string().contains("vectors of 2 and 9 numbers"));
}

/// The values are exact in halves too.
fn halves() -> ArrayRef {
    let item = Arc::new(Field::new_list_field(DataType::Float16, true));
    cast(&vectors(), &DataType::FixedSizeList(item, 9)).unwrap()
}

#[test]
fn distances_of_halves() {
    for metric in [Metric::Cosine, Metric::Euclidean, Metric::Dot] {
        let function = VectorDistance::new(metric);
        let literal = lists().slice(0, 1);
        check(metric, &function.distances::<Float32Type>(&halves(), &literal, 3).unwrap());
    }
}

#[test]
fn every_half_as_a_float() {
    for bits in 0..=u16::MAX {
        let half = Half::from_bits(bits);
        let (seen, wanted) = (wide(bits), half.to_f32());
        let is_same = seen.to_bits() == wanted.to_bits() || (seen.is_nan() && wanted.is_nan());
        assert!(is_same, "{bits:#x}: saw {seen}, wanted {wanted}");
    }
}

#[test]
fn a_vector_with_a_null_has_no_distance() {
    let rows = [Some(vec![Some(1.0), Some(0.0)]), Some(vec![Some(1.0), None]), None];
    let lists = ListArray::from_iter_primitive::<Float64Type, _, _>(rows.clone());
    let fixed = FixedSizeListArray::from_iter_primitive::<Float64Type, _, _>(rows, 2);
    for column in [Arc::new(lists) as ArrayRef, Arc::new(fixed)] {
        let function = VectorDistance::new(Metric::Dot);
        let seen = function.distances::<Float64Type>(&column, &column.slice(0, 1), 3).unwrap();
        let wanted = Float64Array::from(vec![Some(1.0), None, None]);
        assert_eq!(seen.as_any().downcast_ref::<Float64Array>().unwrap(), &wanted);
    }
}
