//! `true_divide`, `floor_divide`, `modulo`: division as Python means it, null where the divisor is zero.
//!
//! `7 / 2` is 3.5, `-7 // 2` is -4, `-7 % 2` is 1. Two integers give an int64 for `//` and `%`, or an error where it does
//! not fit; anything with a float gives a float.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
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
    fn of_integers(self, left: i64, right: i64) -> Result<Option<i64>> {
        if right == 0 {
            return Ok(None);
        }
        let remainder = left.wrapping_rem(right);
        let crosses = remainder != 0 && (remainder < 0) != (right < 0);
        match (self, left.checked_div(right)) {
            (Self::Modulo, _) => Ok(Some(if crosses { remainder + right } else { remainder })),
            (_, Some(quotient)) => Ok(Some(quotient - i64::from(crosses))),
            (_, None) => Err(overflow(&format!("{left} // {right}"), &DataType::Int64)),
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

    fn divide(&self, left: &ArrayRef, right: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
        // What does not fit is an error and not a null.
        let exact = CastOptions { safe: false, ..CastOptions::default() };
        let (left, right) =
            (cast_with_options(left, to, &exact)?, cast_with_options(right, to, &exact)?);
        if to == &DataType::Int64 {
            let (left, right) =
                (left.as_primitive::<Int64Type>(), right.as_primitive::<Int64Type>());
            let pairs = left.iter().zip(right);
            let results = pairs.map(|(left, right)| match (left, right) {
                (Some(left), Some(right)) => self.kind.of_integers(left, right),
                _ => Ok(None),
            });
            return Ok(Arc::new(results.collect::<Result<Int64Array>>()?));
        }
        let (left, right) =
            (left.as_primitive::<Float64Type>(), right.as_primitive::<Float64Type>());
        let pairs = left.iter().zip(right);
        let results = pairs.map(|(left, right)| self.kind.of_floats(left?, right?));
        Ok(Arc::new(results.collect::<Float64Array>()))
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
        let integers = arguments.iter().all(DataType::is_integer) && self.kind != Kind::TrueDivide;
        Ok(if integers { DataType::Int64 } else { DataType::Float64 })
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&call.args)?;
        let divided = self.divide(&arrays[0], &arrays[1], call.return_field.data_type())?;
        Ok(ColumnarValue::Array(divided))
    }
}
