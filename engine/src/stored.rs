//! What columns are in files where Lance cannot keep their type: it has fixed-size lists of numbers only, loses its place
//! at models without fields, and knows the fields of a model by their names. The catalog records the type that users know; scans give it back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, GenericListArray, MapArray,
    OffsetSizeTrait, RecordBatch, RecordBatchOptions, StructArray, UInt64Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::error::Result;

/// The schema of the files.
pub(crate) fn stored_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(stored_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

fn stored_field(field: &FieldRef) -> FieldRef {
    let kind = stored_type(field.data_type());
    if kind == *field.data_type() {
        return Arc::clone(field);
    }
    Arc::new(Field::clone(field).with_data_type(kind))
}

fn stored_type(kind: &DataType) -> DataType {
    match kind {
        // Whether the model is there; null where it is null.
        DataType::Struct(fields) if fields.is_empty() => DataType::Boolean,
        DataType::Struct(fields) => DataType::Struct(stored_fields(fields)),
        DataType::List(item) => DataType::List(stored_field(item)),
        DataType::LargeList(item) => DataType::LargeList(stored_field(item)),
        DataType::FixedSizeList(item, length) if is_number(item.data_type()) => {
            DataType::FixedSizeList(Arc::clone(item), *length)
        }
        DataType::FixedSizeList(item, _) => DataType::List(stored_field(item)),
        DataType::Map(entries, sorted) => DataType::Map(stored_field(entries), *sorted),
        kind => kind.clone(),
    }
}

/// The fields of a model, each with a name of its own.
fn stored_fields(fields: &Fields) -> Fields {
    let field = |(at, field): (usize, &FieldRef)| {
        let stored = stored_field(field);
        let is_taken = fields[..at].iter().any(|other| other.name() == field.name());
        if !is_taken {
            return stored;
        }
        Arc::new(Field::clone(&stored).with_name(format!("{} #{at}", field.name())))
    };
    fields.iter().enumerate().map(field).collect()
}

fn is_number(kind: &DataType) -> bool {
    kind.is_integer() || kind.is_floating()
}

/// The batch as files hold it, or as its users know it.
pub(crate) fn converted(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| convert(column, field.data_type()));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// The column in the other of its two types; within it, what has no two is cast where names or nullability differ.
pub(crate) fn convert(column: &ArrayRef, kind: &DataType) -> Result<ArrayRef> {
    if column.data_type() == kind {
        return Ok(Arc::clone(column));
    }
    Ok(match (column.data_type(), kind) {
        (DataType::Struct(fields), DataType::Boolean) if fields.is_empty() => {
            let there = (0..column.len()).map(|row| column.is_valid(row).then_some(true));
            Arc::new(there.collect::<BooleanArray>())
        }
        (DataType::Boolean, DataType::Struct(fields)) if fields.is_empty() => {
            let nulls = column.nulls().cloned();
            Arc::new(StructArray::new_empty_fields(column.len(), nulls))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let model = column.as_struct();
            let parts = model.columns().iter().zip(fields);
            let parts = parts.map(|(part, field)| convert(part, field.data_type()));
            let parts = parts.collect::<Result<Vec<_>>>()?;
            let nulls = model.nulls().cloned();
            let rows = model.len();
            Arc::new(StructArray::try_new_with_length(fields.clone(), parts, nulls, rows)?)
        }
        (DataType::List(_), DataType::List(item)) => list(column.as_list::<i32>(), item)?,
        (DataType::LargeList(_), DataType::LargeList(item)) => list(column.as_list::<i64>(), item)?,
        (DataType::FixedSizeList(from, _), DataType::List(item)) => {
            let lists = cast(column, &DataType::List(Arc::clone(from)))?;
            list(lists.as_list::<i32>(), item)?
        }
        (DataType::List(_), DataType::FixedSizeList(item, length)) => {
            let lists = list(column.as_list::<i32>(), item)?;
            retyped_vectors(&cast(&lists, kind)?, item, *length)?
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let map = column.as_map();
            let inner: ArrayRef = Arc::new(map.entries().clone());
            let inner = convert(&inner, entries.data_type())?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            let inner = inner.as_struct().clone();
            Arc::new(MapArray::try_new(Arc::clone(entries), offsets, inner, nulls, *sorted)?)
        }
        // Each value is converted once, however often it is there.
        (DataType::Dictionary(..), kind) if !matches!(kind, DataType::Dictionary(..)) => {
            let places = column.as_any_dictionary();
            take(&convert(places.values(), kind)?, places.keys(), None)?
        }
        _ => cast(column, kind)?,
    })
}

/// The lists with items of another type. Rows that are null keep no items, which might be null where none may be.
fn list<O: OffsetSizeTrait>(lists: &GenericListArray<O>, item: &FieldRef) -> Result<ArrayRef> {
    if lists.nulls().is_some() && lists.values().null_count() > 0 && !item.is_nullable() {
        let rows = UInt64Array::from_iter_values(0..lists.len() as u64);
        let compact = take(lists, &rows, None)?;
        if compact.as_list::<O>().values().null_count() == 0 {
            return list(compact.as_list::<O>(), item);
        }
    }
    let values = convert(lists.values(), item.data_type())?;
    let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
    Ok(Arc::new(GenericListArray::try_new(Arc::clone(item), offsets, values, nulls)?))
}

/// The vectors with the item field that their users know.
fn retyped_vectors(vectors: &ArrayRef, item: &FieldRef, length: i32) -> Result<ArrayRef> {
    let vectors = vectors.as_fixed_size_list();
    let (values, nulls) = (Arc::clone(vectors.values()), vectors.nulls().cloned());
    Ok(Arc::new(FixedSizeListArray::try_new(Arc::clone(item), length, values, nulls)?))
}
