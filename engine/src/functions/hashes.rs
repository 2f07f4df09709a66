//! `int_hash_64`, `sip_hash_64`, `leading_int64`: hashes as int64, the same everywhere and always.
//!
//! The first two are `intHash64` and `sipHash64` of `ClickHouse`, whose unsigned results have the same bits.

use std::hash::Hasher;
#[expect(deprecated, reason = "it is this very function, for good")]
use std::hash::SipHasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array};
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

use super::bits::{bits, whole};
use super::items::{list_item, list_with};
use super::simple::{needs, refused, simple};

#[cfg(test)]
mod tests;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple("int_hash_64", types_of_int_hash, |of| {
            let hashes: Int64Array =
                bits(&of[0]).unary(|x| int_hash_64(x.cast_unsigned()).cast_signed());
            Ok(Arc::new(hashes))
        }),
        simple("sip_hash_64", types_of_sip_hash, |of| sip_hashes(&of[0])),
        simple("leading_int64", types_of_leading, |of| {
            let leading = |bytes: &[u8]| Some(i64::from_be_bytes(*bytes.first_chunk()?));
            let digests = of[0].as_binary::<i32>().iter();
            Ok(Arc::new(digests.map(|digest| leading(digest?)).collect::<Int64Array>()))
        }),
    ]
}

fn types_of_int_hash(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [kind] if kind.is_integer() || kind.is_null() => Ok((vec![whole(kind)], DataType::Int64)),
        kinds => refused("int_hash_64", kinds),
    }
}

fn types_of_leading(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [DataType::Binary | DataType::Null] => Ok((vec![DataType::Binary], DataType::Int64)),
        kinds => refused("leading_int64", kinds),
    }
}

fn types_of_sip_hash(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let [kind] = kinds else {
        return refused("sip_hash_64", kinds);
    };
    let Some(item) = list_item(kind) else {
        return needs("sip_hash_64", "a list of numbers or str", kind);
    };
    let wanted = match item.data_type() {
        kind if kind.is_integer() => whole(kind),
        kind if kind.is_floating() => DataType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8,
        _ => return needs("sip_hash_64", "a list of numbers or str", kind),
    };
    Ok((vec![list_with(item, &wanted)], DataType::Int64))
}

/// The finalizer of `MurmurHash3`, of the number and a constant of `ClickHouse`.
fn int_hash_64(x: u64) -> u64 {
    let mut x = x ^ 0x4cf2_d2ba_ae6d_a887;
    x = (x ^ (x >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    x = (x ^ (x >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

/// `SipHash`-2-4 (Aumasson, Bernstein 2012) with the key 0.
#[expect(deprecated, reason = "it is this very function, for good")]
fn sip_hash(bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The hash of a list goes on from that of its length, item by item.
fn with_next(hash: u64, next: u64) -> u64 {
    let mut both = [0; 16];
    both[..8].copy_from_slice(&hash.to_le_bytes());
    both[8..].copy_from_slice(&next.to_le_bytes());
    sip_hash(&both)
}

fn sip_hashes(lists: &ArrayRef) -> Result<ArrayRef> {
    let lists = lists.as_list::<i32>();
    let items = hashes_of_items(lists.values());
    let hash = |row: usize| {
        let (start, end) = (lists.value_offsets()[row], lists.value_offsets()[row + 1]);
        let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
        let first = int_hash_64(u64::try_from(end - start).ok()?);
        let all = items[start..end].iter().fold(first, |hash, item| with_next(hash, *item));
        lists.is_valid(row).then_some(all.cast_signed())
    };
    Ok(Arc::new((0..lists.len()).map(hash).collect::<Int64Array>()))
}

/// A null is hashed as 0 or the empty text, which `ClickHouse` has in its place.
fn hashes_of_items(items: &ArrayRef) -> Vec<u64> {
    fn numbers<T: ArrowPrimitiveType>(
        items: &ArrayRef,
        bytes: fn(T::Native) -> [u8; 8],
    ) -> Vec<u64> {
        let items = items.as_primitive::<T>().iter();
        items.map(|item| sip_hash(&bytes(item.unwrap_or_default()))).collect()
    }
    match items.data_type() {
        DataType::Int64 => numbers::<Int64Type>(items, i64::to_le_bytes),
        DataType::UInt64 => numbers::<UInt64Type>(items, u64::to_le_bytes),
        DataType::Float64 => numbers::<Float64Type>(items, f64::to_le_bytes),
        _ => {
            let items = items.as_string::<i32>().iter();
            items.map(|item| sip_hash(item.unwrap_or_default().as_bytes())).collect()
        }
    }
}
