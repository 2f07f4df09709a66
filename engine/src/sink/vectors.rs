//! Lists of numbers that all have one length are stored as fixed-size lists, so that vector search works on them.
//!
//! Whether a column is one is decided by its first batch. A later row of another length demotes the column: what was
//! written is converted back, see `fragments.rs`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array, Int32Array, RecordBatch,
    RecordBatchOptions,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::error::Result;

/// The length of each top-level column that is stored as vectors; `None` for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VectorLengths(Vec<Option<i32>>);

impl VectorLengths {
    /// Judges by the rows of one batch.
    pub(super) fn of(batch: &RecordBatch) -> Self {
        Self(batch.columns().iter().map(constant_length).collect())
    }

    /// Those of a version.
    pub(super) fn of_stored(schema: &Schema) -> Self {
        let length = |field: &FieldRef| match field.data_type() {
            DataType::FixedSizeList(_, length) => Some(*length),
            _ => None,
        };
        Self(schema.fields().iter().map(length).collect())
    }

    /// Those of columns that are lists before they are stored.
    pub(super) fn of_lists_in(self, schema: &Schema) -> Self {
        let is_list = |field: &FieldRef| matches!(field.data_type(), DataType::List(_));
        let lengths = self.0.into_iter().zip(schema.fields());
        Self(lengths.map(|(length, field)| length.filter(|_| is_list(field))).collect())
    }

    /// The columns that are vectors for both.
    pub(super) fn agree(&self, other: &Self) -> Self {
        let pairs = self.0.iter().zip(&other.0);
        Self(pairs.map(|(left, right)| left.filter(|length| Some(*length) == *right)).collect())
    }

    /// The schema with these columns as fixed-size lists.
    pub(super) fn apply_to(&self, schema: &Schema) -> SchemaRef {
        let lengths = self.0.iter().chain(std::iter::repeat(&None));
        let fields = schema.fields().iter().zip(lengths).map(|(field, length)| match length {
            Some(length) => fixed(field, *length),
            None => Arc::clone(field),
        });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
    }

    /// Whether every row of the batch fits.
    pub(super) fn fit(&self, batch: &RecordBatch) -> bool {
        self.0
            .iter()
            .zip(batch.columns())
            .all(|(length, column)| length.is_none_or(|length| all_have(column, length)))
    }

    /// Refuses a batch with a row that does not fit.
    pub(super) fn check(&self, batch: &RecordBatch) -> crate::Result<()> {
        let columns = self.0.iter().zip(batch.columns()).zip(batch.schema_ref().fields());
        for ((length, column), field) in columns {
            let Some(length) = *length else { continue };
            if let Some(what) = misfit(column, length) {
                let what = format!("`{}` has {what}; its vectors have {length} numbers", field.name());
                return Err(crate::Error::Value { what });
            }
        }
        Ok(())
    }

    /// The batch in the schema of [`Self::apply_to`]; call only when it [fits](Self::fit).
    pub(super) fn convert(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(batch.num_columns());
        for (column, field) in batch.columns().iter().zip(schema.fields()) {
            columns.push(match field.data_type() {
                wanted if column.data_type() == wanted => Arc::clone(column),
                DataType::FixedSizeList(item, length) => to_vectors(column, item, *length)?,
                wanted => cast(column, wanted)?,
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
    }
}

fn fixed(field: &FieldRef, length: i32) -> FieldRef {
    let item = match field.data_type() {
        DataType::List(item) | DataType::LargeList(item) => Arc::clone(item),
        _ => return Arc::clone(field),
    };
    let vectors = DataType::FixedSizeList(item, length);
    Arc::new(Field::clone(field).with_data_type(vectors))
}

/// Lists that all have `length` items as vectors. Arrow's own cast forgets where a sliced column begins.
fn to_vectors(column: &ArrayRef, item: &FieldRef, length: i32) -> Result<ArrayRef> {
    let lists = column.as_list::<i32>();
    let offsets = lists.offsets();
    let position = |at: i32| usize::try_from(at).unwrap_or_default();
    let values = if lists.null_count() == 0 {
        let (first, last) = (position(offsets[0]), position(offsets[lists.len()]));
        lists.values().slice(first, last - first)
    } else {
        // A null row needs items too, which nobody reads: those of a row that is there, or zeros.
        let first = (0..lists.len()).find(|row| lists.is_valid(*row));
        let start = |row: usize| if lists.is_valid(row) { Some(row) } else { first };
        let rows: Option<Vec<i32>> =
            (0..lists.len()).map(|row| Some(offsets[start(row)?])).collect();
        match rows {
            Some(starts) => {
                let places = starts.iter().flat_map(|start| *start..start + length);
                take(lists.values(), &places.collect::<Int32Array>(), None)?
            }
            None => {
                let zeros = Float64Array::from(vec![0.0; lists.len() * position(length)]);
                cast(&zeros, item.data_type())?
            }
        }
    };
    let vectors =
        FixedSizeListArray::try_new(Arc::clone(item), length, values, lists.nulls().cloned())?;
    Ok(Arc::new(vectors))
}

/// The one length of all lists of floats; null rows have none, so a column with nulls may be vectors too.
fn constant_length(column: &ArrayRef) -> Option<i32> {
    let floats = matches!(
        column.data_type(),
        DataType::List(item) if item.data_type().is_floating()
    );
    if !floats {
        return None;
    }
    let lists = column.as_list::<i32>();
    let first = (0..lists.len()).find(|row| lists.is_valid(*row))?;
    let length = lists.value_length(first);
    (length > 0 && all_have(column, length)).then_some(length)
}

/// What the first row that is no vector of this length is instead.
fn misfit(column: &ArrayRef, length: i32) -> Option<String> {
    let lists = column.as_list::<i32>();
    let is_other = |row: &usize| lists.is_valid(*row) && lists.value_length(*row) != length;
    match (0..lists.len()).find(is_other) {
        Some(row) => Some(format!("a row of {} numbers", lists.value_length(row))),
        None => (lists.values().null_count() > 0).then(|| "a null in a vector".to_owned()),
    }
}

fn all_have(column: &ArrayRef, length: i32) -> bool {
    let lists = column.as_list::<i32>();
    let plain = lists.values().null_count() == 0;
    plain && (0..lists.len()).all(|row| lists.is_null(row) || lists.value_length(row) == length)
}
