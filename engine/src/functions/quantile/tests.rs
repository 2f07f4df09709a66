//! Tests of [`super::quantile`].

use super::quantile;

#[track_caller]
fn check(values: &[f64], part: f64, expected: Option<f64>) {
    assert_eq!(quantile(values.to_vec(), part), expected);
}

#[test]
fn between_two_values_it_lies_in_proportion() {
    check(&[3.0, 1.0, 2.0], 0.5, Some(2.0));
    check(&[4.0, 1.0], 0.5, Some(2.5));
    check(&[0.0, 10.0], 0.25, Some(2.5));
    check(&[0.0, 3.0], 1.0 / 3.0, Some(1.0));
    check(&[5.0], 0.9, Some(5.0));
    check(&[1.0, 2.0], 0.0, Some(1.0));
    check(&[1.0, 2.0], 1.0, Some(2.0));
    check(&[], 0.5, None);
}

#[test]
fn infinite_values_are_values() {
    let infinite = f64::INFINITY;
    check(&[infinite, infinite], 0.3, Some(infinite));
    check(&[1.0, infinite], 0.5, Some(infinite));
    check(&[1.0, infinite], 0.0, Some(1.0));
}
