//! `true_divide`, `floor_divide`, `modulo`: division as Python means it, null where the divisor is zero.
//!
//! `7 / 2` is 3.5, `-7 // 2` is -4, `-7 % 2` is 1. Two integers give an int64 for `//` and `%`, or a uint64 where that holds
//! all results and int64 does not, or an error where neither does; anything with a float gives a float. What is divided by a
//! constant other than zero is missing only where it was.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, PrimitiveArray, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Field, FieldRef, Float64Type, Int64Type, UInt64Type,
};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::overflow;
use crate::kind::kind_name;

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    let kinds = [Kind::TrueDivide, Kind::FloorDivide, Kind::Modulo];
    kinds.into_iter().map(|kind| ScalarUDF::from(Division::new(kind))).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    TrueDivide,
    FloorDivide,
    Modulo,
}

impl Kind {
    fn operator(self) -> &'static str {
        match self {
            Self::TrueDivide => "/",
            Self::FloorDivide => "//",
            Self::Modulo => "%",
        }
    }

    /// Of numbers of 64 bits, with and without sign.
    fn of_integers(self, left: i128, right: i128) -> Option<i128> {
        if right == 0 {
            return None;
        }
        let remainder = left % right;
        let crosses = remainder != 0 && (remainder < 0) != (right < 0);
        Some(match self {
            Self::Modulo if crosses => remainder + right,
            Self::Modulo => remainder,
            _ => left / right - i128::from(crosses),
        })
    }

    /// What holds the result, also of a uint64 by an int64: only a quotient by 1 or -1 may be larger.
    fn of_kinds(self, left: &DataType, right: &DataType) -> DataType {
        let unsigned = match self {
            Self::TrueDivide => return DataType::Float64,
            Self::Modulo => right == &DataType::UInt64,
            Self::FloorDivide => left == &DataType::UInt64 && right.is_unsigned_integer(),
        };
        match (left.is_integer() && right.is_integer(), unsigned) {
            (false, _) => DataType::Float64,
            (true, false) => DataType::Int64,
            (true, true) => DataType::UInt64,
        }
    }

    fn of_floats(self, left: f64, right: f64) -> Option<f64> {
        if right == 0.0 {
            return None;
        }
        Some(match self {
            Self::TrueDivide => left / right,
            Self::FloorDivide => (left / right).floor(),
            Self::Modulo => {
                let remainder = left % right;
                if remainder == 0.0 {
                    return Some(0.0_f64.copysign(right));
                }
                let crosses = (remainder < 0.0) != (right < 0.0);
                if crosses { remainder + right } else { remainder }
            }
        })
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Division {
    kind: Kind,
    signature: Signature,
}

impl Division {
    fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::any(2, Volatility::Immutable) }
    }

    fn divide_floats(&self, left: &ArrayRef, right: &ArrayRef) -> Result<ArrayRef> {
        let (left, right) = (exact(left, &DataType::Float64)?, exact(right, &DataType::Float64)?);
        let pairs =
            left.as_primitive::<Float64Type>().iter().zip(right.as_primitive::<Float64Type>());
        let results = pairs.map(|(left, right)| self.kind.of_floats(left?, right?));
        Ok(Arc::new(results.collect::<Float64Array>()))
    }

    fn divide_integers<T>(&self, left: &ArrayRef, right: &ArrayRef, shown: &str) -> Result<ArrayRef>
    where
        T: ArrowPrimitiveType,
        T::Native: TryFrom<i128>,
    {
        let (left, right) = (whole(left)?, whole(right)?);
        let results = left.iter().zip(right.iter()).map(|(left, right)| {
            let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
            let Some(result) = self.kind.of_integers(left, right) else { return Ok(None) };
            let fitting = T::Native::try_from(result).ok();
            fitting.map(Some).ok_or_else(|| {
                let values = format!("{left} {} {right}", self.kind.operator());
                let is_said = values == shown;
                let text = if is_said { values } else { format!("{shown} = {values}") };
                overflow(&text, &T::DATA_TYPE)
            })
        });
        Ok(Arc::new(results.collect::<Result<PrimitiveArray<T>>>()?))
    }
}

/// Integers of any type, as they are.
enum Whole {
    Signed(Int64Array),
    Unsigned(UInt64Array),
}

fn whole(array: &ArrayRef) -> Result<Whole> {
    Ok(match array.as_primitive_opt::<UInt64Type>() {
        Some(unsigned) => Whole::Unsigned(unsigned.clone()),
        None => Whole::Signed(exact(array, &DataType::Int64)?.as_primitive().clone()),
    })
}

impl Whole {
    fn iter(&self) -> Box<dyn Iterator<Item = Option<i128>> + '_> {
        match self {
            Self::Signed(values) => Box::new(values.iter().map(|value| value.map(i128::from))),
            Self::Unsigned(values) => Box::new(values.iter().map(|value| value.map(i128::from))),
        }
    }
}

/// As a float, which is what floats are divided by.
fn is_other_than_zero(divisor: &ScalarValue) -> bool {
    let number = divisor.cast_to(&DataType::Float64);
    matches!(number, Ok(ScalarValue::Float64(Some(number))) if number != 0.0)
}

/// A conversion that fails where a value does not fit.
fn exact(array: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    let options = CastOptions { safe: false, ..CastOptions::default() };
    Ok(cast_with_options(array, kind, &options)?)
}

/// An argument as a user would write it.
fn shown(call: &ScalarFunctionArgs, at: usize) -> String {
    match &call.args[at] {
        ColumnarValue::Scalar(value) => value.to_string(),
        ColumnarValue::Array(_) => call.arg_fields[at].name().clone(),
    }
}

impl ScalarUDFImpl for Division {
    fn name(&self) -> &str {
        match self.kind {
            Kind::TrueDivide => "true_divide",
            Kind::FloorDivide => "floor_divide",
            Kind::Modulo => "modulo",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        if let Some(other) = arguments.iter().find(|kind| !kind.is_numeric() && !kind.is_null()) {
            return plan_err!("division needs numbers, this is {}", kind_name(other));
        }
        Ok(self.kind.of_kinds(&arguments[0], &arguments[1]))
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        let kinds: Vec<_> =
            arguments.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let divisor = arguments.scalar_arguments.get(1).copied().flatten();
        let is_missing = arguments.arg_fields.iter().any(|field| field.is_nullable());
        let may_be_missing = is_missing || !divisor.is_some_and(is_other_than_zero);
        Ok(Arc::new(Field::new(self.name(), self.return_type(&kinds)?, may_be_missing)))
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let (left, right) = (&arrays[0], &arrays[1]);
        let text = format!("{} {} {}", shown(&call, 0), self.kind.operator(), shown(&call, 1));
        Ok(ColumnarValue::Array(match call.return_field.data_type() {
            DataType::Int64 => self.divide_integers::<Int64Type>(left, right, &text)?,
            DataType::UInt64 => self.divide_integers::<UInt64Type>(left, right, &text)?,
            _ => self.divide_floats(left, right)?,
        }))
    }
}
