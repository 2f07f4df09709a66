//! `sum`: DataFusion's, but the sum of whole numbers or decimals that does not fit its type is an error and not another
//! number.
//!
//! They are added up in twice as many bits, so that only the result counts and not what it was on the way. Decimals are
//! added up in 128 bits, which is faster, as long as these are enough.

mod distinct;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::mem::size_of;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    ArrowNumericType, ArrowPrimitiveType, DECIMAL128_MAX_PRECISION, DECIMAL256_MAX_PRECISION,
    DataType, Decimal128Type, Decimal256Type, DecimalType, Field, FieldRef, Int64Type, UInt64Type,
    i256,
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
use distinct::SlidingDistinct;

/// `sum`, to be called or registered.
pub(super) static SUM: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::from(ExactSum(Sum::new()))));

#[derive(Debug, PartialEq, Eq)]
struct ExactSum(Sum);

/// WHY: a plan of thousands of sums hashes each of them thousands of times, and a signature is long. All are equal.
impl Hash for ExactSum {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}

/// Calls `$make` for the type of an exact sum, or `$otherwise` for any other sum.
macro_rules! for_exact {
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
            DataType::Decimal128(..) if !$args.is_distinct => {
                type $kind = Decimal128Type;
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
        for_exact!(args, T => Total::<T>::new(&args), self.0.accumulator(args))
    }

    fn create_sliding_accumulator(
        &self,
        mut args: AccumulatorArgs,
    ) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            args.is_distinct = false;
            let sum = self.create_sliding_accumulator(args)?;
            return Ok(Box::new(SlidingDistinct::new(sum)));
        }
        for_exact!(args, T => Total::<T>::new(&args), self.0.create_sliding_accumulator(args))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.0.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        for_exact!(args, T => Totals::<T>::new(&args), self.0.create_groups_accumulator(args))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let state = match args.return_field.data_type() {
            _ if args.is_distinct => return self.0.state_fields(args),
            DataType::Int64 => Int64Type::STATE,
            DataType::UInt64 => UInt64Type::STATE,
            DataType::Decimal128(..) => <Decimal128Type as Summed>::STATE,
            _ => return self.0.state_fields(args),
        };
        Ok(vec![Arc::new(Field::new(format_state_name(args.name, "sum"), state, true))])
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

/// The number type of a sum.
type Wide<T> = <<T as Summed>::State as ArrowPrimitiveType>::Native;

/// What is added up exactly: 64-bit whole numbers in 128 bits, decimals in 256.
trait Summed: ArrowNumericType + Send + Sync {
    /// The column of partial sums.
    type State: ArrowNumericType + Send;

    /// Its type. A decimal's scale is not told: it is the same for all sums.
    const STATE: DataType;

    /// The value in 128 bits, which are enough for each.
    fn near(value: Self::Native) -> i128;

    fn widen(near: i128) -> Wide<Self>;

    /// The sum as a value of `kind`, if it has one.
    fn narrow(sum: Wide<Self>, kind: &DataType) -> Option<Self::Native>;

    fn add(sum: Wide<Self>, value: Wide<Self>) -> Wide<Self>;

    fn subtract(sum: Wide<Self>, value: Wide<Self>) -> Wide<Self>;
}

/// [`Summed`] for 64-bit whole numbers.
macro_rules! sum_whole_numbers {
    ($kind:ty) => {
        impl Summed for $kind {
            type State = Decimal128Type;

            const STATE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

            fn near(value: Self::Native) -> i128 {
                value.into()
            }

            fn widen(near: i128) -> i128 {
                near
            }

            fn narrow(sum: i128, _kind: &DataType) -> Option<Self::Native> {
                sum.try_into().ok()
            }

            fn add(sum: i128, value: i128) -> i128 {
                sum + value
            }

            fn subtract(sum: i128, value: i128) -> i128 {
                sum - value
            }
        }
    };
}

sum_whole_numbers!(Int64Type);
sum_whole_numbers!(UInt64Type);

impl Summed for Decimal128Type {
    type State = Decimal256Type;

    const STATE: DataType = DataType::Decimal256(DECIMAL256_MAX_PRECISION, 0);

    fn near(value: i128) -> i128 {
        value
    }

    fn widen(near: i128) -> i256 {
        i256::from_i128(near)
    }

    fn narrow(sum: i256, kind: &DataType) -> Option<i128> {
        let DataType::Decimal128(precision, scale) = kind else {
            return None;
        };
        let sum = sum.to_i128()?;
        Self::validate_decimal_precision(sum, *precision, *scale).is_ok().then_some(sum)
    }

    // More rows than can be are needed to overflow.
    fn add(sum: i256, value: i256) -> i256 {
        sum.wrapping_add(value)
    }

    fn subtract(sum: i256, value: i256) -> i256 {
        sum.wrapping_sub(value)
    }
}

/// The sum as a value of its type, or the error that it has none.
fn narrowed<T: Summed>(sum: Wide<T>, kind: &DataType, title: &str) -> Result<T::Native> {
    T::narrow(sum, kind).ok_or_else(|| overflow(title, kind))
}

/// One sum.
struct Total<T: Summed> {
    sum: Wide<T>,
    /// How many values are in it; without one, the sum is null.
    count: usize,
    title: String,
    kind: DataType,
}

impl<T: Summed> Total<T> {
    fn new(args: &AccumulatorArgs) -> Self {
        let (title, kind) = (title(args), args.return_type().clone());
        Self { sum: Wide::<T>::default(), count: 0, title, kind }
    }
}

