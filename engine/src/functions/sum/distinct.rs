//! [`SlidingDistinct`]: the sum of the distinct values of a frame that moves.
//!
//! DataFusion's (54) adds up whole numbers only, and what lies behind nulls; of nothing its sum is 0 (issue 22754).

use std::collections::HashMap;
use std::mem::size_of_val;

use arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

#[derive(Debug)]
pub(super) struct SlidingDistinct {
    /// How often each value is in the frame.
    counts: HashMap<ScalarValue, usize>,
    /// The sum of each of them once.
    sum: Box<dyn Accumulator>,
}

impl SlidingDistinct {
    pub(super) fn new(sum: Box<dyn Accumulator>) -> Self {
        Self { counts: HashMap::new(), sum }
    }
}

impl Accumulator for SlidingDistinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in (0..values[0].len()).filter(|row| values[0].is_valid(*row)) {
            let count = self.counts.entry(ScalarValue::try_from_array(&values[0], row)?);
            let count = count.or_default();
            *count += 1;
            if *count == 1 {
                self.sum.update_batch(&[values[0].slice(row, 1)])?;
            }
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for row in (0..values[0].len()).filter(|row| values[0].is_valid(*row)) {
            let value = ScalarValue::try_from_array(&values[0], row)?;
            let Some(count) = self.counts.get_mut(&value) else { continue };
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&value);
                self.sum.retract_batch(&[values[0].slice(row, 1)])?;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a frame that moves is not merged")
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a frame that moves has no state")
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.sum.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.size() + self.counts.len() * size_of::<(ScalarValue, usize)>()
    }
}
