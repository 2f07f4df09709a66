//! Sums, differences and products of decimals.
//!
//! Arrow's kernels look for an overflow of 128 bits at every step of every row. Most decimals are small: where all of a
//! batch fit into 62 bits, nothing can overflow and nothing is looked for. The others go to Arrow's kernels, so values
//! and errors are theirs. They are not for users to call by name: [`crate::optimizer`] puts them into plans.

use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, PrimitiveArray};
use arrow::buffer::NullBuffer;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::type_coercion::binary::BinaryTypeCoercer;
use datafusion::logical_expr::{
    ColumnarValue, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::physical_expr_common::datum::apply;

#[cfg(test)]
mod tests;

/// Factors fit into so many bits, beside the sign: the sum of two products fits into 128.
const FACTOR_BITS: u32 = 62;

static SUM: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| of(Operator::Plus, "decimal_sum"));
static DIFFERENCE: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| of(Operator::Minus, "decimal_difference"));
static PRODUCT: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| of(Operator::Multiply, "decimal_product"));

/// The function that does what the operator does with decimals of 128 bits; not all have one.
pub(crate) fn decimal_function(operator: Operator) -> Option<Arc<ScalarUDF>> {
    let function = match operator {
        Operator::Plus => &SUM,
        Operator::Minus => &DIFFERENCE,
        Operator::Multiply => &PRODUCT,
        _ => return None,
    };
    Some(Arc::clone(function))
}

fn of(operator: Operator, name: &'static str) -> Arc<ScalarUDF> {
    let signature = Signature::any(2, Volatility::Immutable);
    Arc::new(ScalarUDF::from(Arithmetic { operator, name, signature }))
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Arithmetic {
    operator: Operator,
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Arithmetic {
    fn name(&self) -> &'static str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, kinds: &[DataType]) -> Result<DataType> {
        match kinds {
            [left, right] => BinaryTypeCoercer::new(left, &self.operator, right).get_result_type(),
            _ => internal_err!("{} takes two values", self.name),
        }
    }

    fn return_field_from_args(&self, given: ReturnFieldArgs) -> Result<FieldRef> {
        let kinds: Vec<DataType> =
            given.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        let nullable = given.arg_fields.iter().any(|field| field.is_nullable());
        Ok(Field::new(self.name, self.return_type(&kinds)?, nullable).into())
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = call.args.as_slice() else {
            return internal_err!("{} takes two values", self.name);
        };
        let result = call.return_field.data_type();
        if let Some(values) = small(self.operator, left, right, result)? {
            return Ok(ColumnarValue::Array(values));
        }
        match self.operator {
            Operator::Plus => apply(left, right, numeric::add_wrapping),
            Operator::Minus => apply(left, right, numeric::sub_wrapping),
            _ => apply(left, right, numeric::mul_wrapping),
        }
    }
}

/// The result where one side is a column and both sides are small.
fn small(
    operator: Operator,
    left: &ColumnarValue,
    right: &ColumnarValue,
    result: &DataType,
) -> Result<Option<ArrayRef>> {
    let DataType::Decimal128(precision, scale) = *result else { return Ok(None) };
    let (Some(left), Some(right)) = (Side::of(left), Side::of(right)) else { return Ok(None) };
    let values = match operator {
        Operator::Multiply if left.scale.checked_add(right.scale) == Some(scale) => {
            computed(&left, &right, |left, right| wide(left) * wide(right))
        }
        Operator::Plus | Operator::Minus if left.scale.max(right.scale) == scale => {
            let factors = (factor(scale, left.scale), factor(scale, right.scale));
            let (Some(first), Some(second)) = factors else { return Ok(None) };
            let second = if operator == Operator::Minus { -second } else { second };
            computed(&left, &right, |left, right| {
                wide(left) * wide(first) + wide(right) * wide(second)
            })
        }
        _ => return Ok(None),
    };
    let values = values.map(|values| values.with_precision_and_scale(precision, scale));
    Ok(values.transpose()?.map(|values| Arc::new(values) as ArrayRef))
}

/// What brings a value of one scale to another, if it is small itself.
fn factor(to: i8, from: i8) -> Option<i128> {
    let factor = 10_i128.checked_pow(u32::try_from(to.checked_sub(from)?).ok()?)?;
    is_small(factor).then_some(factor)
}

/// A side of an operation.
struct Side<'v> {
    values: Values<'v>,
    scale: i8,
}

enum Values<'v> {
    One(i128),
    Many(&'v Decimal128Array),
}

impl<'v> Side<'v> {
    fn of(value: &'v ColumnarValue) -> Option<Self> {
        let (values, scale) = match value {
            ColumnarValue::Scalar(ScalarValue::Decimal128(Some(value), _, scale)) => {
                (Values::One(*value), *scale)
            }
            ColumnarValue::Array(array) => {
                let DataType::Decimal128(_, scale) = *array.data_type() else { return None };
                (Values::Many(array.as_primitive::<Decimal128Type>()), scale)
            }
            ColumnarValue::Scalar(_) => return None,
        };
        let fits = match values {
            Values::One(value) => is_small(value),
            Values::Many(values) => are_small(values.values()),
        };
        fits.then_some(Self { values, scale })
    }
}

/// The operation of small values: one side is a column at least.
fn computed(
    left: &Side<'_>,
    right: &Side<'_>,
    operation: impl Fn(i128, i128) -> i128,
) -> Option<Decimal128Array> {
    let (values, nulls) = match (&left.values, &right.values) {
        (Values::Many(left), Values::Many(right)) => {
            let pairs = left.values().iter().zip(right.values());
            let values: Vec<i128> = pairs.map(|(left, right)| operation(*left, *right)).collect();
            (values, NullBuffer::union(left.nulls(), right.nulls()))
        }
        (Values::Many(left), Values::One(right)) => {
            let values = left.values().iter().map(|left| operation(*left, *right));
            (values.collect(), left.nulls().cloned())
        }
        (Values::One(left), Values::Many(right)) => {
            let values = right.values().iter().map(|right| operation(*left, *right));
            (values.collect(), right.nulls().cloned())
        }
        (Values::One(_), Values::One(_)) => return None,
    };
    Some(PrimitiveArray::new(values.into(), nulls))
}

fn is_small(value: i128) -> bool {
    are_small(&[value])
}

/// Whether all of them fit into [`FACTOR_BITS`].
fn are_small(values: &[i128]) -> bool {
    // Of a negative number all bits are turned: those in front are its sign.
    let bits = values.iter().fold(0, |bits, value| bits | (value ^ (value >> 127)));
    bits >> FACTOR_BITS == 0
}

/// The small value, so that the compiler multiplies 64 bits with 64.
#[expect(clippy::cast_possible_truncation, reason = "small values fit")]
fn wide(value: i128) -> i128 {
    i128::from(value as i64)
}
