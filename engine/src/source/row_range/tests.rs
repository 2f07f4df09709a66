//! Where rows lie when some are masked.

use std::ops::Range;

use super::among_masked;

#[track_caller]
fn check(masked: &[u32], rows: Range<usize>, expected: Range<usize>) {
    let masked = masked.iter().copied().collect();
    assert_eq!(among_masked(&masked, &rows), expected);
}

#[test]
fn masked_rows_before_and_between_are_counted_too() {
    check(&[], 2..5, 2..5);
    check(&[9], 2..5, 2..5);
    check(&[0, 1], 0..3, 2..5);
    check(&[3], 2..4, 2..5);
    check(&[0, 2, 3, 7], 1..3, 4..6);
    check(&[0, 2, 3, 7], 0..4, 1..7);
    check(&[5, 6], 4..6, 4..8);
}
