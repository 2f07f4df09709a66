//! [`Placed`]: in which kept units the results of a stage's rows lie, told to whoever writes these rows down. Where a unit is a
//! file of columns, the version of a dataset can have that file, and nothing has to be written once more.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::unit::ColumnFile;
use crate::storage::Location;

/// What is told, in the order in which the rows are handed on.
#[derive(Debug, Default)]
pub(crate) struct Placed(Mutex<Told>);

#[derive(Debug, Default)]
struct Told {
    /// How many units there were before the run. Which others are files is known when they are durable.
    found: u32,
    runs: VecDeque<PlacedRows>,
    files: HashMap<u32, UnitFile>,
}

/// Rows that follow each other, and so do their results in a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlacedRows {
    /// The number of the unit; `None` where results are not kept.
    pub(crate) unit: Option<u32>,
    /// The first of the results.
    pub(crate) first: u64,
    pub(crate) rows: u64,
}

/// A unit that is durable, and a file of columns.
#[derive(Clone, Debug)]
pub(crate) struct UnitFile {
    pub(crate) location: Location,
    /// How many results there are.
    pub(crate) rows: u64,
    pub(crate) columns: ColumnFile,
}

impl PlacedRows {
    /// Rows whose results are nowhere.
    pub(crate) fn nowhere(rows: u64) -> Self {
        Self { unit: None, first: 0, rows }
    }

    /// Adds them to those before, if they follow these.
    pub(crate) fn add_to(self, runs: &mut Vec<Self>) {
        match runs.last_mut() {
            Some(last) if last.is_followed_by(&self) => last.rows += self.rows,
            _ => runs.push(self),
        }
    }

    fn is_followed_by(&self, next: &Self) -> bool {
        self.unit == next.unit && (self.unit.is_none() || self.first + self.rows == next.first)
    }
}

impl Placed {
    /// The next rows that are handed on.
    pub(crate) fn hand_on(&self, runs: impl IntoIterator<Item = PlacedRows>) {
        self.told().runs.extend(runs);
    }

    /// The next so many rows of those that were handed on.
    pub(crate) fn take(&self, rows: usize) -> Vec<PlacedRows> {
        let (mut told, mut left, mut taken) = (self.told(), rows as u64, Vec::new());
        while left > 0 {
            let mut run = told.runs.pop_front().unwrap_or_else(|| PlacedRows::nowhere(left));
            if run.rows > left {
                let rest = PlacedRows { first: run.first + left, rows: run.rows - left, ..run };
                told.runs.push_front(rest);
                run.rows = left;
            }
            left -= run.rows;
            taken.push(run);
        }
        taken
    }

    /// So many units were there before the run, of which these are files of columns.
    pub(crate) fn found(&self, units: u32, files: impl Iterator<Item = (u32, UnitFile)>) {
        let mut told = self.told();
        told.found = units;
        told.files.extend(files);
    }

    /// A unit is durable, before the first row behind it is handed on.
    pub(crate) fn made(&self, unit: u32, file: UnitFile) {
        self.told().files.insert(unit, file);
    }

    /// The file of a unit; `None` where it is none of columns, or is not durable.
    pub(crate) fn file(&self, unit: u32) -> Option<UnitFile> {
        self.told().files.get(&unit).cloned()
    }

    /// Whether a unit is such a file, or may be when it is durable.
    pub(crate) fn may_have_file(&self, unit: u32) -> bool {
        let told = self.told();
        unit >= told.found || told.files.contains_key(&unit)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{Placed, PlacedRows};

    fn run(unit: u32, first: u64, rows: u64) -> PlacedRows {
        PlacedRows { unit: Some(unit), first, rows }
    }

    #[test]
    fn rows_are_taken_as_they_come() {
        let placed = Placed::default();
        placed.hand_on([run(0, 0, 5), run(1, 7, 2)]);
        assert_eq!(placed.take(3), [run(0, 0, 3)]);
        assert_eq!(placed.take(3), [run(0, 3, 2), run(1, 7, 1)]);
        // Rows that nobody told of are nowhere.
        assert_eq!(placed.take(2), [run(1, 8, 1), PlacedRows::nowhere(1)]);
    }

    #[test]
    fn rows_that_follow_each_other_are_one_run() {
        let mut runs = Vec::new();
        for next in [run(0, 0, 2), run(0, 2, 1), run(0, 4, 1), run(1, 5, 1), PlacedRows::nowhere(1)]
        {
            next.add_to(&mut runs);
        }
        assert_eq!(runs, [run(0, 0, 3), run(0, 4, 1), run(1, 5, 1), PlacedRows::nowhere(1)]);
    }
}
