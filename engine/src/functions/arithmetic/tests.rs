//! Division agrees with Python's.

use super::Kind;

#[track_caller]
fn check_integers(left: i64, right: i64, floor: Option<i64>, modulo: Option<i64>) {
    assert_eq!(Kind::FloorDivide.of_integers(left, right).unwrap(), floor, "{left} // {right}");
    assert_eq!(Kind::Modulo.of_integers(left, right).unwrap(), modulo, "{left} % {right}");
}

#[test]
fn integers_round_towards_minus_infinity() {
    check_integers(7, 2, Some(3), Some(1));
    check_integers(-7, 2, Some(-4), Some(1));
    check_integers(7, -2, Some(-4), Some(-1));
    check_integers(-7, -2, Some(3), Some(-1));
    check_integers(6, 3, Some(2), Some(0));
    check_integers(1, 0, None, None);
    assert!(Kind::FloorDivide.of_integers(i64::MIN, -1).is_err());
    assert_eq!(Kind::Modulo.of_integers(i64::MIN, -1).unwrap(), Some(0));
}

#[test]
fn floats_do_the_same() {
    assert_eq!(Kind::FloorDivide.of_floats(-7.0, 2.0), Some(-4.0));
    assert_eq!(Kind::Modulo.of_floats(-7.5, 2.0), Some(0.5));
    assert_eq!(Kind::Modulo.of_floats(5.0, f64::INFINITY), Some(5.0));
    assert_eq!(Kind::TrueDivide.of_floats(1.0, 4.0), Some(0.25));
    assert_eq!(Kind::TrueDivide.of_floats(1.0, 0.0), None);
}
