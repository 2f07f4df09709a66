//! Decimals, exactly: an Arrow column has one number of decimal places, so values come back equal to what was written,
//! but without trailing zeros (`1.10` as `1.1`).

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::{DataType, Decimal128Type};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::Codec;
use super::read::{Values, as_type, each, wrong};
use super::write::{Fitted, Misfit};

pub(super) fn read<'py>(py: Python<'py>, column: &ArrayRef) -> PyResult<Values<'py>> {
    let class = py.import("decimal")?.getattr("Decimal")?;
    let column = match column.data_type() {
        DataType::Decimal128(..) => ArrayRef::clone(column),
        DataType::Decimal32(_, scale) | DataType::Decimal64(_, scale) => {
            as_type(column, &DataType::Decimal128(38, *scale))?
        }
        other => return Err(wrong(format!("{other} is no decimal"))),
    };
    let values = column.as_primitive::<Decimal128Type>();
    each(py, column.nulls(), column.len(), |row| {
        class.call1((without_zeros(&values.value_as_string(row)),))
    })
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

impl Codec {
    pub(super) fn write_decimals(
        &self,
        values: &[Bound<'_, PyAny>],
        precision: u8,
        scale: i8,
    ) -> Fitted<ArrayRef> {
        let unscaled = self.each(values, |value| unscaled(value, precision, scale))?;
        let array = Decimal128Array::from(unscaled).with_precision_and_scale(precision, scale);
        let array = array.map_err(|error| Misfit { row: 0, reason: error.to_string() })?;
        Ok(std::sync::Arc::new(array))
    }
}

/// A decimal as an integer of units of 10^-scale.
fn unscaled(value: &Bound<'_, PyAny>, precision: u8, scale: i8) -> PyResult<i128> {
    let class = value.py().import("decimal")?.getattr("Decimal")?;
    let value = if value.is_instance(&class)? { value.clone() } else { class.call1((value,))? };
    let parts = value.call_method0("as_tuple")?;
    let (sign, digits, exponent): (u8, Vec<u8>, Bound<'_, PyAny>) = parts.extract()?;
    // For NaN and Infinity, Python gives a letter.
    let Ok(exponent) = exponent.extract::<i64>() else {
        let why = "is not finite, a Decimal column holds numbers only; hint: use None, or a float";
        return Err(PyValueError::new_err(why));
    };
    let number = shifted(&digits, exponent + i64::from(scale));
    let limit = 10_i128.checked_pow(u32::from(precision)).unwrap_or(i128::MAX);
    match number {
        Some(number) if number < limit => Ok(if sign == 1 { -number } else { number }),
        _ => Err(PyValueError::new_err(format!(
            "does not fit: the column has {precision} digits, {scale} of them after the point; \
             hint: Annotated[Decimal, Field(max_digits=…, decimal_places=…)]"
        ))),
    }
}

/// The digits as a number, times a power of ten, if that is an integer in range.
fn shifted(digits: &[u8], by: i64) -> Option<i128> {
    let number = digits.iter().try_fold(0_i128, |number, digit| {
        number.checked_mul(10)?.checked_add(i128::from(*digit))
    })?;
    if number == 0 {
        return Some(0);
    }
    let factor = 10_i128.checked_pow(u32::try_from(by.unsigned_abs()).ok()?)?;
    if by >= 0 {
        number.checked_mul(factor)
    } else {
        (number % factor == 0).then(|| number / factor)
    }
}
