//! Rows of few bits are their own keys: no two of them have one, and no digest is computed.
//!
//! Of each column in turn stand there the bits of the value and one that says whether it is missing. Rows of other types
//! may have the same bits, so these keys say something only beside others of the same types.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{ArrowNativeType, DataType};

use super::Key;

/// Odd, so that the product with it can be undone.
const FACTOR: Key = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// Whether rows of these types are their own keys.
pub(super) fn fit(kinds: &[DataType]) -> bool {
    let bits = kinds.iter().map(|kind| bits_of(kind).map(|bits| bits + 1)).sum::<Option<u32>>();
    bits.is_some_and(|bits| bits <= Key::BITS)
}

/// How many bits values of a type have, by which they are told apart.
fn bits_of(kind: &DataType) -> Option<u32> {
    match kind {
        DataType::Boolean => Some(1),
        // These have parts, which are not at places for numbers of that size.
        DataType::Interval(_) => None,
        kind => u32::try_from(8 * kind.primitive_width()?).ok(),
    }
}

/// The keys of so many rows of types that fit.
pub(super) fn keys(columns: &[ArrayRef], rows: usize) -> Vec<Key> {
    let mut keys = vec![0; rows];
    for column in columns {
        let bits = bits_of(column.data_type()).unwrap_or_default();
        match bits {
            1 => push(&mut keys, bits, column.as_boolean().values().iter().map(Key::from)),
            8 => numbers::<u8>(&mut keys, bits, column),
            16 => numbers::<u16>(&mut keys, bits, column),
            32 => numbers::<u32>(&mut keys, bits, column),
            _ => numbers::<u64>(&mut keys, bits, column),
        }
        for (row, is_there) in column.nulls().into_iter().flatten().enumerate() {
            if !is_there {
                // What lies behind a null does not count.
                keys[row] = keys[row] >> (bits + 1) << (bits + 1) | 1;
            }
        }
    }
    keys.iter_mut().for_each(|key| *key = spread(*key));
    keys
}

fn numbers<T: ArrowNativeType + Into<Key>>(keys: &mut [Key], bits: u32, column: &ArrayRef) {
    push(keys, bits, column.to_data().buffer::<T>(0).iter().map(|value| (*value).into()));
}

fn push(keys: &mut [Key], bits: u32, values: impl Iterator<Item = Key>) {
    for (key, value) in keys.iter_mut().zip(values) {
        *key = *key << (bits + 1) | value << 1;
    }
}

/// Another number for each, in which all bits count for the leading ones: keys are to be spread evenly.
fn spread(key: Key) -> Key {
    let key = key.wrapping_mul(FACTOR);
    // Each of these steps can be undone, so no two numbers become one.
    (key ^ key >> (Key::BITS / 2)).wrapping_mul(FACTOR)
}
