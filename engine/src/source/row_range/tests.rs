//! Where rows lie when some are masked.

use std::ops::Range;

use super::{Counted, FragmentRows, Masked, RowRange};

#[track_caller]
fn check(masked: &[u32], rows: Range<usize>, expected: Range<usize>) {
    let masked = Masked::new(&masked.iter().copied().collect());
    assert_eq!(masked.around(&rows), expected);
}

#[test]
fn masked_rows_lie_between_the_others() {
    let masked = Masked::new(&[0, 2, 3, 7].into_iter().collect());
    let between = |masked: &Masked, rows: Range<usize>| {
        let runs = masked.between(&rows);
        runs.into_iter().map(|run| (run.start, run.end)).collect::<Vec<_>>()
    };
    assert_eq!(between(&masked, 0..6), [(1, 2), (4, 7), (8, 10)]);
    assert_eq!(between(&masked, 1..3), [(4, 6)]);
    assert_eq!(between(&masked, 3..5), [(6, 7), (8, 9)]);
    assert_eq!(between(&Masked::default(), 2..5), [(2, 5)]);
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

#[test]
fn runs_of_a_range_lie_in_its_parts() {
    let part =
        |fragment, start, rows| FragmentRows { fragment, start, rows, counted: Counted::All };
    let range = RowRange(vec![part(0, 10, 5), part(1, 0, 3), part(3, 2, 4)]);
    let only = |runs: &[Range<usize>]| range.only(runs).places();
    assert_eq!(only(&[]), []);
    assert_eq!(only(&[0..1, 4..5]), [(0, 10, 1), (0, 14, 1)]);
    assert_eq!(only(&[3..9, 11..12]), [(0, 13, 2), (1, 0, 3), (3, 2, 1), (3, 5, 1)]);
    assert_eq!(range.part(5..8).places(), [(1, 0, 3)]);
    assert_eq!(range.first(20).places(), range.places());
    assert_eq!(range.first(0).places(), []);
}
