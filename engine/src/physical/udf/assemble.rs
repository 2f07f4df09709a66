//! Results and the columns beside them become rows.

use arrow::array::{Array, ArrayRef, RecordBatch, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::Result;

/// Rows from results and, for each result, its input row; without origins they are those of the input rows in order.
pub(super) fn assemble(
    passing: &RecordBatch,
    results: &[ArrayRef],
    origins: Option<&UInt32Array>,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let rows = origins.map_or_else(|| passing.num_rows(), Array::len);
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for column in passing.columns() {
        columns.push(match origins {
            Some(origins) => take(column, origins, None)?,
            None => ArrayRef::clone(column),
        });
    }
    columns.extend(results.iter().cloned());
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(SchemaRef::clone(schema), columns, &options)?)
}
