//! [`RowKeys`]: 128 bits of each row of arguments, by which its results are found.
//!
//! Rows have one key just when they hold the same values of the same types, floats by their bits. How columns are cut into
//! batches, what they are called, and what lies behind nulls does not matter. Where a row has few bits, its key is made of
//! these ([`values`]); of others it is a digest.

mod values;

use std::fmt::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, LargeListArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};

use super::ledger::short;

/// What the names of files with digests end with.
pub(crate) const DIGESTS: &str = ".keys";

/// What a row's results are found by.
pub(crate) type Key = u128;

/// Makes the keys of rows with columns of some types.
#[derive(Debug)]
pub(crate) struct RowKeys {
    /// What digests are computed of; `None` where rows are their own keys.
    converter: Option<RowConverter>,
    /// Which columns count.
    columns: Vec<usize>,
    /// The digest of the types: equal bytes of different types are different values.
    types: [u8; 32],
}

impl RowKeys {
    /// Keys of rows with columns of these types, of which some count; `None`: all.
    ///
    /// # Errors
    /// A type whose values cannot be compared.
    pub(crate) fn try_new(kinds: &[DataType], some: Option<&[usize]>) -> Result<Self, ArrowError> {
        let columns = some.map_or_else(|| (0..kinds.len()).collect(), <[usize]>::to_vec);
        let kinds: Vec<DataType> = columns.iter().map(|at| comparable(&kinds[*at])).collect();
        let mut types = String::new();
        kinds.iter().for_each(|kind| tell(kind, &mut types));
        let types = *blake3::hash(types.as_bytes()).as_bytes();
        let converter = match values::fit(&kinds) {
            true => None,
            false => Some(RowConverter::new(kinds.into_iter().map(SortField::new).collect())?),
        };
        Ok(Self { converter, columns, types })
    }

    /// What the names of files with such keys end with. What is in one never stands beside what is in another.
    pub(crate) fn ending(&self) -> String {
        match self.converter {
            Some(_) => DIGESTS.to_owned(),
            None => format!(".values-{}", short(&blake3::Hash::from(self.types).to_hex())),
        }
    }

    /// The keys of the rows of a batch.
    pub(crate) fn of(&self, rows: &RecordBatch) -> Result<Vec<Key>, ArrowError> {
        let columns = self.columns.iter().map(|at| as_comparable(rows.column(*at)));
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
        let Some(converter) = &self.converter else {
            return Ok(values::keys(&columns, rows.num_rows()));
        };
        let bytes = converter.convert_columns(&columns)?;
        Ok(bytes.iter().map(|row| self.digest(row.as_ref())).collect())
    }

    fn digest(&self, row: &[u8]) -> Key {
        // WHY: not a quicker digest. Texts come from anywhere, and who finds two of one key would have one taken for the
        // other.
        let digest = blake3::keyed_hash(&self.types, row);
        let (first, _) = digest.as_bytes().split_at(size_of::<Key>());
        first.iter().fold(0, |key, byte| key << 8 | Key::from(*byte))
    }
}

/// The type whose values are compared in place of those of another: maps as lists of their entries.
fn comparable(kind: &DataType) -> DataType {
    let item = |field: &FieldRef| {
        Arc::new(Field::clone(field).with_data_type(comparable(field.data_type())))
    };
    match kind {
        DataType::Map(entries, _) => DataType::List(item(entries)),
        DataType::List(field) => DataType::List(item(field)),
        DataType::LargeList(field) => DataType::LargeList(item(field)),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(item).collect()),
        other => other.clone(),
    }
}

fn as_comparable(column: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let kind = comparable(column.data_type());
    if kind == *column.data_type() {
        return Ok(Arc::clone(column));
    }
    match (column.data_type(), kind) {
        (DataType::Map(..), DataType::List(field)) => {
            let map = column.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(field, offsets, as_comparable(&entries)?, nulls)?))
        }
        (DataType::List(_), DataType::List(field)) => {
            let list = column.as_list::<i32>();
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            Ok(Arc::new(ListArray::try_new(field, offsets, as_comparable(list.values())?, nulls)?))
        }
        (DataType::LargeList(_), DataType::LargeList(field)) => {
            let list = column.as_list::<i64>();
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let values = as_comparable(list.values())?;
            Ok(Arc::new(LargeListArray::try_new(field, offsets, values, nulls)?))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let parts = column.as_struct();
            let columns: Vec<ArrayRef> =
                parts.columns().iter().map(as_comparable).collect::<Result<_, _>>()?;
            Ok(Arc::new(StructArray::try_new(fields, columns, parts.nulls().cloned())?))
        }
        _ => Ok(Arc::clone(column)),
    }
}

/// Writes what values of a type are, without what does not show in them: how texts and lists are stored, names of items.
fn tell(kind: &DataType, out: &mut String) {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => out.push_str("text;"),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => out.push_str("bytes;"),
        DataType::Dictionary(_, values) => tell(values, out),
        DataType::List(item) | DataType::LargeList(item) => {
            out.push_str("list ");
            tell(item.data_type(), out);
        }
        DataType::FixedSizeList(item, _) => {
            out.push_str("vector ");
            tell(item.data_type(), out);
        }
        DataType::Struct(fields) => {
            // Writing to a text does not fail.
            let _ = write!(out, "{} fields ", fields.len());
            for field in fields {
                let _ = write!(out, "{:?} ", field.name());
                tell(field.data_type(), out);
            }
        }
        other => {
            let _ = write!(out, "{other:?};");
        }
    }
}

#[cfg(test)]
mod tests;
