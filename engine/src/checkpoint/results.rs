//! What is kept of a function, as a run sees it: [`Finder`] tells for rows of arguments where their results are, and
//! [`Reader`] reads these.
//!
//! Results may be wanted in another order than they were written in. So they are read a batch of a unit at a time, and only
//! so much of that stays in memory. A unit's digest is looked at once, before the first of its results counts as found.

mod lru;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, RecordBatch};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use futures::stream::{self, StreamExt, TryStreamExt};
use udf_runtime::{RowFailure, Shape};

use self::lru::Lru;
use super::index::{Index, IndexBuilder, Place};
use super::keys::Key;
use super::ledger::{Ledger, UnitAt, UnitName};
use super::unit::{Unit, UnitKeys};
use crate::blocking::blocking;
use crate::{Error, Result};

/// Keys of so many units are read at once.
const AT_ONCE: usize = 16;

/// So many units are open at once.
const OPEN_UNITS: usize = 64;

/// So much of results is in memory beside the rows that are being handed on.
const CACHED_BYTES: usize = 64 << 20;

/// Results of this few bytes are not worth more places in memory.
const CACHED_BATCHES: usize = 1024;

/// Units of a function, with what is known of their results.
#[derive(Debug)]
struct Known {
    name: UnitName,
    origin: Origin,
    /// Where the results of each row end; none: each row has one.
    ends: Vec<u64>,
    /// Where the results of each batch end.
    batches: Vec<u64>,
    /// Rows that failed, and would in the same way now.
    failures: HashMap<u32, RowFailure>,
}

/// Who computed a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// This code, in an earlier run.
    Own,
    /// This code, in this run.
    Now,
    /// Earlier code, with which this one agrees.
    Older,
}

/// Open units by their numbers.
type Open = Arc<Mutex<Lru<u32, Arc<Mutex<Unit>>>>>;

/// Finds results.
pub(crate) struct Finder {
    ledger: Ledger,
    index: Index,
    units: Arc<Vec<Known>>,
    open: Open,
    /// Units whose digests were right.
    sound: HashSet<u32>,
    _memory: MemoryReservation,
}

/// Reads results that were found.
pub(crate) struct Reader {
    ledger: Ledger,
    units: Arc<Vec<Known>>,
    open: Open,
    batches: Lru<(u32, u32), RecordBatch>,
}

/// What is kept in these units: first those of this code. The memory for their keys is taken from a pool.
pub(crate) async fn results(
    ledger: &Ledger,
    units: Vec<(UnitAt, Origin)>,
    shape: Shape,
    pool: &Arc<dyn MemoryPool>,
) -> Result<(Finder, Reader)> {
    let memory = MemoryConsumer::new("KeptResults").register(pool);
    let (mut index, mut known) = (IndexBuilder::default(), Vec::new());
    let read = stream::iter(units).map(|(unit, origin)| async move {
        Ok::<_, Error>((ledger.keys(&unit).await?, unit.name, origin))
    });
    let mut read = read.buffered(AT_ONCE);
    while let Some((keys, name, origin)) = read.try_next().await? {
        let Some(keys) = keys else { continue };
        let rows = keys.keys.len();
        let bytes = IndexBuilder::bytes(rows) + size_of_val(keys.results.as_slice());
        memory.try_grow(bytes)?;
        known.push(added(&mut index, keys, (name, origin), shape, &ledger.failing));
    }
    drop(read);
    let units = Arc::new(known);
    let open: Open = Arc::new(Mutex::new(Lru::new(OPEN_UNITS, usize::MAX)));
    let reader = Reader {
        ledger: ledger.clone(),
        units: Arc::clone(&units),
        open: Arc::clone(&open),
        batches: Lru::new(CACHED_BATCHES, CACHED_BYTES),
    };
    let index = blocking(move || Ok::<_, Error>(index.finish())).await?;
    let sound = HashSet::new();
    Ok((Finder { ledger: ledger.clone(), index, units, open, sound, _memory: memory }, reader))
}

/// Adds a unit to the index, without what does not count: failures of earlier code and of other limits.
fn added(
    index: &mut IndexBuilder,
    keys: UnitKeys,
    (name, origin): (UnitName, Origin),
    shape: Shape,
    failing: &str,
) -> Known {
    let UnitKeys { keys, results, facts } = keys;
    let (failures, would_fail) = facts.failures(failing);
    let failed = failures.into_iter().filter_map(|one| {
        let row = u32::try_from(one.failure.row?).ok()?;
        Some((row, one))
    });
    let failures: HashMap<u32, RowFailure> = failed.collect();
    let counts = |row: u32| !failures.contains_key(&row) || (would_fail && origin != Origin::Older);
    index.unit(name.time, facts.replaces);
    for (row, key) in (0..).zip(keys) {
        let has_one = results.get(row as usize).is_none_or(|results| *results == 1);
        if counts(row) && (has_one || shape == Shape::Any) {
            index.add(key, row);
        }
    }
    let (ends, batches) = (sums(results), sums(facts.batches));
    Known { name, origin, ends, batches, failures }
}

