//! What is kept of a function, as a run sees it: [`Finder`] tells for rows of arguments where their results are, and
//! [`Reader`] reads these.
//!
//! Results may be wanted in another order than they were written in. So they are read a batch of a unit at a time, and only
//! so much of that stays in memory. A unit's digest is looked at once, before the first of its results counts as found.

mod lru;
mod of_run;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, RecordBatch};
use datafusion::execution::memory_pool::{
    MemoryConsumer, MemoryLimit, MemoryPool, MemoryReservation,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use udf_runtime::{RowFailure, Shape};

use self::lru::Lru;
use self::of_run::OfRun;
use super::index::{Index, IndexBuilder, Place};
use super::keys::Key;
use super::ledger::{Ledger, UnitAt, UnitName};
use super::placed::UnitFile;
use super::unit::{ColumnFile, Scope, Unit, UnitKeys};
use crate::blocking::blocking;
use crate::{Error, Result};

/// Keys of so many units are read at once. More threads would keep more memory behind.
const AT_ONCE: usize = 8;

/// So many units are open at once.
const OPEN_UNITS: usize = 64;

/// What the number of a row that the run computes takes in memory, beside its key.
const COMPUTED_BYTES: usize = 48;

/// So much of results is in memory beside the rows that are being handed on, or this share of the pool.
const CACHED_BYTES: usize = 64 << 20;
const CACHED_SHARE: usize = 8;

/// A unit of a function, with what is known of its results.
#[derive(Debug)]
struct Known {
    name: UnitName,
    origin: Origin,
    cut: Cut,
    columns: Option<ColumnFile>,
}

/// How the results of a unit are cut into those of its rows and into batches.
#[derive(Debug, Default)]
pub(crate) struct Cut {
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
type Open = Arc<Mutex<Lru<u32, Arc<Unit>>>>;

/// Finds results.
pub(crate) struct Finder {
    ledger: Ledger,
    index: Index,
    units: Arc<Vec<Known>>,
    open: Open,
    /// Of each unit whether its digest was right.
    sound: Vec<bool>,
    /// For functions that are called once for equal arguments: which rows the run computes, by their keys.
    computed: Option<HashMap<Key, u32>>,
    memory: MemoryReservation,
}

/// Reads results that were found.
pub(crate) struct Reader {
    ledger: Ledger,
    units: Arc<Vec<Known>>,
    open: Open,
    /// Batches that were wanted again after others were. In the order of their units each is wanted once.
    batches: Lru<BatchAt, RecordBatch>,
    /// The batch that was read last.
    last: Option<(BatchAt, RecordBatch)>,
    /// Which ones were read.
    read: HashSet<BatchAt>,
    of_run: OfRun,
    /// What the batches take.
    memory: MemoryReservation,
}

/// The number of a unit and of a batch there.
type BatchAt = (u32, u32);

/// What of these units counts: first those of this code. The memory for the keys is taken from a pool.
pub(crate) async fn results(
    ledger: &Ledger,
    units: Vec<(UnitAt, Origin)>,
    scope: &Scope,
    shape: Shape,
    pool: &Arc<dyn MemoryPool>,
) -> Result<(Finder, Reader)> {
    let memory = MemoryConsumer::new("KeptResults").register(pool);
    let (mut index, mut known) = (IndexBuilder::new(), Vec::new());
    let units = units.into_iter().filter(|(unit, _)| unit.is_in(scope));
    let read = stream::iter(units).map(|(unit, origin)| async move {
        Ok::<_, Error>((ledger.keys(&unit).await?, unit.name, origin))
    });
    let mut read = read.buffered(AT_ONCE);
    let mut all_rows = 0;
    while let Some((keys, name, origin)) = read.try_next().await? {
        let Some(keys) = keys else { continue };
        let rows = keys.keys.len();
        all_rows += rows;
        number(all_rows, "using kept results")?;
        let bytes = IndexBuilder::bytes(rows) + size_of_val(keys.results.as_slice());
        memory.try_grow(bytes)?;
        let failing = Some(ledger.failing.as_str()).filter(|_| scope.again_since.is_none());
        known.push(added(&mut index, keys, (name, origin), shape, failing));
    }
    drop(read);
    let units = Arc::new(known);
    let open: Open = Arc::new(Mutex::new(Lru::new(OPEN_UNITS, usize::MAX)));
    let reader = Reader {
        ledger: ledger.clone(),
        units: Arc::clone(&units),
        open: Arc::clone(&open),
        batches: Lru::new(usize::MAX, cached_bytes(pool)),
        last: None,
        read: HashSet::new(),
        of_run: OfRun::default(),
        memory: memory.new_empty(),
    };
    let index = blocking(move || Ok::<_, Error>(index.finish())).await?;
    let (ledger, sound, computed) = (ledger.clone(), vec![false; units.len()], None);
    Ok((Finder { ledger, index, units, open, sound, computed, memory }, reader))
}

/// Adds a unit to the index, without what does not count: failures of earlier code and of other limits than these, or all.
fn added(
    index: &mut IndexBuilder,
    keys: UnitKeys,
    (name, origin): (UnitName, Origin),
    shape: Shape,
    failing: Option<&str>,
) -> Known {
    let UnitKeys { keys, results, facts } = keys;
    let (failures, would_fail) = facts.failures(failing.unwrap_or_default());
    let (failures, would_fail) = (by_row(failures), would_fail && failing.is_some());
    let failed = failures.keys().filter(|_| !would_fail || origin == Origin::Older);
    let not_one =
        (0..).zip(&results).filter(|(_, count)| **count != 1 && shape == Shape::OnePerRow);
    let without = failed.copied().chain(not_one.map(|(row, _)| row));
    index.unit(&keys, without, name.time, facts.replaces);
    let (ends, batches) = (sums(results), sums(facts.batches));
    Known { name, origin, cut: Cut { ends, batches, failures }, columns: facts.columns }
}

/// The number of a row, of which there may be only so many.
fn number(row: usize, what: &str) -> Result<u32> {
    u32::try_from(row).map_err(|_too_large| Error::NotSupported {
        what: format!("{what} of more than {} rows of a function", u32::MAX),
        instead: "fewer in one run work: save some of the rows, then the others".to_owned(),
    })
}

fn by_row(failures: Vec<RowFailure>) -> HashMap<u32, RowFailure> {
    let failed = failures.into_iter().filter_map(|one| {
        let row = u32::try_from(one.failure.row?).ok()?;
        Some((row, one))
    });
    failed.collect()
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
    /// Equal arguments are one call: all rows take the first results, also those that the run computes itself.
    pub(crate) fn once_each(mut self) -> Self {
        self.computed = Some(HashMap::new());
        self
    }

    /// Where the results are for rows with these keys, in their order; `None` for rows that have to be computed.
    pub(crate) async fn find(&mut self, keys: &[Key]) -> Result<Vec<Option<Place>>> {
        let mut places = vec![None; keys.len()];
        if !self.index.is_empty() {
            let firsts = self.index.firsts(keys);
            for (place, first) in places.iter_mut().zip(firsts) {
                let Some(first) = first else { continue };
                *place = self.take(first);
                while let Some(found) = *place
                    && !self.sound[found.unit as usize]
                    && !self.is_sound(found.unit).await?
                {
                    self.index.lose(found.unit);
                    *place = self.take(first);
                }
            }
        }
        // INVARIANT: rows are numbered as whoever takes the answers counts them: each row without a place is computed, in
        // this order.
        if let Some(computed) = &mut self.computed {
            let before = computed.len();
            let rest = places.iter_mut().zip(keys).filter(|(place, _)| place.is_none());
            for (place, key) in rest {
                let next = number(computed.len(), "`distinct=True`")?;
                match computed.entry(*key) {
                    Entry::Occupied(row) => *place = Some(Place::of_run(*row.get())),
                    Entry::Vacant(row) => drop(row.insert(next)),
                }
            }
            self.memory.try_grow((computed.len() - before) * COMPUTED_BYTES)?;
        }
        Ok(places)
    }

    /// Whether a row's results say that it failed.
    pub(crate) fn has_failed(&self, place: Place) -> bool {
        let unit = self.units.get(place.unit as usize);
        unit.is_some_and(|unit| unit.cut.failures.contains_key(&place.row))
    }

    fn take(&mut self, first: u32) -> Option<Place> {
        match &self.computed {
            Some(_) => self.index.first_of(first),
            None => self.index.take(first),
        }
    }

    /// Whether a unit can be read and is what it was when it was made.
    async fn is_sound(&mut self, unit: u32) -> Result<bool> {
        let Some(opened) = self.ledger.open(&self.units[unit as usize].name).await? else {
            return Ok(false);
        };
        self.sound[unit as usize] = true;
        lock(&self.open).put(unit, Arc::new(opened), 0);
        Ok(true)
    }
}

impl Reader {
    /// The results of a row, counted from the unit's first result.
    pub(crate) fn results_of(&self, place: Place) -> Range<u64> {
        let (ends, row) = (&self.cut(place.unit).ends, place.row as usize);
        match ends.get(row) {
            None => u64::from(place.row)..u64::from(place.row) + 1,
            Some(end) => row.checked_sub(1).map_or(0, |before| ends[before])..*end,
        }
    }

    /// The batch of a unit that a result is in, and the results of this batch.
    pub(crate) fn batch_of(&self, unit: u32, result: u64) -> (u32, Range<u64>) {
        let at = self.cut(unit).batches.partition_point(|end| *end <= result);
        let number = u32::try_from(at).unwrap_or(u32::MAX);
        (number, self.results_in(unit, number))
    }

    /// The results of a batch.
    fn results_in(&self, unit: u32, number: u32) -> Range<u64> {
        let (batches, at) = (&self.cut(unit).batches, number as usize);
        let from = at.checked_sub(1).and_then(|before| batches.get(before)).copied();
        let from = from.unwrap_or_default();
        from..batches.get(at).copied().unwrap_or(from)
    }

    /// Who computed the results of a row.
    pub(crate) fn origin(&self, place: Place) -> Origin {
        self.units.get(place.unit as usize).map_or(Origin::Now, |unit| unit.origin)
    }

    /// How a row failed, if it did.
    pub(crate) fn failure(&self, place: Place) -> Option<&RowFailure> {
        let place = self.settled(place);
        self.cut(place.unit).failures.get(&place.row)
    }

    /// A batch of results.
    pub(crate) async fn batch(&mut self, unit: u32, number: u32) -> Result<RecordBatch> {
        let at = (unit, number);
        if let Some((_, batch)) = self.last.as_ref().filter(|(last, _)| *last == at) {
            return Ok(batch.clone());
        }
        if let Some(batch) = self.batches.get(&at) {
            return Ok(batch.clone());
        }
        if let Some(batch) = self.number_of_run(unit).and_then(|at| self.of_run.batch(at, number)) {
            return Ok(batch);
        }
        let opened = self.opened(unit).await?;
        let batch = opened.batch(number, self.results_in(unit, number)).await?;
        if self.read.insert(at) {
            self.last = Some((at, batch.clone()));
            return Ok(batch);
        }
        let parts = batch.columns().iter().map(|column| column.to_data().get_slice_memory_size());
        let bytes = parts.map(|bytes| bytes.unwrap_or_default()).sum();
        self.batches.put(at, batch.clone(), bytes);
        self.memory.resize(self.batches.bytes());
        Ok(batch)
    }

    async fn opened(&self, unit: u32) -> Result<Arc<Unit>> {
        if let Some(opened) = lock(&self.open).get(&unit) {
            return Ok(Arc::clone(opened));
        }
        let opened = self.ledger.open_again(self.name(unit)).await?;
        let opened = opened.ok_or_else(|| {
            Error::internal("kept results of a function were removed while they were read")
        })?;
        let opened = Arc::new(opened);
        lock(&self.open).put(unit, Arc::clone(&opened), 0);
        Ok(opened)
    }

    /// The file of a unit; `None` where it is none of columns.
    pub(crate) fn file(&self, unit: u32) -> Option<UnitFile> {
        let Known { name, cut, columns, .. } = self.units.get(unit as usize)?;
        let rows = cut.batches.last().copied().unwrap_or_default();
        let location = self.ledger.location(name);
        columns.map(|columns| UnitFile { location, rows, columns })
    }

    /// How many units there were before the run.
    pub(crate) fn units(&self) -> u32 {
        u32::try_from(self.units.len()).unwrap_or(u32::MAX)
    }

    /// Where a row is, whose place may say only that this run computed it.
    pub(crate) fn settled(&self, place: Place) -> Place {
        if !place.is_of_run() {
            return place;
        }
        let (number, row) = self.of_run.place(place.row);
        Place { unit: self.units().saturating_add(number), row }
    }

    /// Takes note of a unit of this run that is durable now, for rows with the same arguments.
    pub(crate) fn made(&mut self, unit: UnitAt, keys: UnitKeys) {
        self.of_run.made(unit.name, keys, &self.ledger.failing);
    }

    /// The same of results that are in memory still.
    pub(crate) fn is_making(&mut self, cut: Cut, rows: Vec<RecordBatch>) {
        self.of_run.is_making(cut, rows);
    }

    fn number_of_run(&self, unit: u32) -> Option<usize> {
        (unit as usize).checked_sub(self.units.len())
    }

    fn cut(&self, unit: u32) -> &Cut {
        match self.number_of_run(unit) {
            None => &self.units[unit as usize].cut,
            Some(number) => self.of_run.cut(number),
        }
    }

    fn name(&self, unit: u32) -> &UnitName {
        match self.number_of_run(unit) {
            None => &self.units[unit as usize].name,
            Some(number) => self.of_run.name(number),
        }
    }

    /// Bytes of results in memory.
    #[cfg(test)]
    pub(crate) fn cached_bytes(&self) -> usize {
        self.batches.bytes()
    }
}

fn cached_bytes(pool: &Arc<dyn MemoryPool>) -> usize {
    match pool.memory_limit() {
        MemoryLimit::Finite(bytes) => CACHED_BYTES.max(bytes / CACHED_SHARE),
        MemoryLimit::Infinite | MemoryLimit::Unknown => CACHED_BYTES,
    }
}

fn lock(open: &Mutex<Lru<u32, Arc<Unit>>>) -> std::sync::MutexGuard<'_, Lru<u32, Arc<Unit>>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