impl<T: Summed> fmt::Debug for Total<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Total({})", self.title)
    }
}

/// Adds a value to a sum of few bits; if it does not fit, gives what was there and begins anew.
fn add_near(sum: &mut i128, value: i128) -> Option<i128> {
    let (next, overflows) = sum.overflowing_add(value);
    let full = overflows.then_some(*sum);
    *sum = if overflows { value } else { next };
    full
}

/// The sum of a column of values, and how many there are.
fn added<T: Summed>(values: &PrimitiveArray<T>) -> (Wide<T>, usize) {
    let (mut near, mut far) = (0, Wide::<T>::default());
    let mut add = |value| {
        if let Some(full) = add_near(&mut near, T::near(value)) {
            far = T::add(far, T::widen(full));
        }
    };
    match values.null_count() {
        0 => values.values().iter().copied().for_each(&mut add),
        _ => values.iter().flatten().for_each(&mut add),
    }
    (T::add(far, T::widen(near)), values.len() - values.null_count())
}

impl<T: Summed> Accumulator for Total<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added::<T>(values[0].as_primitive());
        self.sum = T::add(self.sum, sum);
        self.count += count;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added::<T>(values[0].as_primitive());
        self.sum = T::subtract(self.sum, sum);
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let sums = states[0].as_primitive::<T::State>();
        self.sum = sums.iter().flatten().fold(self.sum, T::add);
        self.count += sums.len() - sums.null_count();
        Ok(())
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let sum = (self.count > 0).then_some(self.sum);
        Ok(vec![ScalarValue::new_primitive::<T::State>(sum, &T::STATE)?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = (self.count > 0).then(|| narrowed::<T>(self.sum, &self.kind, &self.title));
        ScalarValue::new_primitive::<T>(sum.transpose()?, &self.kind)
    }

    fn size(&self) -> usize {
        size_of::<Self>() + self.title.capacity()
    }
}

/// One sum a group.
struct Totals<T: Summed> {
    /// Sums of values, as far as they fit.
    near: Vec<i128>,
    /// Sums of what did not, and of sums that came; empty as long as there are none.
    far: Vec<Wide<T>>,
    seen: NullState,
    title: String,
    kind: DataType,
}

impl<T: Summed> Totals<T> {
    fn new(args: &AccumulatorArgs) -> Self {
        let (title, kind) = (title(args), args.return_type().clone());
        Self { near: Vec::new(), far: Vec::new(), seen: NullState::new(), title, kind }
    }

    fn take(&mut self, emitted: EmitTo) -> Vec<Wide<T>> {
        let count = self.near.len().max(self.far.len());
        self.near.resize(count, 0);
        let near = emitted.take_needed(&mut self.near).into_iter().map(T::widen);
        if self.far.is_empty() {
            return near.collect();
        }
        self.far.resize(count, Wide::<T>::default());
        let far = emitted.take_needed(&mut self.far);
        near.zip(far).map(|(near, far)| T::add(far, near)).collect()
    }
}

fn state<T: Summed>(sums: Vec<Wide<T>>, nulls: Option<NullBuffer>) -> Vec<ArrayRef> {
    let sums = PrimitiveArray::<T::State>::new(sums.into(), nulls);
    vec![Arc::new(sums.with_data_type(T::STATE))]
}

impl<T: Summed> GroupsAccumulator for Totals<T> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.near.resize(count, 0);
        let (near, far, values) = (&mut self.near, &mut self.far, values[0].as_primitive::<T>());
        self.seen.accumulate(groups, values, filter, count, |group, value| {
            if let Some(full) = add_near(&mut near[group], T::near(value)) {
                far.resize(count, Wide::<T>::default());
                far[group] = T::add(far[group], T::widen(full));
            }
        });
        Ok(())
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        count: usize,
    ) -> Result<()> {
        self.far.resize(count, Wide::<T>::default());
        let (far, states) = (&mut self.far, states[0].as_primitive::<T::State>());
        self.seen.accumulate(groups, states, filter, count, |group, sum| {
            far[group] = T::add(far[group], sum);
        });
        Ok(())
    }

    fn evaluate(&mut self, emitted: EmitTo) -> Result<ArrayRef> {
        let sums = self.take(emitted);
        let nulls = self.seen.build(emitted);
        let narrow = |sum| narrowed::<T>(sum, &self.kind, &self.title);
        let sums: Vec<T::Native> = sums.into_iter().map(narrow).collect::<Result<_>>()?;
        let sums = PrimitiveArray::<T>::new(sums.into(), nulls);
        Ok(Arc::new(sums.with_data_type(self.kind.clone())))
    }

    fn state(&mut self, emitted: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = self.take(emitted);
        Ok(state::<T>(sums, self.seen.build(emitted)))
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = values[0].as_primitive::<T>();
        let chosen = filter.map(|filter| filter.iter().map(|kept| kept == Some(true)).collect());
        let nulls = NullBuffer::union(values.nulls(), chosen.as_ref());
        Ok(state::<T>(
            values.values().iter().map(|value| T::widen(T::near(*value))).collect(),
            nulls,
        ))
    }

    fn supports_convert_to_state(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        self.near.capacity() * size_of::<i128>()
            + self.far.capacity() * size_of::<Wide<T>>()
            + self.seen.size()
    }
}
