//! [`Memory`]: how much memory a session may use, and what part of it each of its consumers gets.
//!
//! Operators that hold rows take from one [`Pool`] and write down what does not fit. It is half of what is left beside the
//! program itself: what they do with their rows, and what readers and writers have on their way, takes as much again.

mod hot;
mod pool;
#[cfg(test)]
mod tests;

pub(crate) use hot::{Hot, HotKey, HotVectors};
pub(crate) use pool::Pool;

/// Less than this is not enough for the program itself.
pub(crate) const LEAST_BYTES: u64 = 256 << 20;

/// What the program takes before it has read anything, Python with it.
const PROGRAM_BYTES: u64 = 160 << 20;

/// Less than this is not enough for a worker process.
const WORKER_BYTES: u64 = 192 << 20;

/// What each partition needs, or there are fewer of them.
const PARTITION_BYTES: u64 = 128 << 20;

/// Read-ahead of one partition of a scan.
const READ_AHEAD_BYTES: u64 = 64 << 20;

/// What a batch of a scan should hold.
const BATCH_BYTES: u64 = 16 << 20;

/// A partition has room for a batch of rows of this width.
const BATCH_ROW_BYTES: u64 = 32 << 10;

/// The rows of a batch.
const LEAST_ROWS: u64 = 1024;
const MOST_ROWS: u64 = 8192;

/// What Lance collects of a column before it writes a page, and the least that is worth a page.
const MOST_PAGE_BYTES: u64 = 8 << 20;
const LEAST_PAGE_BYTES: u64 = 64 << 10;

/// There are so many threads that wait for files. Each has some MiB of its own: what it read, and what the allocator keeps
/// for it.
const THREAD_BYTES: u64 = 16 << 20;
const LEAST_THREADS: usize = 24;
const MOST_THREADS: usize = 64;

/// Lance's caches of indexes and of metadata. Its own defaults, 6 GiB and 1 GiB, are not for a process that shares its
/// machine.
const INDEX_CACHE_BYTES: u64 = 256 << 20;
const METADATA_CACHE_BYTES: u64 = 128 << 20;

/// A sort copies what it has into one batch where that is less.
const IN_PLACE_BYTES: u64 = 1 << 20;

/// A ceiling, and how many partitions of a plan run at once below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    limit_bytes: u64,
    /// Whether somebody asked for it.
    is_given: bool,
    partitions: u64,
}

impl Memory {
    /// So many bytes for everything.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, is_given: true, partitions: 1 }
    }

    /// Three quarters of what there is.
    pub(crate) fn share_of(machine_bytes: u64) -> Self {
        Self { is_given: false, ..Self::new((machine_bytes / 4 * 3).max(LEAST_BYTES)) }
    }

    /// How many partitions there should be of the `wanted` ones.
    pub(crate) fn partitions(self, wanted: usize) -> usize {
        let room = usize::try_from(self.limit_bytes / PARTITION_BYTES).unwrap_or(usize::MAX);
        wanted.min(room).max(1)
    }

    pub(crate) fn for_partitions(self, partitions: usize) -> Self {
        Self { partitions: partitions.max(1) as u64, ..self }
    }

    pub(crate) fn pool(self) -> Pool {
        Pool::new(size(self.pool_bytes()), self.limit_bytes)
    }

    fn pool_bytes(self) -> u64 {
        (self.limit_bytes - PROGRAM_BYTES.min(self.limit_bytes / 8 * 5)) / 2
    }

    /// For Lance's indexes and metadata.
    pub(crate) fn caches(self) -> (usize, usize) {
        let most = self.limit_bytes / 16;
        (size(most.min(INDEX_CACHE_BYTES)), size(most.min(METADATA_CACHE_BYTES)))
    }

    /// What each of some worker processes may use: half of the memory together, if somebody said how much that is.
    pub(crate) fn worker_bytes(self, workers: usize) -> Option<u64> {
        let share = self.limit_bytes / 2 / workers.max(1) as u64;
        self.is_given.then_some(share.max(WORKER_BYTES))
    }

    /// How far one partition of a scan reads ahead.
    pub(crate) fn read_ahead_bytes(self) -> u64 {
        (self.limit_bytes / 16 / self.partitions).clamp(4 << 20, READ_AHEAD_BYTES)
    }

    /// What the rows of a scan that are handed on at once should take.
    pub(crate) fn batch_bytes(self) -> u64 {
        (self.pool_bytes() / 64 / self.partitions).clamp(256 << 10, BATCH_BYTES)
    }

    /// What a file that is written may collect of its columns together, if somebody said how much memory there is.
    pub(crate) fn pages_bytes(self, columns: usize) -> Option<u64> {
        let columns = columns as u64;
        let share = self.limit_bytes / 16 / self.partitions;
        let share = share.clamp(columns * LEAST_PAGE_BYTES, columns * MOST_PAGE_BYTES);
        (self.is_given && columns > 0).then_some(share)
    }

    /// How many rows operators hand on at once: sorts hold some batches of each of their parts.
    pub(crate) fn batch_rows(self) -> usize {
        let rows = self.pool_bytes() / self.partitions / BATCH_ROW_BYTES;
        size(1 << rows.clamp(LEAST_ROWS, MOST_ROWS).ilog2())
    }

    /// How many threads may wait for files at once.
    pub(crate) fn threads(self) -> usize {
        size(self.limit_bytes / THREAD_BYTES).clamp(LEAST_THREADS, MOST_THREADS)
    }

    /// Below this, a sort makes one batch of what it has, for which it may not ask for more.
    pub(crate) fn in_place_bytes(self) -> usize {
        size(self.batch_bytes().min(IN_PLACE_BYTES))
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

/// `2 GiB`, `1.5 GiB`, `20 MiB`
fn shown(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return format!("{bytes} B");
    };
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        rest => format!("{}.{rest} {name}", tenths / 10),
    }
}
