//! [`OfRun`]: what the run itself computed, for a function that is called once for equal arguments.
//!
//! Rows are numbered as they are computed. Those of the units that are durable are read from there, those of the one that
//! is not from memory.

use arrow::array::RecordBatch;
use udf_runtime::RowFailure;

use super::{Cut, Known, Origin, by_row, sums};
use crate::checkpoint::ledger::UnitName;
use crate::checkpoint::unit::UnitKeys;

#[derive(Debug, Default)]
pub(super) struct OfRun {
    made: Vec<Known>,
    /// Where the rows of each end.
    ends: Vec<u32>,
    /// What is in memory.
    making: Making,
}

#[derive(Debug, Default)]
struct Making {
    cut: Cut,
    rows: Vec<RecordBatch>,
}

impl Cut {
    /// Results in batches of these rows; of each row how many there are, none: each has one.
    pub(crate) fn new(results: Vec<u64>, rows: &[RecordBatch], failures: Vec<RowFailure>) -> Self {
        let batches = sums(rows.iter().map(|batch| batch.num_rows() as u64).collect());
        Self { ends: sums(results), batches, failures: by_row(failures) }
    }
}

impl OfRun {
    /// The unit, and the row there, of a row that was computed.
    pub(super) fn place(&self, row: u32) -> (u32, u32) {
        let unit = self.ends.partition_point(|end| *end <= row);
        let from = unit.checked_sub(1).map_or(0, |before| self.ends[before]);
        (u32::try_from(unit).unwrap_or(u32::MAX), row - from)
    }

    pub(super) fn made(&mut self, name: UnitName, keys: UnitKeys, failing: &str) {
        let UnitKeys { keys, results, facts } = keys;
        let failures = by_row(facts.failures(failing).0);
        let cut = Cut { ends: sums(results), batches: sums(facts.batches), failures };
        let rows = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        let before = self.ends.last().copied().unwrap_or_default();
        self.made.push(Known { name, origin: Origin::Now, cut, columns: facts.columns });
        self.ends.push(before.saturating_add(rows));
        self.making = Making::default();
    }

    pub(super) fn is_making(&mut self, cut: Cut, rows: Vec<RecordBatch>) {
        self.making = Making { cut, rows };
    }

    pub(super) fn cut(&self, unit: usize) -> &Cut {
        self.made.get(unit).map_or(&self.making.cut, |unit| &unit.cut)
    }

    pub(super) fn name(&self, unit: usize) -> &UnitName {
        &self.made[unit].name
    }

    /// A batch of a unit that is in memory.
    pub(super) fn batch(&self, unit: usize, number: u32) -> Option<RecordBatch> {
        let batch = self.making.rows.get(number as usize)?;
        (unit == self.made.len()).then(|| batch.clone())
    }
}
