//! Places and slices agree with Python's.

use super::{between, place};

#[test]
fn negative_places_count_from_the_end() {
    assert_eq!(place(0, 3), Some(0));
    assert_eq!(place(2, 3), Some(2));
    assert_eq!(place(3, 3), None);
    assert_eq!(place(-1, 3), Some(2));
    assert_eq!(place(-3, 3), Some(0));
    assert_eq!(place(-4, 3), None);
    assert_eq!(place(i64::MIN, 3), None);
    assert_eq!(place(0, 0), None);
}

#[test]
fn slices_end_where_the_list_does() {
    assert_eq!(between(None, None, 3), 0..3);
    assert_eq!(between(Some(1), None, 3), 1..3);
    assert_eq!(between(Some(-2), None, 3), 1..3);
    assert_eq!(between(Some(-9), Some(-1), 3), 0..2);
    assert_eq!(between(Some(1), Some(99), 3), 1..3);
    assert_eq!(between(Some(2), Some(1), 3).len(), 0);
    assert_eq!(between(Some(i64::MIN), Some(i64::MAX), 3), 0..3);
    assert_eq!(between(Some(5), None, 3).len(), 0);
}
