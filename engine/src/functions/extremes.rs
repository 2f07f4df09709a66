//! `max` and `min`: DataFusion's, but in frames that move nulls count, of floats in groups NaN is larger than all others
//! here too, and intervals are compared by how long they are.
//!
//! Its accumulators for groups begin with the largest and smallest finite numbers, and what they make of a NaN depends on
//! the order of the rows. Floats come in the form of [`super::canonical`].

mod sliding;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::mem::discriminant;
use std::sync::{Arc, LazyLock};

use arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Float16Type, Float32Type, Float64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{Max, Min};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, StatisticsArgs,
};
use datafusion_functions_aggregate_common::aggregate::groups_accumulator::prim_op::PrimitiveGroupsAccumulator;

use sliding::SlidingExtreme;

/// `max`, to be called or registered.
pub(super) static MAX: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::from(Extreme::Largest(Max::new()))));

/// `min`, to be called or registered.
pub(super) static MIN: LazyLock<Arc<AggregateUDF>> =
    LazyLock::new(|| Arc::new(AggregateUDF::from(Extreme::Smallest(Min::new()))));

#[derive(Debug, PartialEq, Eq)]
enum Extreme {
    Largest(Max),
    Smallest(Min),
}

/// WHY: as for `sum`, a signature is long.
impl Hash for Extreme {
    fn hash<H: Hasher>(&self, state: &mut H) {
        discriminant(self).hash(state);
    }
}

impl Extreme {
    fn theirs(&self) -> &dyn AggregateUDFImpl {
        match self {
            Self::Largest(max) => max,
            Self::Smallest(min) => min,
        }
    }

    /// How a value compares to the one that it replaces.
    fn replaces(&self) -> Ordering {
        match self {
            Self::Largest(_) => Ordering::Greater,
            Self::Smallest(_) => Ordering::Less,
        }
    }

    /// Of the values that every group begins with, the one that all others replace.
    fn first<N>(&self, smallest: N, largest: N) -> N {
        match self {
            Self::Largest(_) => smallest,
            Self::Smallest(_) => largest,
        }
    }
}

/// The accumulator of a type of floats.
macro_rules! of_floats {
    ($extreme:expr, $kind:ty) => {{
        type Number = <$kind as ArrowPrimitiveType>::Native;
        let replaces = $extreme.replaces();
        let keep = move |kept: &mut Number, value: Number| {
            if value.total_cmp(kept) == replaces {
                *kept = value;
            }
        };
        let first = $extreme.first(Number::NEG_INFINITY, Number::NAN);
        let groups = PrimitiveGroupsAccumulator::<$kind, _>::new(&<$kind>::DATA_TYPE, keep);
        Ok(Box::new(groups.with_starting_value(first)))
    }};
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.theirs().name()
    }

    fn signature(&self) -> &Signature {
        self.theirs().signature()
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        self.theirs().return_type(arguments)
    }

    fn coerce_types(&self, arguments: &[DataType]) -> Result<Vec<DataType>> {
        self.theirs().coerce_types(arguments)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match args.return_type() {
            kind @ DataType::Interval(_) => {
                Ok(Box::new(SlidingExtreme::new(self.replaces(), kind.clone()).standing()))
            }
            _ => self.theirs().accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(SlidingExtreme::new(self.replaces(), args.return_type().clone())))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !matches!(args.return_type(), DataType::Interval(_))
            && self.theirs().groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        match args.return_type() {
            DataType::Float16 => of_floats!(self, Float16Type),
            DataType::Float32 => of_floats!(self, Float32Type),
            DataType::Float64 => of_floats!(self, Float64Type),
            _ => self.theirs().create_groups_accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.theirs().state_fields(args)
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs) -> Option<ScalarValue> {
        self.theirs().value_from_stats(statistics)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.theirs().order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.theirs().reverse_expr()
    }

    fn set_monotonicity(&self, kind: &DataType) -> SetMonotonicity {
        self.theirs().set_monotonicity(kind)
    }
}
