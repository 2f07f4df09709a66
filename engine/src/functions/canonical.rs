//! `canonical`: floats of which two are the same number just when their bits are: there is one zero and one NaN.
//!
//! The query engine compares, sorts and groups floats by their bits. These tell `-0.0` from `0.0`, and a NaN with a sign,
//! as processors give it for `inf - inf`, from one without. It is not for users to call by name:
//! [`crate::optimizer`] puts it into plans.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, make_array};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, FieldRef, Float16Type, Float32Type, Float64Type,
};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{
    ColumnarValue, Expr as PlanExpr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// `value` with its floats in this form, also those inside lists and models.
pub(crate) fn canonical(value: PlanExpr) -> PlanExpr {
    let signature = Signature::any(1, Volatility::Immutable);
    ScalarUDF::from(Canonical { signature }).call(vec![value])
}

/// Whether the expression is known to have this form.
pub(crate) fn is_canonical(expr: &PlanExpr) -> bool {
    match expr {
        PlanExpr::ScalarFunction(call) => call.func.inner().downcast_ref::<Canonical>().is_some(),
        PlanExpr::Literal(value, _) => {
            value.to_array().and_then(|one| Ok(converted(&one)? == one)).unwrap_or(false)
        }
        _ => false,
    }
}

/// Whether values of this type are floats or hold floats.
pub(crate) fn holds_floats(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields.iter().any(|field| holds_floats(field.data_type())),
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            holds_floats(item.data_type())
        }
        kind => kind.is_floating(),
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Canonical {
    signature: Signature,
}

impl ScalarUDFImpl for Canonical {
    fn name(&self) -> &'static str {
        "canonical"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [only] => Ok(only.clone()),
            _ => internal_err!("canonical takes one argument"),
        }
    }

    fn return_field_from_args(&self, arguments: ReturnFieldArgs) -> Result<FieldRef> {
        match arguments.arg_fields {
            [only] => Ok(Arc::clone(only)),
            _ => internal_err!("canonical takes one argument"),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match call.args.as_slice() {
            [ColumnarValue::Array(values)] => Ok(ColumnarValue::Array(converted(values)?)),
            [ColumnarValue::Scalar(value)] => {
                let value = converted(&value.to_array()?)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&value, 0)?))
            }
            _ => internal_err!("canonical takes one argument"),
        }
    }
}

type Half = <Float16Type as ArrowPrimitiveType>::Native;

/// The floats in this form; most columns have it and are not copied.
macro_rules! converted_floats {
    ($values:ident, $kind:ty, $number:ty, $zero:expr) => {{
        let floats = $values.as_primitive::<$kind>();
        // No early end, so that many are looked at in one step.
        let differs = |x: &$number| x.is_nan() | (x.to_bits() == (-$zero).to_bits());
        if !floats.values().iter().fold(false, |any, x| any | differs(x)) {
            return Ok(Arc::clone($values));
        }
        // A zero of either sign and a zero without sign add up to one without.
        let one = |x: $number| if x.is_nan() { <$number>::NAN } else { x + $zero };
        Arc::new(floats.unary::<_, $kind>(one))
    }};
}

pub(super) fn converted(values: &ArrayRef) -> Result<ArrayRef> {
    Ok(match values.data_type() {
        DataType::Float16 => converted_floats!(values, Float16Type, Half, Half::ZERO),
        DataType::Float32 => converted_floats!(values, Float32Type, f32, 0.0_f32),
        DataType::Float64 => converted_floats!(values, Float64Type, f64, 0.0_f64),
        kind if holds_floats(kind) => {
            let data = values.to_data();
            let below = data.child_data().iter();
            let below = below.map(|data| Ok(converted(&make_array(data.clone()))?.to_data()));
            let below = below.collect::<Result<_>>()?;
            make_array(data.into_builder().child_data(below).build()?)
        }
        _ => Arc::clone(values),
    })
}
