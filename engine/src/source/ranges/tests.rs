//! How rows are cut.

use proptest::prelude::*;

use super::{MIN_ROWS, ranges};

proptest! {
    #[test]
    fn every_row_is_there_once_and_in_order(
        heights in prop::collection::vec(0_usize..100_000, 0..6),
        target in 0_usize..5,
        first in 0_usize..300_000,
        limit in prop::option::of(0_usize..200_000),
    ) {
        let ranges = ranges(&heights, target, first..limit.map_or(usize::MAX, |limit| first + limit));
        let slices: Vec<_> = ranges.iter().flatten().collect();
        let rows: usize = slices.iter().map(|slice| slice.rows).sum();
        let all: usize = heights.iter().sum();
        prop_assert_eq!(rows, all.saturating_sub(first).min(limit.unwrap_or(usize::MAX)));
        let before = |part: usize| heights[..part].iter().sum::<usize>();
        let mut next = first;
        for slice in slices {
            prop_assert!(slice.rows > 0 && slice.start + slice.rows <= heights[slice.part]);
            prop_assert_eq!(before(slice.part) + slice.start, next);
            next += slice.rows;
        }
        prop_assert!((1..=target.max(1)).contains(&ranges.len()));
        let fewest = ranges.iter().map(|range| range.iter().map(|slice| slice.rows).sum::<usize>()).min();
        prop_assert!(ranges.len() == 1 || fewest >= Some(MIN_ROWS - target));
    }
}
