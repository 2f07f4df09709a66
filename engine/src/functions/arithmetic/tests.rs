//! Division agrees with Python's.

use super::Kind;

#[track_caller]
fn check_integers(left: i128, right: i128, floor: Option<i128>, modulo: Option<i128>) {
    assert_eq!(Kind::FloorDivide.of_integers(left, right), floor, "{left} // {right}");
    assert_eq!(Kind::Modulo.of_integers(left, right), modulo, "{left} % {right}");
}

#[test]
fn integers_round_towards_minus_infinity() {
    check_integers(7, 2, Some(3), Some(1));
    check_integers(-7, 2, Some(-4), Some(1));
    check_integers(7, -2, Some(-4), Some(-1));
    check_integers(-7, -2, Some(3), Some(-1));
    check_integers(6, 3, Some(2), Some(0));
    check_integers(1, 0, None, None);
    check_integers(i64::MIN.into(), -1, Some(1 << 63), Some(0));
    check_integers(u64::MAX.into(), 10, Some(1_844_674_407_370_955_161), Some(5));
    check_integers(u64::MAX.into(), -10, Some(-1_844_674_407_370_955_162), Some(-5));
    check_integers(-1, u64::MAX.into(), Some(-1), Some((u64::MAX - 1).into()));
}

#[test]
fn floats_do_the_same() {
    assert_eq!(Kind::FloorDivide.of_floats(-7.0, 2.0), Some(-4.0));
    assert_eq!(Kind::Modulo.of_floats(-7.5, 2.0), Some(0.5));
    assert_eq!(Kind::Modulo.of_floats(5.0, f64::INFINITY), Some(5.0));
    assert_eq!(Kind::TrueDivide.of_floats(1.0, 4.0), Some(0.25));
    assert_eq!(Kind::TrueDivide.of_floats(1.0, 0.0), None);
}
