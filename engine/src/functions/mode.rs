//! `mode`: the value that is most often there, of several the smallest; `histogram`: how often each is, as a map in the
//! order of the values. Nulls do not count.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::mem::size_of_val;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StructArray, UInt64Array, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

/// `mode(values)`, to be registered.
pub(super) static MODE: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::from(Counted { what: What::Mode, signature }))
});

/// `histogram(values)`, to be registered.
pub(super) static HISTOGRAM: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    let signature = Signature::any(1, Volatility::Immutable);
    Arc::new(AggregateUDF::from(Counted { what: What::Histogram, signature }))
});

/// What is made of the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum What {
    Mode,
    Histogram,
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Counted {
    what: What,
    signature: Signature,
}

/// The parts of a map from values to counts.
fn entries(kind: &DataType) -> Fields {
    let key = Field::new("key", kind.clone(), false);
    Fields::from(vec![key, Field::new("value", DataType::UInt64, true)])
}

fn map_of(kind: &DataType) -> FieldRef {
    Arc::new(Field::new("entries", DataType::Struct(entries(kind)), false))
}

/// The type of the values that are counted.
fn counted(result: &DataType) -> DataType {
    match result {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => fields[0].data_type().clone(),
            kind => kind.clone(),
        },
        kind => kind.clone(),
    }
}

impl AggregateUDFImpl for Counted {
    fn name(&self) -> &'static str {
        match self.what {
            What::Mode => "mode",
            What::Histogram => "histogram",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [kind] if !kind.is_nested() => Ok(match self.what {
                What::Mode => kind.clone(),
                What::Histogram => DataType::Map(map_of(kind), false),
            }),
            _ => plan_err!("{} takes values that are no lists or models", self.name()),
        }
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let kind = counted(args.return_field.data_type());
        Ok(Box::new(Counts { what: self.what, kind, seen: HashMap::new() }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list = |part: &str, item: DataType| {
            let name = format_state_name(args.name, part);
            Arc::new(Field::new(name, DataType::new_list(item, true), true))
        };
        let kind = counted(args.return_field.data_type());
        Ok(vec![list("values", kind), list("counts", DataType::Int64)])
    }
}

/// How often each value of a group is there.
#[derive(Debug)]
struct Counts {
    what: What,
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

    /// Null where there are no values.
    fn histogram(&self) -> Result<ScalarValue> {
        let mut counts: Vec<(&ScalarValue, &i64)> = self.seen.iter().collect();
        counts.sort_by(|one, other| one.0.partial_cmp(other.0).unwrap_or(Ordering::Equal));
        let nulls = counts.is_empty().then(|| vec![false].into());
        let keys = match counts.is_empty() {
            true => new_empty_array(&self.kind),
            false => ScalarValue::iter_to_array(counts.iter().map(|(value, _)| (*value).clone()))?,
        };
        let values: UInt64Array = counts.iter().map(|(_, count)| count.unsigned_abs()).collect();
        let offsets = OffsetBuffer::from_lengths([counts.len()]);
        let pairs = StructArray::try_new(entries(&self.kind), vec![keys, Arc::new(values)], None)?;
        let map = MapArray::try_new(map_of(&self.kind), offsets, pairs, nulls, false)?;
        Ok(ScalarValue::Map(Arc::new(map)))
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
        if self.what == What::Histogram {
            return self.histogram();
        }
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