fn sums(counts: Vec<u64>) -> Vec<u64> {
    let mut sum = 0;
    let sums = counts.into_iter().map(|count| {
        sum += count;
        sum
    });
    sums.collect()
}

impl Finder {
    /// Where the results are for rows with these keys, in their order; `None` for rows that have to be computed.
    pub(crate) async fn find(&mut self, keys: &[Key]) -> Result<Vec<Option<Place>>> {
        if self.index.is_empty() {
            return Ok(vec![None; keys.len()]);
        }
        let mut places: Vec<_> = keys.iter().map(|key| self.index.take(*key)).collect();
        for (place, key) in places.iter_mut().zip(keys) {
            while let Some(found) = *place
                && !self.is_sound(found.unit).await?
            {
                self.index.lose(found.unit);
                *place = self.index.take(*key);
            }
        }
        Ok(places)
    }

    /// Whether a unit can be read and is what it was when it was made.
    async fn is_sound(&mut self, unit: u32) -> Result<bool> {
        if self.sound.contains(&unit) {
            return Ok(true);
        }
        let Some(opened) = self.ledger.open(&self.units[unit as usize].name).await? else {
            return Ok(false);
        };
        self.sound.insert(unit);
        lock(&self.open).put(unit, Arc::new(Mutex::new(opened)), 0);
        Ok(true)
    }
}

impl Reader {
    /// The results of a row, counted from the unit's first result.
    pub(crate) fn results_of(&self, place: Place) -> Range<u64> {
        let (ends, row) = (&self.units[place.unit as usize].ends, place.row as usize);
        match ends.get(row) {
            None => u64::from(place.row)..u64::from(place.row) + 1,
            Some(end) => row.checked_sub(1).map_or(0, |before| ends[before])..*end,
        }
    }

    /// The batch of a unit that a result is in, and the results of this batch.
    pub(crate) fn batch_of(&self, unit: u32, result: u64) -> (u32, Range<u64>) {
        let batches = &self.units[unit as usize].batches;
        let at = batches.partition_point(|end| *end <= result);
        let from = at.checked_sub(1).map_or(0, |before| batches[before]);
        (u32::try_from(at).unwrap_or(u32::MAX), from..batches.get(at).copied().unwrap_or(from))
    }

    /// Who computed the results of a row.
    pub(crate) fn origin(&self, place: Place) -> Origin {
        self.units[place.unit as usize].origin
    }

    /// How a row failed, if it did.
    pub(crate) fn failure(&self, place: Place) -> Option<&RowFailure> {
        self.units[place.unit as usize].failures.get(&place.row)
    }

    /// A batch of results.
    pub(crate) async fn batch(&mut self, unit: u32, number: u32) -> Result<RecordBatch> {
        if let Some(batch) = self.batches.get(&(unit, number)) {
            return Ok(batch.clone());
        }
        let opened = self.opened(unit).await?;
        let read =
            move || opened.lock().unwrap_or_else(PoisonError::into_inner).batch(number as usize);
        let batch = blocking(read).await?;
        let parts = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
        let bytes = parts.map(|bytes| bytes.unwrap_or_default()).sum();
        self.batches.put((unit, number), batch.clone(), bytes);
        Ok(batch)
    }

    async fn opened(&self, unit: u32) -> Result<Arc<Mutex<Unit>>> {
        if let Some(opened) = lock(&self.open).get(&unit) {
            return Ok(Arc::clone(opened));
        }
        let name = &self.units[unit as usize].name;
        let opened = self.ledger.open_again(name).await?;
        let opened = opened.ok_or_else(|| {
            Error::internal("kept results of a function were removed while they were read")
        })?;
        let opened = Arc::new(Mutex::new(opened));
        lock(&self.open).put(unit, Arc::clone(&opened), 0);
        Ok(opened)
    }

    /// Bytes of results in memory.
    #[cfg(test)]
    pub(crate) fn cached_bytes(&self) -> usize {
        self.batches.bytes()
    }
}

fn lock(
    open: &Mutex<Lru<u32, Arc<Mutex<Unit>>>>,
) -> std::sync::MutexGuard<'_, Lru<u32, Arc<Mutex<Unit>>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
