//! How columns are encoded where what Lance chooses is slow to read.
//!
//! Its dictionaries of 64-bit numbers are read value by value. Numbers that fit into few bits are packed into these,
//! which takes about as little room and is read many times faster. Texts of a letter or two are dictionaries where they
//! repeat: Lance compares a place in the dictionary before it is packed with the text, and takes the text. Judged by the
//! first batch.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use lance_core::datatypes::{Field, Schema};
use lance_encoding::constants::{DICT_DIVISOR_META_KEY, DICT_SIZE_RATIO_META_KEY};

/// Numbers that need more bits may be smaller as a dictionary.
const FEW_BITS: u32 = 32;

/// Texts that take no more are shorter than places in a dictionary that are not packed.
const FEW_BYTES: usize = 2;

/// Chooses for each column of files that begin with this batch. The schema is theirs; the version's does not say it.
pub(super) fn choose(schema: &mut Schema, first: &RecordBatch) {
    for (field, column) in schema.fields.iter_mut().zip(first.columns()) {
        choose_for(field, column);
    }
}

fn choose_for(field: &mut Field, column: &ArrayRef) {
    // Nulls alone do not tell what will come.
    let needs_few_bits = match column.data_type() {
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            min(numbers).is_some_and(|least| least >= 0)
                && max(numbers).is_some_and(|most| most >> FEW_BITS == 0)
        }
        DataType::UInt64 => {
            max(column.as_primitive::<UInt64Type>()).is_some_and(|most| most >> FEW_BITS == 0)
        }
        _ => false,
    };
    if needs_few_bits {
        field.metadata.insert(DICT_DIVISOR_META_KEY.to_owned(), u64::MAX.to_string());
    }
    let text_bytes = match column.data_type() {
        DataType::Utf8 => {
            let ends = column.as_string::<i32>().value_offsets();
            usize::try_from(ends[column.len()] - ends[0]).ok()
        }
        DataType::Utf8View => {
            Some(column.as_string_view().lengths().map(|bytes| bytes as usize).sum())
        }
        _ => None,
    };
    if text_bytes.is_some_and(|bytes: usize| bytes <= FEW_BYTES * column.len()) {
        field.metadata.insert(DICT_SIZE_RATIO_META_KEY.to_owned(), "1".to_owned());
    }
    if let Some(fields) = column.as_struct_opt() {
        for (field, column) in field.children.iter_mut().zip(fields.columns()) {
            choose_for(field, column);
        }
    }
}
