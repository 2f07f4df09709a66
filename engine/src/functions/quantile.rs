//! `quantile`: the value below which a part of the values lie, between two of them if need be.
//!
//! DataFusion's `percentile_cont` rounds the place between two values to six digits, and the median of whole numbers to a
//! whole number.

use std::collections::VecDeque;
use std::mem::{size_of, size_of_val};
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, Float64Array, ListArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type};
use datafusion::common::{Result, ScalarValue, exec_err, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use crate::kind::kind_name;

#[cfg(test)]
mod tests;

/// `quantile(values, part)`, to be called or registered.
pub(super) static QUANTILE: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(AggregateUDF::from(Quantile { signature }))
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct Quantile {
    signature: Signature,
}

impl AggregateUDFImpl for Quantile {
    fn name(&self) -> &'static str {
        "quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        let [values, part] = arguments else {
            return plan_err!("a quantile is one of values, at a part of them");
        };
        match [values, part].into_iter().find(|kind| !kind.is_numeric() && !kind.is_null()) {
            Some(other) => plan_err!(
                "medians and quantiles between values are those of numbers, this is {}; hint: \
                 `quantile_disc(x, 0.5)` is one of any values",
                kind_name(other)
            ),
            None => Ok(vec![DataType::Float64; 2]),
        }
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let part = args.exprs.get(1).and_then(|part| part.downcast_ref::<Literal>());
        let part = part.map(|part| part.value().cast_to(&DataType::Float64)).transpose()?;
        match part {
            Some(ScalarValue::Float64(Some(part))) if (0.0..=1.0).contains(&part) => {
                Ok(Box::new(Values { part, seen: VecDeque::new() }))
            }
            _ => exec_err!("the part of a quantile is a constant from 0 to 1"),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "quantile");
        Ok(vec![Arc::new(Field::new(name, DataType::List(item()), true))])
    }
}

fn item() -> FieldRef {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// All values of a group, in the order in which they came, so that they can leave in it.
#[derive(Debug)]
struct Values {
    part: f64,
    seen: VecDeque<Option<f64>>,
}

impl Accumulator for Values {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.seen.extend(values[0].as_primitive::<Float64Type>());
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        drop(self.seen.drain(..values[0].len().min(self.seen.len())));
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for values in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[values])?;
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Float64Array = self.seen.iter().flatten().copied().map(Some).collect();
        let offsets = OffsetBuffer::from_lengths([values.len()]);
        let list = ListArray::try_new(item(), offsets, Arc::new(values), None)?;
        Ok(vec![ScalarValue::List(Arc::new(list))])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let values = self.seen.iter().flatten().copied().collect();
        Ok(ScalarValue::Float64(quantile(values, self.part)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.seen.capacity() * size_of::<Option<f64>>()
    }
}

fn quantile(mut values: Vec<f64>, part: f64) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let place = part * (values.len().checked_sub(1)? as f64);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a place")]
    let (before, after) = (place.floor() as usize, place.ceil() as usize);
    let (low, high) = (*values.get(before)?, *values.get(after)?);
    let between = place.fract();
    // An infinite value has no distance to itself.
    if between == 0.0 || low.total_cmp(&high).is_eq() {
        return Some(low);
    }
    Some(low * (1.0 - between) + high * between)
}
