//! [`rough`]: sort keys as numbers that never get less from an earlier key to a later one.
//!
//! Keys that differ may have the same number: long texts with the same beginning, and nulls.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, PrimitiveArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};

pub(super) type Rough = u64;

const SIGN: u64 = 1 << 63;

const BYTES: usize = size_of::<Rough>();

/// Of kinds of keys that have no such numbers all are 0.
pub(super) fn rough(keys: &ArrayRef, options: SortOptions) -> Vec<Rough> {
    let mut rough = match keys.data_type() {
        DataType::Int8 => signed::<Int8Type>(keys),
        DataType::Int16 => signed::<Int16Type>(keys),
        DataType::Int32 => signed::<Int32Type>(keys),
        DataType::Int64 => signed::<Int64Type>(keys),
        DataType::UInt8 => of(keys.as_primitive::<UInt8Type>(), u64::from),
        DataType::UInt16 => of(keys.as_primitive::<UInt16Type>(), u64::from),
        DataType::UInt32 => of(keys.as_primitive::<UInt32Type>(), u64::from),
        DataType::UInt64 => of(keys.as_primitive::<UInt64Type>(), |key| key),
        DataType::Float32 => of(keys.as_primitive::<Float32Type>(), |key| of_float(key.into())),
        DataType::Float64 => of(keys.as_primitive::<Float64Type>(), of_float),
        DataType::Date32 => signed::<Date32Type>(keys),
        DataType::Timestamp(TimeUnit::Second, _) => signed::<TimestampSecondType>(keys),
        DataType::Timestamp(TimeUnit::Millisecond, _) => signed::<TimestampMillisecondType>(keys),
        DataType::Timestamp(TimeUnit::Microsecond, _) => signed::<TimestampMicrosecondType>(keys),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => signed::<TimestampNanosecondType>(keys),
        DataType::Utf8 => of_texts::<i32>(keys),
        DataType::LargeUtf8 => of_texts::<i64>(keys),
        _ => return vec![0; keys.len()],
    };
    if options.descending {
        rough.iter_mut().for_each(|key| *key = !*key);
    }
    if let Some(valid) = keys.nulls().filter(|valid| valid.null_count() > 0) {
        let null = if options.nulls_first { 0 } else { Rough::MAX };
        for (key, valid) in rough.iter_mut().zip(valid) {
            *key = if valid { *key } else { null };
        }
    }
    rough
}

fn of<T: ArrowPrimitiveType>(
    keys: &PrimitiveArray<T>,
    number: impl Fn(T::Native) -> Rough,
) -> Vec<Rough> {
    keys.values().iter().map(|key| number(*key)).collect()
}

fn signed<T: ArrowPrimitiveType<Native: Into<i64>>>(keys: &ArrayRef) -> Vec<Rough> {
    of(keys.as_primitive::<T>(), |key| {
        let key: i64 = key.into();
        key.cast_unsigned() ^ SIGN
    })
}

/// In the order of `total_cmp`.
fn of_float(key: f64) -> Rough {
    let bits = key.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn of_texts<O: OffsetSizeTrait>(keys: &ArrayRef) -> Vec<Rough> {
    let texts = keys.as_string::<O>();
    let begin = |at: usize| {
        let mut begin = [0; BYTES];
        let text = texts.value(at).as_bytes();
        let known = text.len().min(BYTES);
        begin[..known].copy_from_slice(&text[..known]);
        Rough::from_be_bytes(begin)
    };
    (0..texts.len()).map(begin).collect()
}
