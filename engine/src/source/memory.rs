//! Batches that come from elsewhere, made to keep our promise: the fields of a null struct are null.
//!
//! Arrow does not ask for that, and others write zeros there; `get_field` would show them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::error::Result as PlanResult;

use crate::Result;

#[cfg(test)]
mod tests;

/// The same rows, with the nulls of structs in their fields too, at any depth of structs.
pub(crate) fn nulls_reach_fields(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| pushed(column, None))
        .collect::<PlanResult<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(batch.schema(), columns, &options);
    Ok(batch.map_err(datafusion::error::DataFusionError::from)?)
}

fn pushed(column: &ArrayRef, above: Option<&NullBuffer>) -> PlanResult<ArrayRef> {
    let nulls = NullBuffer::union(above, column.nulls()).filter(|nulls| nulls.null_count() > 0);
    let DataType::Struct(fields) = column.data_type() else {
        if above.is_none_or(|above| above.null_count() == 0) || column.data_type().is_null() {
            return Ok(Arc::clone(column));
        }
        return Ok(make_array(column.to_data().into_builder().nulls(nulls).build()?));
    };
    let model = column.as_struct();
    let children = model.columns().iter().map(|child| pushed(child, nulls.as_ref()));
    let children = children.collect::<PlanResult<Vec<_>>>()?;
    let model = StructArray::try_new_with_length(fields.clone(), children, nulls, model.len())?;
    Ok(Arc::new(model))
}
