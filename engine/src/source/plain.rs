//! [`plain`]: columns as their values. Dictionaries and runs are encodings that each batch may choose anew; functions,
//! other batches and stored files take the values.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};

/// The schema of plain columns.
pub(crate) fn plain_schema(schema: &Schema) -> SchemaRef {
    let fields: Vec<FieldRef> = schema.fields().iter().map(plain_field).collect();
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// The batch in the schema of plain columns.
pub(crate) fn plain(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let column = |(column, field): (&ArrayRef, &FieldRef)| {
        if column.data_type() == field.data_type() {
            return Ok(Arc::clone(column));
        }
        Ok(cast_with_options(column, field.data_type(), &exact)?)
    };
    let columns = batch.columns().iter().zip(schema.fields()).map(column);
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(DataFusionError::from)
}

fn plain_field(field: &FieldRef) -> FieldRef {
    match plain_type(field.data_type()) {
        Some(kind) => Arc::new(Field::clone(field).with_data_type(kind)),
        None => Arc::clone(field),
    }
}

/// The type of the values; `None` if they have it already.
fn plain_type(kind: &DataType) -> Option<DataType> {
    let item = |item: &FieldRef| {
        let plain = plain_field(item);
        (plain != *item).then_some(plain)
    };
    match kind {
        DataType::Dictionary(_, value) => Some(match value.as_ref() {
            DataType::Utf8View => DataType::Utf8,
            DataType::BinaryView => DataType::Binary,
            value => plain_type(value).unwrap_or_else(|| value.clone()),
        }),
        DataType::RunEndEncoded(_, values) => {
            let kind = values.data_type();
            Some(plain_type(kind).unwrap_or_else(|| kind.clone()))
        }
        DataType::Struct(fields) => {
            let plain: Vec<FieldRef> = fields.iter().map(plain_field).collect();
            (plain.as_slice() != fields.as_ref()).then(|| DataType::Struct(plain.into()))
        }
        DataType::List(inner) | DataType::ListView(inner) => {
            let is_view = matches!(kind, DataType::ListView(_));
            let plain = item(inner).or_else(|| is_view.then(|| Arc::clone(inner)))?;
            Some(DataType::List(plain))
        }
        DataType::LargeList(inner) | DataType::LargeListView(inner) => {
            let is_view = matches!(kind, DataType::LargeListView(_));
            let plain = item(inner).or_else(|| is_view.then(|| Arc::clone(inner)))?;
            Some(DataType::LargeList(plain))
        }
        DataType::FixedSizeList(inner, length) => {
            item(inner).map(|plain| DataType::FixedSizeList(plain, *length))
        }
        DataType::Map(entries, sorted) => item(entries).map(|plain| DataType::Map(plain, *sorted)),
        _ => None,
    }
}
