//! [`Index`]: which kept results are those of which arguments, in memory and compact.
//!
//! Rows are numbered through all units. Mostly they come again in the order in which they were computed: then each is the
//! one behind the row that was found last, and nothing is searched. Others are searched by a table: keys are digests, so
//! they are spread evenly, and the leading bits of one lead to the numbers of the few rows whose keys begin like it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use arrow::array::BooleanBufferBuilder;

use super::keys::Key;

/// So many rows share a place in the table, about.
const ROWS_A_PLACE: usize = 4;

/// The bits that tell places of one part of the table apart.
const PART_BITS: u32 = 13;

/// So many keys lie in one piece of memory: more of them are added without copies of those that are there.
const KEYS_A_PIECE: usize = 1 << 16;

/// So many keys are searched before the next one is tried behind the row that was found last.
const AT_ONCE: usize = 64;

/// So many rows at one place are not all looked at.
const MANY_ROWS: usize = 32;

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

/// What is kept, and what of it the run has taken.
#[derive(Debug)]
pub(crate) struct Index {
    rows: Rows,
    /// The rows that count, sorted by their keys: the number of each, and above it, as far as there is room, the bits of its
    /// key behind those that lead to its place in the table.
    sorted: Vec<u32>,
    /// Which bits of these are the number.
    number: u32,
    /// Where in that order each value of the leading bits of keys begins, and behind the last one how many rows there are.
    table: Vec<u32>,
    /// How many bits lead.
    bits: u32,
    /// Of each row whether it counts and no other has its key.
    alone: BooleanBufferBuilder,
    /// Of these whether it was taken.
    taken: BooleanBufferBuilder,
    /// Of keys with several rows, by the first of these: where in the order the next one is.
    next: HashMap<u32, u32>,
    /// Units that turned out to be damaged.
    gone: HashSet<u32>,
    /// The row behind the one that was found last.
    behind: u32,
}

/// Collects units.
#[derive(Debug)]
pub(crate) struct IndexBuilder {
    rows: Rows,
    /// Which rows count.
    count: BooleanBufferBuilder,
    /// When the units were written.
    times: Vec<u64>,
    /// For units that replace older ones: since when.
    replaces: HashMap<u32, u64>,
}

/// All rows.
#[derive(Debug, Default)]
struct Rows {
    /// Their keys.
    pieces: Vec<Vec<Key>>,
    /// The number of the first row of each unit.
    firsts: Vec<u32>,
    /// How many there are.
    all: u32,
}

impl Rows {
    /// Adds a unit; its number.
    fn push(&mut self, keys: &[Key]) -> u32 {
        self.firsts.push(self.all);
        self.all += index(keys.len());
        let mut rest = keys;
        while !rest.is_empty() {
            let room = self.pieces.last().map_or(0, |piece| KEYS_A_PIECE - piece.len());
            if room == 0 {
                self.pieces.push(Vec::with_capacity(KEYS_A_PIECE));
            }
            let (some, others) = rest.split_at(room.min(rest.len()));
            self.pieces.last_mut().into_iter().for_each(|piece| piece.extend_from_slice(some));
            rest = others;
        }
        index(self.firsts.len() - 1)
    }

    fn key(&self, row: u32) -> Key {
        self.pieces[row as usize / KEYS_A_PIECE][row as usize % KEYS_A_PIECE]
    }

    fn place(&self, row: u32) -> Place {
        // Units without rows begin where the next one does, which is behind them.
        let unit = self.firsts.partition_point(|first| *first <= row).saturating_sub(1);
        Place { unit: index(unit), row: row - self.firsts[unit] }
    }

    /// The numbers and keys of the rows that count, the last one first.
    fn backwards(&self, count: &BooleanBufferBuilder, mut each: impl FnMut(u32, Key)) {
        let mut row = self.all;
        for key in self.pieces.iter().rev().flat_map(|piece| piece.iter().rev()) {
            row -= 1;
            if count.get_bit(row as usize) {
                each(row, *key);
            }
        }
    }
}

impl IndexBuilder {
    pub(crate) fn new() -> Self {
        let count = bits_of(0, true);
        Self { rows: Rows::default(), count, times: Vec::new(), replaces: HashMap::new() }
    }

    /// Adds a unit that was written at a time, with the keys of its rows and those rows that do not count; what replaces
    /// others says since when.
    pub(crate) fn unit(
        &mut self,
        keys: &[Key],
        without: impl IntoIterator<Item = u32>,
        time: u64,
        replaces: Option<u64>,
    ) {
        let first = self.count.len();
        self.count.append_n(keys.len(), true);
        for row in without.into_iter().map(|row| row as usize).filter(|row| *row < keys.len()) {
            self.count.set_bit(first + row, false);
        }
        let unit = self.rows.push(keys);
        self.times.push(time);
        self.replaces.extend(replaces.map(|since| (unit, since)));
    }

