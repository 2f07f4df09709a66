//! [`Index`]: which kept results are those of which arguments, in memory and compact.
//!
//! Entries are sorted by key. Keys are digests, so they are spread evenly, and a table of the first entry for each of their
//! leading bits leads next to the one that is looked for.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::keys::Key;

/// So many entries share a place in the table, about.
const ENTRIES_A_PLACE: usize = 4;

/// So many at one place are not all looked at.
const MANY_ENTRIES: usize = 32;

/// Where the results of one row of arguments are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The number of the unit.
    pub(crate) unit: u32,
    /// The row of the unit.
    pub(crate) row: u32,
}

impl Place {
    /// The unit of rows that the run itself computes, of which nobody knows yet into which units they go.
    const THIS_RUN: u32 = u32::MAX;

    /// Where the results of a row will be that the run computes; rows are counted from the first one that it computes.
    pub(crate) fn of_run(row: u32) -> Self {
        Self { unit: Self::THIS_RUN, row }
    }

    /// Whether the run itself computes the row.
    pub(crate) fn is_of_run(self) -> bool {
        self.unit == Self::THIS_RUN
    }
}

/// WHY: the key as two halves, so that an entry has 24 bytes and not 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    key: [u64; 2],
    unit: u32,
    row: u32,
}

/// What is kept, and what of it the run has taken.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: Vec<Entry>,
    /// The first entry for each value of the leading bits of keys, and behind the last one the number of entries.
    table: Vec<u32>,
    /// How far a key's bits are shifted to get its place in the table.
    shift: u32,
    /// Of keys with one entry, whether it was taken: a bit for each entry.
    taken: Vec<u64>,
    /// Of keys with several, by their first entry, how many were passed.
    passed: HashMap<u32, u32>,
    /// Units that turned out to be damaged.
    gone: HashSet<u32>,
}

/// Collects entries.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    entries: Vec<Entry>,
    /// For units that replace older ones: since when.
    replaces: HashMap<u32, u64>,
    /// When the units were written.
    times: Vec<u64>,
}

impl IndexBuilder {
    /// Begins a unit of so many rows that was written at a time; what replaces others says since when.
    pub(crate) fn unit(&mut self, rows: usize, time: u64, replaces: Option<u64>) {
        // Twice as much at each step would be twice as much in the end.
        if self.entries.capacity() - self.entries.len() < rows {
            self.entries.reserve_exact(rows.max(self.entries.len() / 8));
        }
        let unit = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times.push(time);
        self.replaces.extend(replaces.map(|since| (unit, since)));
    }

    /// Adds a row of the unit that was begun last.
    pub(crate) fn add(&mut self, key: Key, row: u32) {
        let unit = u32::try_from(self.times.len().saturating_sub(1)).unwrap_or(u32::MAX);
        self.entries.push(Entry { key: halves(key), unit, row });
    }

    /// Bytes that adding so many rows, and finishing, takes.
    pub(crate) fn bytes(rows: usize) -> usize {
        rows * size_of::<Entry>() + rows / ENTRIES_A_PLACE * size_of::<u32>() + rows / 8
    }

    pub(crate) fn finish(mut self) -> Index {
        // Equal keys stay in the order of their units, which is the order in which they were computed.
        self.entries.sort_unstable();
        if !self.replaces.is_empty() {
            self.drop_replaced();
        }
        let entries = self.entries;
        let bits = (entries.len() / ENTRIES_A_PLACE).max(1).ilog2();
        let mut index = Index { shift: u64::BITS - bits, ..Index::default() };
        index.taken = vec![0; entries.len().div_ceil(64)];
        index.table = Vec::with_capacity((1 << bits) + 1);
        for (at, entry) in entries.iter().enumerate() {
            let place = index.place(entry.key);
            while index.table.len() <= place {
                index.table.push(u32::try_from(at).unwrap_or(u32::MAX));
            }
        }
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        index.table.resize((1 << bits) + 1, count);
        index.entries = entries;
        index
    }

