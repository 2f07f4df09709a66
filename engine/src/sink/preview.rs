//! The first rows of a version as JSON, for people who look before they read.

use arrow::array::RecordBatch;
use arrow::json::ArrayWriter;
use serde_json::Value;

use crate::Result;

/// How many rows a preview has.
pub(super) const PREVIEW_ROWS: usize = 20;

/// The rows as an array of objects; binary values as hexadecimal text.
pub(super) fn to_json(rows: &[RecordBatch]) -> Result<Value> {
    let mut writer = ArrayWriter::new(Vec::new());
    for batch in rows {
        writer.write(batch).map_err(datafusion::error::DataFusionError::from)?;
    }
    writer.finish().map_err(datafusion::error::DataFusionError::from)?;
    let text = writer.into_inner();
    if text.is_empty() {
        return Ok(Value::Array(vec![]));
    }
    serde_json::from_slice(&text).map_err(|error| crate::Error::internal(error.to_string()))
}
