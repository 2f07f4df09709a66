//! How columns are encoded where what Lance chooses is slow to read.
//!
//! Its dictionaries of 64-bit numbers are read value by value. Numbers that fit into few bits are packed into these,
//! which takes about as little room and is read many times faster. Judged by the first batch of a file.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, min};
use arrow::datatypes::{DataType, Int64Type, UInt64Type};
use lance_core::datatypes::{Field, Schema};
use lance_encoding::constants::DICT_DIVISOR_META_KEY;

/// Numbers that need more bits may be smaller as a dictionary.
const FEW_BITS: u32 = 32;

/// Chooses for each column of a file that begins with this batch. Only the file is told, not the version.
pub(super) fn choose(schema: &mut Schema, first: &RecordBatch) {
    for (field, column) in schema.fields.iter_mut().zip(first.columns()) {
        choose_for(field, column);
    }
}

fn choose_for(field: &mut Field, column: &ArrayRef) {
    match column.data_type() {
        DataType::Int64 | DataType::UInt64 if needs_few_bits(column) => {
            let never = u64::MAX.to_string();
            field.metadata.insert(DICT_DIVISOR_META_KEY.to_owned(), never);
        }
        DataType::Struct(_) => {
            for (field, column) in field.children.iter_mut().zip(column.as_struct().columns()) {
                choose_for(field, column);
            }
        }
        _ => {}
    }
}

/// Whether the numbers are small and not negative. A column of nulls is not known to be.
fn needs_few_bits(column: &dyn Array) -> bool {
    let most = 1_i64 << FEW_BITS;
    match column.data_type() {
        DataType::Int64 => {
            let numbers = column.as_primitive::<Int64Type>();
            min(numbers).is_some_and(|least| least >= 0) && max(numbers).is_some_and(|x| x < most)
        }
        DataType::UInt64 => {
            max(column.as_primitive::<UInt64Type>()).is_some_and(|x| x < most.cast_unsigned())
        }
        _ => false,
    }
}
