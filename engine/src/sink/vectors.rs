//! Lists of numbers that all have one length are stored as fixed-size lists, so that vector search works on them.
//!
//! Whether a column is one is known before its rows are written: by its type, by the version that is added to, or by its
//! first rows. A later row of another length is an error.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, FixedSizeListArray, Float64Array, Int32Array, RecordBatch,
    RecordBatchOptions,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::error::Result as PlanResult;
use futures::{StreamExt, stream};

use super::begun::begun;
use super::fragments::Rows;
use crate::{Error, Ready, Result};

/// So many rows, or so many bytes of them, tell whether lists are vectors.
const FIRST_ROWS: usize = 1 << 16;
const FIRST_BYTES: usize = 16 << 20;

/// The length of each top-level column that is stored as vectors; `None` for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct VectorLengths(Vec<Option<i32>>);

impl VectorLengths {
    /// No lists are vectors.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// Whether the column there is stored as vectors.
    pub(super) fn has(&self, at: usize) -> bool {
        self.0.get(at).is_some_and(Option::is_some)
    }

    /// Those of other columns: what each of them is here, if it is.
    pub(super) fn of_columns(&self, columns: impl Iterator<Item = Option<usize>>) -> Self {
        Self(columns.map(|at| self.0.get(at?).copied().flatten()).collect())
    }

    /// Judges by the first rows of the first partition that has any; they are put back.
    pub(super) async fn of_first_rows(schema: &Schema, ready: Ready) -> Result<(Self, Ready)> {
        if !schema.fields().iter().any(|field| may_be_vector(field.data_type())) {
            return Ok((Self::none(), ready));
        }
        let (mut partitions, mut lengths) = (ready.begin()?, Self::none());
        for rows in &mut partitions {
            let first = first_of(rows).await?;
            let has_rows = first.iter().any(|batch| batch.num_rows() > 0);
            if has_rows {
                lengths = Self::of(schema, &first);
            }
            let rest = std::mem::replace(rows, stream::empty().boxed());
            *rows = stream::iter(first.into_iter().map(Ok)).chain(rest).boxed();
            if has_rows {
                break;
            }
        }
        Ok((lengths, Ready { plan: begun(&ready.plan.schema(), partitions)?, ..ready }))
    }

    fn of(schema: &Schema, batches: &[RecordBatch]) -> Self {
        let lengths = (0..schema.fields().len()).map(|at| {
            let columns = batches.iter().map(|batch| batch.column(at));
            let mut columns = columns.filter(|column| column.null_count() < column.len());
            let length = constant_length(columns.next()?)?;
            columns.all(|column| all_have(column, length)).then_some(length)
        });
        Self(lengths.collect())
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

    /// The schema with these columns as fixed-size lists.
    pub(super) fn apply_to(&self, schema: &Schema) -> SchemaRef {
        let lengths = self.0.iter().chain(std::iter::repeat(&None));
        let fields = schema.fields().iter().zip(lengths).map(|(field, length)| match length {
            Some(length) => fixed(field, *length),
            None => Arc::clone(field),
        });
        Arc::new(Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone()))
    }

    /// Refuses a batch with a row that does not fit.
    pub(super) fn check(&self, batch: &RecordBatch) -> Result<()> {
        let columns = self.0.iter().zip(batch.columns()).zip(batch.schema_ref().fields());
        for ((length, column), field) in columns {
            let Some(length) = *length else { continue };
            if let Some(what) = misfit(column, length) {
                return Err(Error::Value {
                    what: format!(
                        "column `{}` has {what}, but its first rows have {length} numbers each and are stored as \
                         vectors; save it after `settings(vectors=False)` to store lists",
                        field.name()
                    ),
                });
            }
        }
        Ok(())
    }

    /// The batch in the schema of [`Self::apply_to`]; call only when it was [checked](Self::check).
    pub(super) fn convert(
        &self,
        batch: &RecordBatch,
        schema: &SchemaRef,
    ) -> PlanResult<RecordBatch> {
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

/// As many of the rows as it takes to tell.
async fn first_of(rows: &mut Rows) -> Result<Vec<RecordBatch>> {
    let (mut first, mut height, mut bytes) = (Vec::new(), 0, 0);
    while height < FIRST_ROWS
        && bytes < FIRST_BYTES
        && let Some(batch) = rows.next().await.transpose()?
    {
        height += batch.num_rows();
        bytes += batch.get_array_memory_size();
        first.push(batch);
    }
    Ok(first)
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
fn to_vectors(column: &ArrayRef, item: &FieldRef, length: i32) -> PlanResult<ArrayRef> {
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
    if !may_be_vector(column.data_type()) {
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

/// Whether a column of the type is looked at.
pub(super) fn may_be_vector(kind: &DataType) -> bool {
    matches!(kind, DataType::List(item) if item.data_type().is_floating())
}

fn all_have(column: &ArrayRef, length: i32) -> bool {
    let lists = column.as_list::<i32>();
    let plain = lists.values().null_count() == 0;
    plain && (0..lists.len()).all(|row| lists.is_null(row) || lists.value_length(row) == length)
}
