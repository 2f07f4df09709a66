//! [`ValuesTable`]: rows in memory as a table; and what batches from elsewhere need to become such rows.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Statistics;
use datafusion::datasource::MemTable;
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::Result;
use crate::checkpoint::Content;

#[cfg(test)]
mod tests;

/// Rows in memory.
#[derive(Debug)]
pub(crate) struct ValuesTable {
    batches: Vec<RecordBatch>,
    table: MemTable,
    digest: OnceLock<String>,
}

impl ValuesTable {
    pub(crate) fn try_new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        let table = MemTable::try_new(schema, vec![batches.clone()])?;
        Ok(Self { batches, table, digest: OnceLock::new() })
    }

    /// The digest of the rows.
    pub(crate) fn identity(&self) -> String {
        let digest = self.digest.get_or_init(|| Content::of(&self.batches));
        format!("values {digest}")
    }
}

#[async_trait]
impl TableProvider for ValuesTable {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        self.table.scan(state, projection, filters, limit).await
    }

    fn statistics(&self) -> Option<Statistics> {
        self.table.statistics()
    }
}

/// The same rows, with the nulls of structs in their fields too, at any depth of structs.
///
/// Arrow does not ask for that, and others write zeros there; `get_field` would show them.
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
