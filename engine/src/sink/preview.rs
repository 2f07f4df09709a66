//! The first rows of a version as JSON, for people who look before they read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, GenericListArray, LargeBinaryArray, LargeStringArray,
    MapArray, NullArray, OffsetSizeTrait, RecordBatch, StringArray, StructArray, UInt64Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use arrow::json::ArrayWriter;
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::DataFusionError;
use futures::TryStreamExt;
use lance::Dataset;
use serde_json::Value;

use crate::adapter::error::LanceResultExt;
use crate::stored::converted;
use crate::{Error, Result};

/// How many rows a preview has.
pub(super) const PREVIEW_ROWS: usize = 20;

/// Of a text or of bytes this much is shown: an image is no preview of itself.
const SHOWN_BYTES: usize = 1000;

/// And so many items of a list.
const SHOWN_ITEMS: usize = 1000;

/// The first rows of a state with these columns.
pub(super) async fn of_state(dataset: &Dataset, schema: &SchemaRef) -> Result<Vec<Value>> {
    let title = dataset.uri();
    let mut scanner = dataset.scan();
    scanner.batch_size(PREVIEW_ROWS);
    let rows = i64::try_from(PREVIEW_ROWS).ok();
    scanner.limit(rows, None).lance("read", title)?;
    let batches = scanner.try_into_stream().await.lance("read", title)?;
    let batches: Vec<RecordBatch> = batches.try_collect().await.lance("read", title)?;
    let shown = batches.iter().map(|batch| to_json(&converted(batch, schema)?));
    Ok(shown.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The rows as objects, with only the beginning of long texts, bytes and lists; binary values as hexadecimal text.
pub(super) fn to_json(rows: &RecordBatch) -> Result<Vec<Value>> {
    let mut writer = ArrayWriter::new(Vec::new());
    writer.write(&beginning(rows)?).map_err(DataFusionError::from)?;
    writer.finish().map_err(DataFusionError::from)?;
    serde_json::from_slice(&writer.into_inner()).map_err(|error| Error::internal(error.to_string()))
}

fn beginning(rows: &RecordBatch) -> Result<RecordBatch> {
    let columns: Vec<ArrayRef> = rows.columns().iter().map(shortened).collect();
    let schema = rows.schema();
    let fields = schema.fields().iter().zip(&columns).map(|(field, column)| typed(field, column));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let batch = RecordBatch::try_new_with_options(schema, columns, &options);
    Ok(batch.map_err(DataFusionError::from)?)
}

/// The field with the type of the column.
fn typed(field: &FieldRef, column: &ArrayRef) -> FieldRef {
    Arc::new(Field::clone(field).with_data_type(column.data_type().clone()))
}

/// The column with only the beginning of long texts, bytes and lists, also inside of others.
fn shortened(column: &ArrayRef) -> ArrayRef {
    fn bytes(value: Option<&[u8]>) -> Option<&[u8]> {
        value.map(|value| &value[..value.len().min(SHOWN_BYTES)])
    }
    fn text(value: Option<&str>) -> Option<&str> {
        value.map(|value| &value[..value.floor_char_boundary(SHOWN_BYTES)])
    }
    match column.data_type() {
        DataType::Binary => {
            Arc::new(column.as_binary::<i32>().iter().map(bytes).collect::<BinaryArray>())
        }
        DataType::LargeBinary => {
            Arc::new(column.as_binary::<i64>().iter().map(bytes).collect::<LargeBinaryArray>())
        }
        DataType::Utf8 => {
            Arc::new(column.as_string::<i32>().iter().map(text).collect::<StringArray>())
        }
        DataType::LargeUtf8 => {
            Arc::new(column.as_string::<i64>().iter().map(text).collect::<LargeStringArray>())
        }
        DataType::Struct(fields) => {
            let model = column.as_struct();
            let parts: Vec<ArrayRef> = model.columns().iter().map(shortened).collect();
            let fields = fields.iter().zip(&parts).map(|(field, part)| typed(field, part));
            let fields = fields.collect::<Vec<FieldRef>>().into();
            let nulls = model.nulls().cloned();
            StructArray::try_new_with_length(fields, parts, nulls, model.len())
                .map_or_else(|_kept| Arc::clone(column), |model| Arc::new(model) as ArrayRef)
        }
        DataType::List(item) => first_items(column.as_list::<i32>(), item),
        DataType::LargeList(item) => first_items(column.as_list::<i64>(), item),
        // JSON's keys are text.
        DataType::Map(entries, _) => {
            let shown = text_keys(column.as_map(), entries);
            shown.unwrap_or_else(|| Arc::new(NullArray::new(column.len())))
        }
        _ => Arc::clone(column),
    }
}

/// The lists with their first items, shortened.
fn first_items<O: OffsetSizeTrait>(lists: &GenericListArray<O>, item: &FieldRef) -> ArrayRef {
    let rows = lists.offsets().windows(2).map(|ends| (ends[0].as_usize(), ends[1].as_usize()));
    let rows = rows.map(|(start, end)| start..end.min(start + SHOWN_ITEMS));
    let places: UInt64Array = rows.clone().flatten().map(|at| at as u64).collect();
    let lengths = OffsetBuffer::<O>::from_lengths(rows.map(|row| row.len()));
    let shown = take(lists.values(), &places, None).map(|items| {
        let items = shortened(&items);
        let item = typed(item, &items);
        GenericListArray::<O>::try_new(item, lengths, items, lists.nulls().cloned())
    });
    match shown {
        Ok(Ok(shown)) => Arc::new(shown),
        _ => Arc::new(NullArray::new(lists.len())),
    }
}

/// The map with its keys as text; `None` if they have none.
fn text_keys(map: &MapArray, entries: &FieldRef) -> Option<ArrayRef> {
    let DataType::Struct(fields) = entries.data_type() else {
        return None;
    };
    let keys = cast(map.keys(), &DataType::Utf8).ok()?;
    let key = Arc::new(Field::clone(fields.first()?).with_data_type(DataType::Utf8));
    let fields: Fields = vec![key, Arc::clone(fields.get(1)?)].into();
    let pairs = StructArray::try_new(fields.clone(), vec![keys, Arc::clone(map.values())], None);
    let entries = Arc::new(Field::clone(entries).with_data_type(DataType::Struct(fields)));
    let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
    let shown = MapArray::try_new(entries, offsets, pairs.ok()?, nulls, false);
    Some(Arc::new(shown.ok()?))
}