    /// Bytes that so many rows, and finishing, take.
    pub(crate) fn bytes(rows: usize) -> usize {
        let table = rows / ROWS_A_PLACE * size_of::<u32>();
        rows * (size_of::<Key>() + size_of::<u32>()) + table + rows / 4
    }

    pub(crate) fn finish(mut self) -> Index {
        if !self.replaces.is_empty() {
            self.leave_out_replaced();
        }
        let Self { rows, count, .. } = self;
        let bits = (rows.all as usize / ROWS_A_PLACE).max(2).ilog2();
        let mut index = Index {
            sorted: Vec::new(),
            number: u32::MAX >> rows.all.max(1).leading_zeros(),
            table: vec![0; (1 << bits) + 1],
            bits,
            taken: bits_of(count.len(), false),
            alone: count,
            next: HashMap::new(),
            gone: HashSet::new(),
            behind: 0,
            rows,
        };
        index.sort();
        index
    }

    /// Leaves out results that were computed before somebody had them computed again.
    fn leave_out_replaced(&mut self) {
        let Self { rows, count, times, replaces } = self;
        let mut since: HashMap<Key, u64> = HashMap::new();
        rows.backwards(count, |row, key| {
            if let Some(time) = replaces.get(&rows.place(row).unit) {
                let known = since.entry(key).or_default();
                *known = (*known).max(*time);
            }
        });
        let mut replaced = Vec::new();
        rows.backwards(count, |row, key| {
            let time = times[rows.place(row).unit as usize];
            if since.get(&key).is_some_and(|since| time < *since) {
                replaced.push(row as usize);
            }
        });
        replaced.into_iter().for_each(|row| count.set_bit(row, false));
    }
}

impl Index {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// Sorts the rows by their keys, those of one key by their numbers: the order in which they were computed.
    ///
    /// WHY: not by comparing keys, which lie anywhere: rows are put at their places, and those of a place are in order by the
    /// bits that stand beside their numbers. Only where these are the same are there keys to compare.
    fn sort(&mut self) {
        let mut sorted = self.at_their_places();
        let Self { rows, number, alone, table, .. } = self;
        let key = |row: &u32| rows.key(row & *number);
        for place in table.windows(2) {
            let of_place = &mut sorted[place[0] as usize..place[1] as usize];
            of_place.sort_unstable();
            let alike = of_place.chunk_by_mut(|one, other| (one ^ other) & !*number == 0);
            for alike in alike.filter(|alike| alike.len() > 1) {
                alike.sort_by_key(key);
                let equal = alike.chunk_by(|one, other| key(one) == key(other));
                for row in equal.filter(|equal| equal.len() > 1).flatten() {
                    alone.set_bit((row & *number) as usize, false);
                }
            }
        }
        self.sorted = sorted;
    }

    /// The rows in the order of their places, which the table tells then.
    ///
    /// WHY: first by parts of the table, which the processor's cache has room for: where the next row belongs is anywhere.
    fn at_their_places(&mut self) -> Vec<u32> {
        let Self { rows, number, bits, alone, table, .. } = self;
        let in_part = PART_BITS.min(*bits);
        let part_of = |key| place(key, *bits) >> in_part;
        let mut parts = vec![0; (1 << (*bits - in_part)) + 1];
        rows.backwards(alone, |_, key| parts[part_of(key)] += 1);
        let all = add_up(&mut parts, 0) as usize;
        let (mut sorted, mut places) = (vec![0; all], vec![0_u16; all]);
        // Filled from its end, each part then begins where its end was.
        rows.backwards(alone, |row, key| {
            let at = &mut parts[part_of(key)];
            *at -= 1;
            sorted[*at as usize] = beside(key, *bits) & !*number | row;
            let place = place(key << (*bits - in_part), in_part);
            places[*at as usize] = u16::try_from(place).unwrap_or_default();
        });
        let mut of_part: Vec<u32> = Vec::new();
        for (part, table) in parts.windows(2).zip(table.chunks_mut(1 << in_part)) {
            let here = part[0] as usize..part[1] as usize;
            of_part.clear();
            of_part.extend_from_slice(&sorted[here.clone()]);
            let places = places[here].iter().map(|place| usize::from(*place));
            places.clone().for_each(|place| table[place] += 1);
            add_up(table, part[0]);
            for (row, place) in of_part.iter().zip(places) {
                table[place] -= 1;
                sorted[table[place] as usize] = *row;
            }
        }
        table.last_mut().into_iter().for_each(|end| *end = index(all));
        sorted
    }

    /// Of each key the number of its first row.
    pub(crate) fn firsts(&mut self, keys: &[Key]) -> Vec<Option<u32>> {
        let mut firsts = Vec::with_capacity(keys.len());
        while firsts.len() < keys.len() {
            self.follow(&keys[firsts.len()..], &mut firsts);
            let rest = &keys[firsts.len()..];
            for at in self.search(&rest[..rest.len().min(AT_ONCE)]) {
                let row = at.map(|at| self.sorted[at] & self.number);
                self.behind = row.map_or(self.behind, |row| row + 1);
                firsts.push(row);
            }
        }
        firsts
    }

