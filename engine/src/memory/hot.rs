//! [`HotVectors`]: vectors that are searched again and again stay in memory, as long as nobody else needs it.
//!
//! What is read for a search is kept from the second time on, so that a search that happens once costs nothing more. It
//! lies in the part of the pool that operators have left, and goes before one of them is refused anything. Versions never
//! change, so what is kept of one is never out of date.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;

/// Searches that were made once are remembered, as many as this.
const MOST_SEEN: usize = 4096;

/// Rows of a version, and what is read of them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HotKey {
    /// The version's id.
    pub(crate) version: Arc<str>,
    /// The columns.
    pub(crate) paths: Vec<Vec<String>>,
    /// Fragment, first row, and how many.
    pub(crate) rows: Vec<(u32, usize, usize)>,
}

/// What a session keeps.
#[derive(Debug, Default)]
pub(crate) struct HotVectors {
    /// What operators have left of the pool.
    room: AtomicUsize,
    bytes: AtomicUsize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    parts: HashMap<HotKey, Part>,
    seen: HashSet<HotKey>,
    uses: u64,
}

#[derive(Debug)]
struct Part {
    batches: Arc<[RecordBatch]>,
    bytes: usize,
    used: u64,
}

/// What is known of rows that are about to be read.
pub(crate) enum Hot {
    /// They are here.
    Here(Arc<[RecordBatch]>),
    /// They are read again: to be kept if they take no more than this.
    Wanted(usize),
    /// Nobody has read them before, as far as is known.
    New,
}

impl HotVectors {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, key: &HotKey) -> Hot {
        let mut kept = self.kept();
        kept.uses += 1;
        let used = kept.uses;
        if let Some(part) = kept.parts.get_mut(key) {
            part.used = used;
            return Hot::Here(Arc::clone(&part.batches));
        }
        if kept.seen.contains(key) {
            // The other half is for what is searched beside it.
            return Hot::Wanted(self.room.load(Ordering::Relaxed) / 2);
        }
        if kept.seen.len() >= MOST_SEEN {
            kept.seen.clear();
        }
        kept.seen.insert(key.clone());
        Hot::New
    }

    /// Keeps rows that take so many bytes, in place of those that were not used for the longest time.
    pub(crate) fn keep(&self, key: HotKey, batches: Vec<RecordBatch>, bytes: usize) {
        let mut kept = self.kept();
        kept.uses += 1;
        let part = Part { batches: batches.into(), bytes, used: kept.uses };
        let before = kept.parts.insert(key, part).map_or(0, |part| part.bytes);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        self.shrink(&mut kept);
    }

    /// Operators leave so much.
    pub(super) fn leave(&self, room: usize) {
        self.room.store(room, Ordering::Relaxed);
        if self.bytes.load(Ordering::Relaxed) > room {
            self.shrink(&mut self.kept());
        }
    }

    fn shrink(&self, kept: &mut Kept) {
        while self.bytes.load(Ordering::Relaxed) > self.room.load(Ordering::Relaxed) {
            let oldest = kept.parts.iter().min_by_key(|(_, part)| part.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            let bytes = kept.parts.remove(&oldest).map_or(0, |part| part.bytes);
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
