//! [`Written`]: what a partition became, as data that may come from another process.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::error::DataFusionError;
use lance_table::format::Fragment;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Error, Result};

static ROW: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name| Field::new(name, DataType::Utf8, false);
    let rows = Field::new("rows", DataType::UInt64, false);
    Arc::new(Schema::new(vec![text("fragments"), rows, text("preview")]))
});

/// The files that hold a partition's rows, in their order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Written {
    pub(super) fragments: Vec<Fragment>,
    pub(super) rows: u64,
    /// The first rows, for people who look before they read.
    pub(super) preview: Vec<Value>,
}

impl Written {
    /// The columns of its row: fragments and preview are JSON.
    pub(super) fn schema() -> SchemaRef {
        Arc::clone(&ROW)
    }

    /// A batch of one row that says it all.
    pub(super) fn to_row(&self) -> Result<RecordBatch> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![to_json(&self.fragments)?])),
            Arc::new(UInt64Array::from(vec![self.rows])),
            Arc::new(StringArray::from(vec![to_json(&self.preview)?])),
        ];
        let row = RecordBatchOptions::new().with_row_count(Some(1));
        let batch = RecordBatch::try_new_with_options(Self::schema(), columns, &row);
        Ok(batch.map_err(DataFusionError::from)?)
    }

    /// What the rows of a batch say.
    pub(super) fn of_rows(batch: &RecordBatch) -> Result<Vec<Self>> {
        let [fragments, rows, preview] = batch.columns() else {
            return Err(Error::internal(format!("no partition was written: {}", batch.schema())));
        };
        let (fragments, preview) = (fragments.as_string::<i32>(), preview.as_string::<i32>());
        let rows = rows.as_primitive::<UInt64Type>();
        let row = |at: usize| {
            Ok(Self {
                fragments: from_json(fragments.value(at))?,
                rows: rows.value(at),
                preview: from_json(preview.value(at))?,
            })
        };
        (0..batch.num_rows()).map(row).collect()
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::internal(error.to_string()))
}

fn from_json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::internal(error.to_string()))
}
