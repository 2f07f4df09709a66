//! What is put together, and that it stays the same rows.

use super::choice::Size;
use super::{last_scattered, last_small};

const MB: u64 = 1 << 20;

/// Fragments of these bytes, of which all rows are there.
fn sizes(bytes: &[u64]) -> Vec<Size> {
    bytes.iter().map(|&bytes| Size { rows: bytes / 1000, bytes, file_bytes: bytes }).collect()
}

#[test]
fn many_small_fragments_at_the_end_are_put_together() {
    let check = |quarters: &[u64], expected| {
        let bytes: Vec<u64> = quarters.iter().map(|quarters| quarters * MB / 4).collect();
        assert_eq!(last_small(&sizes(&bytes)), expected, "{quarters:?}");
    };
    check(&[], 0);
    check(&[9; 7], 0);
    check(&[9; 8], 8);
    // Not with one that is larger than all of them, nor beyond one that is large enough.
    check(&[&[90][..], &[9; 8]].concat(), 8);
    check(&[&[72][..], &[9; 8]].concat(), 9);
    check(&[&[9; 8][..], &[128], &[9; 7]].concat(), 0);
    check(&[&[9; 8][..], &[128], &[9; 8]].concat(), 8);
    check(&[64, 32, 16, 8, 4, 2, 1, 1, 1], 9);
    check(&[64, 32, 16, 8, 4, 2, 1, 1], 8);
    check(&[120, 60, 30, 15, 7, 4, 2, 1], 0);
    let rows = [Size { rows: 1 << 18, bytes: 9, file_bytes: 9 }; 9];
    assert_eq!(last_small(&rows), 0);
}

#[test]
fn fewer_are_put_together_that_hold_little() {
    let check =
        |bytes: &[u64], expected| assert_eq!(last_small(&sizes(bytes)), expected, "{bytes:?}");
    check(&[9; 3], 0);
    check(&[9; 4], 4);
    check(&[108, 9, 9, 9], 4);
    check(&[109, 9, 9, 9], 0);
    check(&[109, 9, 9, 9, 9], 5);
    // All of them, or those that hold little.
    check(&[MB, 9, 9, 9], 0);
    check(&[MB, 9, 9, 9, 9], 4);
    check(&[MB / 4; 4], 0);
}

#[test]
fn appends_are_written_anew_few_times() {
    for (rows, times, at_most) in [(1, 11, 7), (1000, 11, 7), (40_000, 6, 13)] {
        let (mut fragments, mut written, mut most) = (Vec::new(), 0, 0);
        for _ in 0..300 {
            let last = last_small(&sizes(&fragments));
            if last > 0 {
                let all: u64 = fragments.drain(fragments.len() - last..).sum();
                fragments.push(all);
                written += all;
            }
            fragments.push(rows);
            most = most.max(fragments.len());
        }
        assert_eq!(fragments.iter().sum::<u64>(), 300 * rows);
        assert!(written < times * 300 * rows, "{written}");
        assert!(most <= at_most, "{most}");
    }
}

#[test]
fn who_asks_for_it_reads_for_a_third_less() {
    let check = |sizes: &[Size], expected| assert_eq!(last_scattered(sizes), expected, "{sizes:?}");
    check(&[], 0);
    check(&sizes(&[9]), 0);
    check(&sizes(&[9, 9]), 2);
    check(&sizes(&[&[9; 100][..], &[1000 * MB]].concat()), 101);
    check(&sizes(&[9, 1000 * MB]), 0);
    check(&sizes(&[1000 * MB, 9, 9]), 2);
    // A file of a million rows is as large as it gets.
    check(&[Size { rows: 1 << 20, bytes: 9, file_bytes: 9 }; 50], 0);
    // Rows that are masked.
    let masked = |bytes| Size { rows: 1, bytes, file_bytes: 100 * MB };
    check(&[masked(90 * MB)], 0);
    check(&[masked(20 * MB)], 1);
}
