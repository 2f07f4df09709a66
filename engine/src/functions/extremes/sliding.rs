//! [`SlidingExtreme`]: the largest or smallest value of a frame that moves.
//!
//! DataFusion's (54) forgets nulls for `min`: it keeps a value that has left the frame when no other has come.

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::mem::{size_of, size_of_val};

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::Accumulator;

use crate::functions::moments::nanoseconds_of;

/// Values that may still become the extreme, in the order of their rows: each replaces those after it.
#[derive(Debug)]
pub(super) struct SlidingExtreme {
    /// How a value compares to one that it replaces.
    replaces: Ordering,
    kind: DataType,
    candidates: VecDeque<(u64, ScalarValue)>,
    /// Whether nothing leaves the frame.
    stands: bool,
    /// The row that the frame begins with, and the one that comes next.
    first: u64,
    next: u64,
}

impl SlidingExtreme {
    pub(super) fn new(replaces: Ordering, kind: DataType) -> Self {
        Self { replaces, kind, candidates: VecDeque::new(), stands: false, first: 0, next: 0 }
    }

    /// The extreme of all values.
    pub(super) fn standing(self) -> Self {
        Self { stands: true, ..self }
    }

    fn push(&mut self, value: ScalarValue) {
        while let Some((_, last)) = self.candidates.back()
            && order(&value, last).is_none_or(|order| order.is_eq() || order == self.replaces)
        {
            self.candidates.pop_back();
        }
        if !self.stands || self.candidates.is_empty() {
            self.candidates.push_back((self.next, value));
        }
    }
}

fn order(left: &ScalarValue, right: &ScalarValue) -> Option<Ordering> {
    use ScalarValue::IntervalMonthDayNano as Interval;
    match (left, right) {
        (Interval(Some(left)), Interval(Some(right))) => {
            Some(nanoseconds_of(*left).cmp(&nanoseconds_of(*right)))
        }
        _ => left.partial_cmp(right),
    }
}

impl Accumulator for SlidingExtreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in 0..values[0].len() {
            if values[0].is_valid(row) {
                self.push(ScalarValue::try_from_array(&values[0], row)?);
            }
            self.next += 1;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.first += values[0].len() as u64;
        while self.candidates.front().is_some_and(|(row, _)| *row < self.first) {
            self.candidates.pop_front();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        match self.candidates.front() {
            Some((_, value)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.kind),
        }
    }

    fn size(&self) -> usize {
        let values = self.candidates.iter().map(|(_, value)| value.size() + size_of::<u64>());
        size_of_val(self) + values.sum::<usize>()
    }
}
