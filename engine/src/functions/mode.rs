//! `mode`: the value that is most often there; of several the smallest. Nulls do not count.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::mem::size_of_val;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// `mode(values)`, to be registered.
pub(super) static MODE: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::from(Mode { signature }))
});

#[derive(Debug, PartialEq, Eq, Hash)]
struct Mode {
    signature: Signature,
}

impl AggregateUDFImpl for Mode {
    fn name(&self) -> &'static str {
        "mode"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [kind] if !kind.is_nested() => Ok(kind.clone()),
            _ => plan_err!("mode takes values that are no lists or models"),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = args.return_field.data_type().clone();
        Ok(Box::new(Counts { kind, seen: HashMap::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |part: &str, item: DataType| {
            let name = format_state_name(args.name, part);
            Arc::new(Field::new(name, DataType::new_list(item, true), true))
        };
        let kind = args.return_field.data_type().clone();
        Ok(vec![list("values", kind), list("counts", DataType::Int64)])
    }
}

/// How often each value of a group is there.
#[derive(Debug)]
struct Counts {
    kind: DataType,
    seen: HashMap<ScalarValue, i64>,
}

impl Counts {
    fn count(&mut self, values: &ArrayRef, times: impl Fn(usize) -> i64) -> Result<()> {
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let value = ScalarValue::try_from_array(values, row)?;
            *self.seen.entry(value).or_default() += times(row);
        }
        Ok(())
    }
}

impl Accumulator for Counts {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.count(&values[0], |_| 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        for (values, counts) in values.iter().zip(counts.iter()) {
            if let (Some(values), Some(counts)) = (values, counts) {
                let counts = counts.as_primitive::<Int64Type>();
                self.count(&values, |row| counts.value(row))?;
            }
        }
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let (values, counts): (Vec<ScalarValue>, Vec<ScalarValue>) =
            self.seen.drain().map(|(value, count)| (value, ScalarValue::from(count))).unzip();
        let values = ScalarValue::new_list_nullable(&values, &self.kind);
        let counts = ScalarValue::new_list_nullable(&counts, &DataType::Int64);
        Ok(vec![ScalarValue::List(values), ScalarValue::List(counts)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let larger = |one: &(&ScalarValue, &i64), other: &(&ScalarValue, &i64)| {
            let by_value = other.0.partial_cmp(one.0).unwrap_or(Ordering::Equal);
            one.1.cmp(other.1).then(by_value)
        };
        match self.seen.iter().max_by(larger) {
            Some((value, _)) => Ok(value.clone()),
            None => ScalarValue::try_from(&self.kind),
        }
    }

    fn size(&self) -> usize {
        let values: usize = self.seen.keys().map(ScalarValue::size).sum();
        size_of_val(self) + values + self.seen.capacity() * size_of::<(ScalarValue, i64)>()
    }
}
