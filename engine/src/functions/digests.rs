//! [`digests`]: 128 bits of each row's values, made a column at a time.
//!
//! They are quick, and not safe from who looks for two rows of one digest: they tell the rows of a run apart, and nothing
//! is named by them.

use std::slice;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    BinaryType, BinaryViewType, DataType, LargeBinaryType, LargeUtf8Type, StringViewType, Utf8Type,
};
use arrow::row::{RowConverter, SortField};
use datafusion::common::Result;
use xxhash_rust::xxh3::xxh3_128;

use super::canonical::{converted, holds_floats};

#[cfg(test)]
mod tests;

/// What stands for a null.
const NULL: u128 = 0x5bd1_e995_9e37_79b9_7f4a_7c15_f39c_c060;

/// Odd, so that no bit of what was added before is lost.
const STEP: u128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645;

/// The digests of rows with these columns; without columns all rows have the same.
pub(crate) fn digests(columns: &[ArrayRef], rows: usize) -> Result<Vec<u128>> {
    let mut digests = vec![0; rows];
    for column in columns {
        // Which bits a number has does not matter: 0.0 and -0.0 are one, and all that is not a number is one.
        match holds_floats(column.data_type()) {
            true => add(&converted(column)?, &mut digests)?,
            false => add(column, &mut digests)?,
        }
    }
    // WHY: until here they are sums, and two rows that exchange values would have the same sum as they had before.
    digests.iter_mut().for_each(|digest| *digest = xxh3_128(&digest.to_le_bytes()));
    Ok(digests)
}

/// Whether digests can be told from values of this type.
pub(crate) fn has_digest(kind: &DataType) -> bool {
    RowConverter::supports_fields(&[SortField::new(kind.clone())])
}

/// Adds what the values of a column are. Texts and bytes are the same however they are stored.
fn add(column: &ArrayRef, to: &mut [u128]) -> Result<()> {
    let nulls = column.logical_nulls();
    let nulls = nulls.as_ref();
    match column.data_type() {
        DataType::Utf8 => {
            let values = column.as_bytes::<Utf8Type>();
            add_each(to, nulls, |row| xxh3_128(values.value(row).as_bytes()));
        }
        DataType::LargeUtf8 => {
            let values = column.as_bytes::<LargeUtf8Type>();
            add_each(to, nulls, |row| xxh3_128(values.value(row).as_bytes()));
        }
        DataType::Utf8View => {
            let values = column.as_byte_view::<StringViewType>();
            add_each(to, nulls, |row| xxh3_128(values.value(row).as_bytes()));
        }
        DataType::Binary => {
            let values = column.as_bytes::<BinaryType>();
            add_each(to, nulls, |row| xxh3_128(values.value(row)));
        }
        DataType::LargeBinary => {
            let values = column.as_bytes::<LargeBinaryType>();
            add_each(to, nulls, |row| xxh3_128(values.value(row)));
        }
        DataType::BinaryView => {
            let values = column.as_byte_view::<BinaryViewType>();
            add_each(to, nulls, |row| xxh3_128(values.value(row)));
        }
        DataType::FixedSizeBinary(_) => {
            let values = column.as_fixed_size_binary();
            add_each(to, nulls, |row| xxh3_128(values.value(row)));
        }
        DataType::Boolean => {
            let values = column.as_boolean();
            add_each(to, nulls, |row| xxh3_128(&[u8::from(values.value(row))]));
        }
        DataType::Dictionary(_, values) => add(&cast(column, values)?, to)?,
        DataType::Struct(_) => {
            let columns = column.as_struct().columns();
            let fields = digests(columns, to.len())?;
            add_each(to, nulls, |row| fields[row]);
        }
        kind => match kind.primitive_width() {
            Some(width) => add_fixed(column, width, to),
            None => add_rows(column, to)?,
        },
    }
    Ok(())
}

fn add_each(to: &mut [u128], nulls: Option<&NullBuffer>, value: impl Fn(usize) -> u128) {
    let next = |sum: &mut u128, value: u128| *sum = sum.wrapping_mul(STEP).wrapping_add(value);
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => to.iter_mut().enumerate().for_each(|(row, sum)| next(sum, value(row))),
        Some(nulls) => to.iter_mut().enumerate().for_each(|(row, sum)| {
            next(sum, if nulls.is_valid(row) { value(row) } else { NULL });
        }),
    }
}

/// Numbers and points in time, by their bytes.
fn add_fixed(column: &ArrayRef, width: usize, to: &mut [u128]) {
    let data = column.to_data();
    let values = &data.buffers()[0].as_slice()[data.offset() * width..];
    add_each(to, data.nulls(), |row| xxh3_128(&values[row * width..][..width]));
}

/// Values of any other type, as they are compared.
fn add_rows(column: &ArrayRef, to: &mut [u128]) -> Result<()> {
    let field = SortField::new(column.data_type().clone());
    let rows = RowConverter::new(vec![field])?.convert_columns(slice::from_ref(column))?;
    add_each(to, None, |row| xxh3_128(rows.row(row).as_ref()));
    Ok(())
}