    /// Finds the rows of keys as long as each is the one behind the last.
    fn follow(&mut self, keys: &[Key], found: &mut Vec<Option<u32>>) {
        for key in keys {
            let row = self.behind;
            if row >= self.rows.all || self.rows.key(row) != *key || !self.is_alone(row) {
                return;
            }
            found.push(Some(row));
            self.behind = row + 1;
        }
    }

    /// Of each key where in the order its first row is.
    ///
    /// WHY: for many keys at once, step by step: so the memory is asked for many places at the same time, where each search
    /// alone would wait for its own.
    fn search(&self, keys: &[Key]) -> Vec<Option<usize>> {
        let of_place = |key: &Key| {
            let place = place(*key, self.bits);
            self.table[place] as usize..self.table[place + 1] as usize
        };
        let ranges: Vec<Range<usize>> = keys.iter().map(of_place).collect();
        let wanted = |key: &Key| beside(*key, self.bits) & !self.number;
        let alike = |(key, range): (&Key, Range<usize>)| {
            let wanted = wanted(key);
            let is_less = |row: &&u32| *row & !self.number < wanted;
            let before = match &self.sorted[range.clone()] {
                // Many rows may have one key.
                rows if rows.len() >= MANY_ROWS => rows.partition_point(|row| is_less(&row)),
                rows => rows.iter().filter(is_less).count(),
            };
            range.start + before..range.end
        };
        let ranges: Vec<Range<usize>> = keys.iter().zip(ranges).map(alike).collect();
        let first = |(key, range): (&Key, Range<usize>)| {
            let wanted = wanted(key);
            let is_alike = |row: &u32| row & !self.number == wanted;
            let rows = &self.sorted[range.clone()];
            let before = rows.partition_point(|row| is_alike(row) && self.key(row) < *key);
            let row = rows.get(before).filter(|row| is_alike(row))?;
            (self.key(row) == *key).then_some(range.start + before)
        };
        keys.iter().zip(ranges).map(first).collect()
    }

    /// The next results for rows with the key of this first row that nobody has taken: the k-th row gets what the k-th one
    /// got before.
    pub(crate) fn take(&mut self, first: u32) -> Option<Place> {
        if self.is_alone(first) {
            let is_taken = self.taken.get_bit(first as usize);
            self.taken.set_bit(first as usize, true);
            return self.sound(first).filter(|_| !is_taken);
        }
        let key = self.rows.key(first);
        let next = self.next.get(&first).map(|at| *at as usize);
        let (at, place) = self.next_sound(next.or_else(|| self.search(&[key])[0])?, key);
        self.next.insert(first, index(at + 1));
        place
    }

    /// The first results for rows with the key of this first row, whoever has taken them.
    pub(crate) fn first_of(&self, first: u32) -> Option<Place> {
        if self.is_alone(first) {
            return self.sound(first);
        }
        let key = self.rows.key(first);
        self.next_sound(self.search(&[key])[0]?, key).1
    }

    /// Nothing of a unit is found any more.
    pub(crate) fn lose(&mut self, unit: u32) {
        self.gone.insert(unit);
    }

    fn is_alone(&self, row: u32) -> bool {
        self.alone.get_bit(row as usize)
    }

    /// From here on in the order, the first row with this key whose unit is not damaged.
    fn next_sound(&self, mut at: usize, key: Key) -> (usize, Option<Place>) {
        while self.is_at(at, key) {
            let place = self.sound(self.sorted[at] & self.number);
            if place.is_some() {
                return (at, place);
            }
            at += 1;
        }
        (at, None)
    }

    fn is_at(&self, at: usize, key: Key) -> bool {
        self.sorted.get(at).is_some_and(|row| self.key(row) == key)
    }

    fn key(&self, row: &u32) -> Key {
        self.rows.key(row & self.number)
    }

    /// Where the row is, if its unit is not damaged.
    fn sound(&self, row: u32) -> Option<Place> {
        Some(self.rows.place(row)).filter(|place| !self.gone.contains(&place.unit))
    }
}

/// The value of the leading bits.
fn place(key: Key, bits: u32) -> usize {
    usize::try_from(key >> (Key::BITS - bits)).unwrap_or_default()
}

/// The bits behind these.
fn beside(key: Key, bits: u32) -> u32 {
    u32::try_from((key << bits) >> (Key::BITS - u32::BITS)).unwrap_or_default()
}

/// Makes counts the sums up to and with each, from a number on; the last one.
fn add_up(counts: &mut [u32], from: u32) -> u32 {
    counts.iter_mut().fold(from, |sum, count| {
        *count += sum;
        *count
    })
}

fn bits_of(rows: usize, value: bool) -> BooleanBufferBuilder {
    let mut bits = BooleanBufferBuilder::new(rows);
    bits.append_n(rows, value);
    bits
}

/// Whoever adds units makes sure that there are not more.
fn index(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
