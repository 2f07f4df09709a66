//! `sum`: DataFusion's, but the sum of whole numbers or decimals that does not fit its type is an error and not another
//! number.
//!
//! They are added up in twice as many bits, so that only the result counts and not what it was on the way.

use std::convert::identity;
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

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
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

    fn widen(value: Self::Native) -> Wide<Self>;

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

            fn widen(value: Self::Native) -> i128 {
                value.into()
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

    fn widen(value: i128) -> i256 {
        i256::from_i128(value)
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

/// The sum of a column whose values become wide by `widen`, and how many there are.
fn added<T: Summed, V: ArrowPrimitiveType>(
    values: &PrimitiveArray<V>,
    widen: fn(V::Native) -> Wide<T>,
) -> (Wide<T>, usize) {
    let add = |sum, value| T::add(sum, widen(value));
    let sum = match values.null_count() {
        0 => values.values().iter().copied().fold(Wide::<T>::default(), add),
        _ => values.iter().flatten().fold(Wide::<T>::default(), add),
    };
    (sum, values.len() - values.null_count())
}

impl<T: Summed> Accumulator for Total<T> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added::<T, T>(values[0].as_primitive(), T::widen);
        self.sum = T::add(self.sum, sum);
        self.count += count;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added::<T, T>(values[0].as_primitive(), T::widen);
        self.sum = T::subtract(self.sum, sum);
        self.count -= count;
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (sum, count) = added::<T, T::State>(states[0].as_primitive(), identity);
        self.sum = T::add(self.sum, sum);
        self.count += count;
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
    sums: Vec<Wide<T>>,
    seen: NullState,
    title: String,
    kind: DataType,
}

impl<T: Summed> Totals<T> {
    fn new(args: &AccumulatorArgs) -> Self {
        let (title, kind) = (title(args), args.return_type().clone());
        Self { sums: Vec::new(), seen: NullState::new(), title, kind }
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
        self.sums.resize(count, Wide::<T>::default());
        let (sums, values) = (&mut self.sums, values[0].as_primitive::<T>());
        self.seen.accumulate(groups, values, filter, count, |group, value| {
            sums[group] = T::add(sums[group], T::widen(value));
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
        self.sums.resize(count, Wide::<T>::default());
        let (sums, states) = (&mut self.sums, states[0].as_primitive::<T::State>());
        self.seen.accumulate(groups, states, filter, count, |group, sum| {
            sums[group] = T::add(sums[group], sum);
        });
        Ok(())
    }

    fn evaluate(&mut self, emitted: EmitTo) -> Result<ArrayRef> {
        let sums = emitted.take_needed(&mut self.sums);
        let nulls = self.seen.build(emitted);
        let narrow = |sum| narrowed::<T>(sum, &self.kind, &self.title);
        let sums: Vec<T::Native> = sums.into_iter().map(narrow).collect::<Result<_>>()?;
        let sums = PrimitiveArray::<T>::new(sums.into(), nulls);
        Ok(Arc::new(sums.with_data_type(self.kind.clone())))
    }

    fn state(&mut self, emitted: EmitTo) -> Result<Vec<ArrayRef>> {
        let sums = emitted.take_needed(&mut self.sums);
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
        Ok(state::<T>(values.values().iter().map(|value| T::widen(*value)).collect(), nulls))
    }

    fn supports_convert_to_state(&self) -> bool {
        true
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<Wide<T>>() + self.seen.size()
    }
}
