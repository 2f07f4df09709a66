//! `sum`: DataFusion's, but the sum of whole numbers that does not fit its type is an error and not another number.
//!
//! Whole numbers are added up in 128 bits, so that only the result counts and not what it was on the way.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::mem::size_of;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowNumericType, DECIMAL128_MAX_PRECISION, DataType, Decimal128Type, Field, FieldRef,
    Int64Type, UInt64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF,
    SetMonotonicity, Signature,
};
use datafusion::physical_expr::NullState;
use datafusion::physical_expr::expressions::Column;

use super::overflow;

/// `sum`, to be called or registered.
pub(super) static SUM: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::from(ExactSum(Sum::new()))));

/// 128 bits between partial and final sums.
const STATE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

#[derive(Debug, PartialEq, Eq)]
struct ExactSum(Sum);

/// WHY: a plan of thousands of sums hashes each of them thousands of times, and a signature is long. All are equal.
impl Hash for ExactSum {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// Calls `$make` for the integer type of a sum, or `$otherwise` for any other sum.
macro_rules! for_integers {
    ($args:ident, $kind:ident => $make:expr, $otherwise:expr) => {
        match $args.return_type() {
            DataType::Int64 if !$args.is_distinct => {
                type $kind = Int64Type;
                Ok(Box::new($make))
            }
            DataType::UInt64 if !$args.is_distinct => {
                type $kind = UInt64Type;
                Ok(Box::new($make))
            }
            _ => $otherwise,
        }
    };
}

impl AggregateUDFImpl for ExactSum {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.0.return_type(arguments)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        for_integers!(args, T => Total::<T>::new(&args), self.0.accumulator(args))
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        for_integers!(args, T => Total::<T>::new(&args), self.0.create_sliding_accumulator(args))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        for_integers!(args, T => Totals::<T>::new(&args), self.0.create_groups_accumulator(args))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct || !args.return_field.data_type().is_integer() {
            return self.0.state_fields(args);
        }
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), STATE, true))])
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.reverse_expr()
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.order_sensitivity()
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.0.set_monotonicity(kind)
    }
}

/// What is added up, for the message.
fn title(args: &AccumulatorArgs) -> String {
    let shown = args.exprs.iter().map(|argument| match argument.downcast_ref::<Column>() {
        Some(column) => column.name().to_owned(),
        None => argument.to_string(),
    });
    format!("sum({})", shown.collect::<Vec<_>>().join(", "))
}

fn narrow<T: Whole>(sum: i128, title: &str) -> Result<T::Native> {
    T::Native::try_from(sum).map_err(|_out_of_range| overflow(title, &T::DATA_TYPE))
}

/// 64-bit whole numbers.
trait Whole: ArrowNumericType<Native: Into<i128> + TryFrom<i128>> + Send + Sync {}

impl Whole for Int64Type {}
impl Whole for UInt64Type {}

/// One sum.
struct Total<T> {
    sum: i128,
    /// How many values are in it; without one, the sum is null.
    count: usize,
    title: String,
    kind: PhantomData<T>,
}

impl<T> Total<T> {
    fn new(args: &AccumulatorArgs) -> Self {
        Self { sum: 0, count: 0, title: title(args), kind: PhantomData }
    }
}

impl<T> fmt::Debug for Total<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Total({})", self.title)
    }
}

fn added<T: ArrowNumericType<Native: Into<i128>>>(values: &PrimitiveArray<T>) -> (i128, usize) {
    let sum = match values.null_count() {
        0 => values.values().iter().map(|value| (*value).into()).sum(),
        _ => values.iter().flatten().map(Into::into).sum::<i128>(),
    };
    (sum, values.len() - values.null_count())
}

impl<T: Whole> Accumulator for Total<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added(values[0].as_primitive::<T>());
        self.sum += sum;
        self.count += count;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added(values[0].as_primitive::<T>());
        self.sum -= sum;
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added(states[0].as_primitive::<Decimal128Type>());
        self.sum += sum;
        self.count += count;
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = (self.count > 0).then_some(self.sum);
        Ok(vec![ScalarValue::Decimal128(sum, DECIMAL128_MAX_PRECISION, 0)])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = if self.count > 0 { Some(narrow::<T>(self.sum, &self.title)?) } else { None };
        ScalarValue::new_primitive::<T>(sum, &T::DATA_TYPE)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.title.capacity()
    }
}

/// One sum a group.
struct Totals<T> {
    sums: Vec<i128>,
    seen: NullState,
    title: String,
    kind: PhantomData<T>,
}

impl<T> Totals<T> {
    fn new(args: &AccumulatorArgs) -> Self {
        Self { sums: Vec::new(), seen: NullState::new(), title: title(args), kind: PhantomData }
    }

    fn add<V: ArrowNumericType<Native: Into<i128>> + Send>(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) {
        self.sums.resize(count, 0);
        let (sums, values) = (&mut self.sums, values.as_primitive::<V>());
        self.seen.accumulate(groups, values, filter, count, |group, value: V::Native| {
            sums[group] += value.into();
        });
    }
}

fn state(sums: Vec<i128>, nulls: Option<NullBuffer>) -> Vec<ArrayRef> {
    vec![Arc::new(Decimal128Array::new(sums.into(), nulls).with_data_type(STATE))]
}

impl<T: Whole> GroupsAccumulator for Totals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.add::<T>(&values[0], groups, filter, count);
        Ok(())
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.add::<Decimal128Type>(&states[0], groups, filter, count);
        Ok(())
    }

    fn evaluate(&mut self, emitted: EmitTo) -> Result<ArrayRef> {
        let sums = emitted.take_needed(&mut self.sums);
        let nulls = self.seen.build(emitted);
        let sums: Vec<T::Native> =
            sums.into_iter().map(|sum| narrow::<T>(sum, &self.title)).collect::<Result<_>>()?;
        Ok(Arc::new(PrimitiveArray::<T>::new(sums.into(), nulls)))
    }

    fn state(&mut self, emitted: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emitted.take_needed(&mut self.sums);
        Ok(state(sums, self.seen.build(emitted)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let chosen = filter.map(|filter| filter.iter().map(|kept| kept == Some(true)).collect());
        let nulls = NullBuffer::union(values.nulls(), chosen.as_ref());
        Ok(state(values.values().iter().map(|value| (*value).into()).collect(), nulls))
    }

    fn supports_convert_to_state(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.seen.size()
    }
}
