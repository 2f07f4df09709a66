//! `bitwise_and`, `bitwise_or`, `bitwise_xor`, `shift_left`, `shift_right`, `bit_hamming_distance`: bits of whole numbers.
//!
//! All numbers have 64 bits, negative ones in two's complement; the result is an int64 with these bits. As in Python, a
//! shift by 64 or more leaves 0, or -1 of a negative number to the right; one by a negative number of places is null.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::simple::{refused, simple};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple(
            "bitwise_and",
            |kinds| pair("bitwise_and", kinds),
            |of| each(of, |a, b| Some(a & b)),
        ),
        simple("bitwise_or", |kinds| pair("bitwise_or", kinds), |of| each(of, |a, b| Some(a | b))),
        simple(
            "bitwise_xor",
            |kinds| pair("bitwise_xor", kinds),
            |of| each(of, |a, b| Some(a ^ b)),
        ),
        simple("shift_left", |kinds| pair("shift_left", kinds), |of| each(of, shifted_left)),
        simple("shift_right", |kinds| pair("shift_right", kinds), |of| each(of, shifted_right)),
        simple(
            "bit_hamming_distance",
            |kinds| pair("bit_hamming_distance", kinds),
            |of| each(of, |a, b| Some((a ^ b).count_ones().into())),
        ),
    ]
}

fn pair(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let is_whole = |kind: &DataType| kind.is_integer() || kind.is_null();
    if kinds.len() != 2 || !kinds.iter().all(is_whole) {
        return refused(name, kinds);
    }
    Ok((kinds.iter().map(whole).collect(), DataType::Int64))
}

/// The type of 64 bits that a whole number is converted to.
pub(super) fn whole(kind: &DataType) -> DataType {
    if *kind == DataType::UInt64 { DataType::UInt64 } else { DataType::Int64 }
}

/// The bits of whole numbers.
pub(super) fn bits(values: &ArrayRef) -> Int64Array {
    match values.as_primitive_opt::<UInt64Type>() {
        Some(unsigned) => unsigned.unary(u64::cast_signed),
        None => values.as_primitive::<Int64Type>().clone(),
    }
}

fn each(arguments: &[ArrayRef], result: fn(i64, i64) -> Option<i64>) -> Result<ArrayRef> {
    let (left, right) = (bits(&arguments[0]), bits(&arguments[1]));
    let pairs = left.iter().zip(right.iter());
    let results: Int64Array = pairs.map(|(left, right)| result(left?, right?)).collect();
    Ok(Arc::new(results))
}

fn shifted_left(value: i64, places: i64) -> Option<i64> {
    let places = u32::try_from(places.min(64)).ok()?;
    Some(value.checked_shl(places).unwrap_or(0))
}

fn shifted_right(value: i64, places: i64) -> Option<i64> {
    let places = u32::try_from(places.min(63)).ok()?;
    Some(value >> places)
}