    /// Leaves out results that were computed before somebody had them computed again.
    fn drop_replaced(&mut self) {
        let mut since: HashMap<[u64; 2], u64> = HashMap::new();
        for entry in &self.entries {
            if let Some(time) = self.replaces.get(&entry.unit) {
                let known = since.entry(entry.key).or_default();
                *known = (*known).max(*time);
            }
        }
        let times = &self.times;
        let counts = |entry: &Entry| {
            since.get(&entry.key).is_none_or(|since| times[entry.unit as usize] >= *since)
        };
        self.entries.retain(counts);
    }
}

impl Index {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Of each key the number of its first entry.
    ///
    /// WHY: for many keys at once, in two steps without branches on what was read: so the memory is asked for many places at
    /// the same time, where each search alone would wait for its own.
    pub(crate) fn firsts(&self, keys: &[Key]) -> Vec<Option<u32>> {
        let range = |key: &Key| {
            let place = self.place(halves(*key));
            let end = |place: usize| self.table.get(place).map_or(0, |at| *at as usize);
            end(place)..end(place + 1)
        };
        let ranges: Vec<_> = keys.iter().map(range).collect();
        let first = |(key, range): (&Key, Range<usize>)| {
            let (from, key) = (range.start, halves(*key));
            let entries = &self.entries[range];
            let before = match entries.len() {
                // Many rows may have one key.
                MANY_ENTRIES.. => entries.partition_point(|entry| is_less(entry.key, key)),
                _ => entries.iter().filter(|entry| is_less(entry.key, key)).count(),
            };
            let at = from + before;
            self.is_at(at, key).then(|| u32::try_from(at).unwrap_or(u32::MAX))
        };
        keys.iter().zip(ranges).map(first).collect()
    }

    /// The next results for rows with the key of this first entry that nobody has taken: the k-th row gets what the k-th one
    /// got before.
    pub(crate) fn take(&mut self, number: u32) -> Option<Place> {
        let first = number as usize;
        let key = self.entries[first].key;
        let mut at = first;
        if !self.is_at(first + 1, key) {
            let (word, bit) = (first / 64, 1 << (first % 64));
            let is_taken = self.taken[word] & bit != 0;
            self.taken[word] |= bit;
            return self.place_at(first, key).filter(|_| !is_taken);
        }
        let passed = self.passed.get(&number).copied().unwrap_or_default();
        at += passed as usize;
        while self.is_at(at, key) && self.gone.contains(&self.entries[at].unit) {
            at += 1;
        }
        let passed = at + 1 - first;
        self.passed.insert(number, u32::try_from(passed).unwrap_or(u32::MAX));
        self.place_at(at, key)
    }

    /// The first results for rows with the key of this first entry, whoever has taken them.
    pub(crate) fn first_of(&self, number: u32) -> Option<Place> {
        let mut at = number as usize;
        let key = self.entries[at].key;
        while self.is_at(at, key) && self.gone.contains(&self.entries[at].unit) {
            at += 1;
        }
        self.place_at(at, key)
    }

    /// Nothing of a unit is found any more.
    pub(crate) fn lose(&mut self, unit: u32) {
        self.gone.insert(unit);
    }

    fn place_at(&self, at: usize, key: [u64; 2]) -> Option<Place> {
        let entry = self.entries.get(at).filter(|entry| entry.key == key)?;
        let place = Place { unit: entry.unit, row: entry.row };
        (!self.gone.contains(&entry.unit)).then_some(place)
    }

    fn is_at(&self, at: usize, key: [u64; 2]) -> bool {
        self.entries.get(at).is_some_and(|entry| entry.key == key)
    }

    fn place(&self, key: [u64; 2]) -> usize {
        let place = key[0].checked_shr(self.shift).unwrap_or_default();
        usize::try_from(place).unwrap_or_default()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "each half of the bits")]
fn halves(key: Key) -> [u64; 2] {
    [(key >> u64::BITS) as u64, key as u64]
}

fn is_less(one: [u64; 2], other: [u64; 2]) -> bool {
    let whole = |[high, low]: [u64; 2]| Key::from(high) << u64::BITS | Key::from(low);
    whole(one) < whole(other)
}

#[cfg(test)]
mod tests;
