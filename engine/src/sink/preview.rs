//! The first rows of a version as JSON, for people who look before they read.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, LargeBinaryArray, LargeStringArray, RecordBatch,
    StringArray, StructArray,
};
use arrow::datatypes::DataType;
use arrow::json::ArrayWriter;
use arrow::record_batch::RecordBatchOptions;
use serde_json::Value;

use crate::Result;

/// How many rows a preview has.
pub(super) const PREVIEW_ROWS: usize = 20;

/// Of a text or of bytes this much is shown: an image is no preview of itself.
const SHOWN_BYTES: usize = 1000;

/// The rows as an array of objects; binary values as hexadecimal text, long ones by their beginning.
pub(super) fn to_json(rows: &[RecordBatch]) -> Result<Value> {
    let mut writer = ArrayWriter::new(Vec::new());
    for batch in rows {
        let columns = batch.columns().iter().map(shortened).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(batch.schema(), columns, &options)
            .map_err(datafusion::error::DataFusionError::from)?;
        writer.write(&batch).map_err(datafusion::error::DataFusionError::from)?;
    }
    writer.finish().map_err(datafusion::error::DataFusionError::from)?;
    let text = writer.into_inner();
    if text.is_empty() {
        return Ok(Value::Array(vec![]));
    }
    serde_json::from_slice(&text).map_err(|error| crate::Error::internal(error.to_string()))
}

/// The column with only the beginning of long texts and bytes, also inside of models.
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
            let parts = model.columns().iter().map(shortened).collect();
            let nulls = model.nulls().cloned();
            StructArray::try_new_with_length(fields.clone(), parts, nulls, model.len())
                .map_or_else(|_kept| Arc::clone(column), |model| Arc::new(model) as ArrayRef)
        }
        _ => Arc::clone(column),
    }
}
