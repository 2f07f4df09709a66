//! Shifts agree with Python's, as far as 64 bits go.

use super::{shifted_left, shifted_right};

#[test]
fn shifts_by_many_places_leave_the_sign() {
    assert_eq!(shifted_left(1, 3), Some(8));
    assert_eq!(shifted_left(1, 64), Some(0));
    assert_eq!(shifted_left(-1, i64::MAX), Some(0));
    assert_eq!(shifted_left(1, -1), None);
    assert_eq!(shifted_right(-8, 1), Some(-4));
    assert_eq!(shifted_right(-8, 1000), Some(-1));
    assert_eq!(shifted_right(8, 64), Some(0));
    assert_eq!(shifted_right(8, -1), None);
}
