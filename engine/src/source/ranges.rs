//! [`ranges`]: rows that lie in parts, cut into consecutive ranges for partitions.

use std::ops::Range;

/// Fewer rows than this are not worth a second partition.
const MIN_ROWS: usize = 32_768;

/// Consecutive rows of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// Which part.
    pub(super) part: usize,
    /// Its first row that belongs to the slice.
    pub(super) start: usize,
    pub(super) rows: usize,
}

/// At most `target` consecutive ranges of about the same height, of these of all rows; at least one.
pub(super) fn ranges(heights: &[usize], target: usize, rows: Range<usize>) -> Vec<Vec<Slice>> {
    let all: usize = heights.iter().sum();
    let total = all.min(rows.end).saturating_sub(rows.start);
    let mut before = rows.start;
    let height = total.div_ceil((total / MIN_ROWS).clamp(1, target.max(1)));
    let (mut ranges, mut left, mut room) = (vec![vec![]], total, height);
    for (part, height_of_part) in heights.iter().enumerate() {
        let mut start = before.min(*height_of_part);
        before -= start;
        while start < *height_of_part && left > 0 {
            if room == 0 {
                ranges.push(vec![]);
                room = height;
            }
            let rows = (height_of_part - start).min(room).min(left);
            if let Some(range) = ranges.last_mut() {
                range.push(Slice { part, start, rows });
            }
            start += rows;
            left -= rows;
            room -= rows;
        }
    }
    ranges
}

#[cfg(test)]
mod tests;
