//! How many of a version's last fragments are worth to be written anew.

use lance_table::format::Fragment;

/// So many small fragments are worth it.
const MANY: usize = 8;

/// As long as all of them hold less than this, fewer are worth it, and one that is so many times as large as all others:
/// what it takes to write so little anew is less than what readers take to open it.
const LITTLE_BYTES: u64 = 1 << 20;
const LITTLE_MANY: usize = 4;
const LITTLE_TIMES: u64 = 4;

/// To open a fragment takes no longer than to read so much of one.
const ENOUGH_BYTES: u64 = 32 << 20;
const ENOUGH_ROWS: u64 = 1 << 18;

/// So many rows fit into a file.
const FILE_ROWS: u64 = 1 << 20;

/// How large a fragment is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sink) struct Size {
    /// Rows that are not masked.
    pub(super) rows: u64,
    /// About what these take.
    pub(super) bytes: u64,
    /// What all rows take, masked ones too.
    pub(super) file_bytes: u64,
}

impl Size {
    /// `None` where that is not known.
    pub(super) fn of(fragment: &Fragment) -> Option<Self> {
        let (rows, all) = (fragment.num_rows()? as u64, fragment.physical_rows? as u64);
        let files = fragment.files.iter().map(|file| file.file_size_bytes.get().map(u64::from));
        let file_bytes = files.sum::<Option<u64>>()?;
        let bytes = file_bytes.saturating_mul(rows) / all.max(1);
        Some(Self { rows, bytes, file_bytes })
    }

    fn is_small(&self) -> bool {
        self.bytes < ENOUGH_BYTES && self.rows < ENOUGH_ROWS
    }
}

/// What a save puts together that follows the version: many small fragments none of which is larger than all others
/// together. So each row is written anew only to stand among twice as many, and few times in all; where all is little, a
/// few times more.
pub(in crate::sink) fn last_small(sizes: &[Size]) -> usize {
    let (mut all, mut largest, mut chosen) = (0, 0, 0);
    let small = sizes.iter().rev().take_while(|size| size.is_small());
    for (size, count) in small.zip(1..) {
        all += size.bytes;
        largest = largest.max(size.bytes);
        let (many, times) = match all < LITTLE_BYTES {
            true => (LITTLE_MANY, LITTLE_TIMES),
            false => (MANY, 1),
        };
        if count >= many && largest <= times * (all - largest) {
            chosen = count;
        }
    }
    chosen
}

/// What is put together where somebody asks for it: as many as it takes that reading costs two thirds of what it
/// did, or less.
pub(in crate::sink) fn last_scattered(sizes: &[Size]) -> usize {
    let (mut rows, mut bytes, mut cost, mut chosen) = (0_u64, 0, 0, 0);
    for (size, count) in sizes.iter().rev().zip(1..) {
        rows += size.rows;
        bytes += size.bytes;
        cost += ENOUGH_BYTES + size.file_bytes;
        let files = rows.div_ceil(FILE_ROWS).max(1);
        if 2 * cost >= 3 * (files * ENOUGH_BYTES + bytes) {
            chosen = count;
        }
    }
    chosen
}
