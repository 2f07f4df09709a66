//! [`Rows`]: files as rows of `File`, while they are found.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Int64Builder, StringBuilder, StructArray, TimestampMicrosecondBuilder,
    new_null_array,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::DataFusionError;

use crate::{Error, Result};

/// Rows of a batch: small enough that the first results come at once.
pub(super) const BATCH_ROWS: usize = 8192;

pub(in crate::source) type Batch = Result<RecordBatch>;

/// A file that was found.
pub(in crate::source) struct FileRow<'a> {
    pub(in crate::source) source: &'a str,
    pub(in crate::source) path: &'a str,
    pub(in crate::source) size: u64,
    pub(in crate::source) version: &'a str,
    pub(in crate::source) etag: &'a str,
    pub(in crate::source) modified_micros: i64,
}

/// Columns of `File` under construction.
pub(in crate::source) struct Rows {
    schema: SchemaRef,
    source: StringBuilder,
    path: StringBuilder,
    size: Int64Builder,
    version: StringBuilder,
    etag: StringBuilder,
    modified: TimestampMicrosecondBuilder,
    count: usize,
}

impl Rows {
    pub(in crate::source) fn new(schema: SchemaRef) -> Self {
        Self {
            schema,
            source: StringBuilder::new(),
            path: StringBuilder::new(),
            size: Int64Builder::new(),
            version: StringBuilder::new(),
            etag: StringBuilder::new(),
            modified: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            count: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(in crate::source) fn push(&mut self, file: &FileRow<'_>) {
        self.source.append_value(file.source);
        self.path.append_value(file.path);
        self.size.append_value(i64::try_from(file.size).unwrap_or(i64::MAX));
        self.version.append_value(file.version);
        self.etag.append_value(file.etag);
        self.modified.append_value(file.modified_micros);
        self.count += 1;
    }

    /// What was pushed since the last time.
    pub(in crate::source) fn finish(&mut self) -> Batch {
        let rows = std::mem::take(&mut self.count);
        let DataType::Struct(fields) = self.schema.field(0).data_type() else {
            return Err(Error::internal("a listing's column is no struct"));
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.source.finish()),
            Arc::new(self.path.finish()),
            Arc::new(self.size.finish()),
            Arc::new(self.version.finish()),
            Arc::new(self.etag.finish()),
            Arc::new(BooleanArray::from(vec![true; rows])),
            Arc::new(self.modified.finish()),
            new_null_array(&DataType::Utf8, rows),
        ];
        let files =
            StructArray::try_new(fields.clone(), columns, None).map_err(DataFusionError::from)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(
            Arc::clone(&self.schema),
            vec![Arc::new(files)],
            &options,
        );
        Ok(batch.map_err(DataFusionError::from)?)
    }
}
