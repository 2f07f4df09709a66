//! [`ValuesTable`]: rows in memory as a table; and what batches from elsewhere need to become such rows.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, StructArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use catalog::DatasetVersion;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::plan_err;
use datafusion::datasource::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::error::Result as PlanResult;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use lance::Dataset;

use super::ranges::{Slice, ranges};
use super::{DatasetTable, Dependency, Source};
use crate::Result;
use crate::identity::{Content, Reason, SourceIdentity};

#[cfg(test)]
mod tests;

/// Rows in memory.
#[derive(Debug)]
pub(crate) struct ValuesTable {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    made_of: Option<Dependency>,
    digest: OnceLock<String>,
}

impl ValuesTable {
    pub(crate) fn try_new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Result<Self> {
        if let Some(other) = batches.iter().find(|batch| !schema.contains(&batch.schema())) {
            return Ok(plan_err!("rows of {} among rows of {schema}", other.schema())?);
        }
        Ok(Self { schema, batches, made_of: None, digest: OnceLock::new() })
    }

    /// The same rows, which are kept elsewhere too, with their digest if it is known there.
    pub(crate) fn known_as(self, made_of: Dependency, digest: Option<String>) -> Self {
        let digest = digest.map_or_else(OnceLock::new, OnceLock::from);
        Self { made_of: Some(made_of), digest, ..self }
    }

    /// The rows, cut for partitions.
    fn ranges(&self, target: usize) -> Vec<Vec<RecordBatch>> {
        let heights: Vec<usize> = self.batches.iter().map(RecordBatch::num_rows).collect();
        let cut = |slice: Slice| self.batches[slice.part].slice(slice.start, slice.rows);
        let ranges = ranges(&heights, target, 0..usize::MAX).into_iter();
        ranges.map(|range| range.into_iter().map(cut).collect()).collect()
    }
}

impl Source for ValuesTable {
    fn identity(&self) -> Result<SourceIdentity, Reason> {
        let digest = self.digest.get_or_init(|| Content::of(&self.batches)).clone();
        Ok(SourceIdentity::Values { digest })
    }

    fn dependencies(&self) -> Vec<Dependency> {
        self.made_of.iter().cloned().collect()
    }

    /// The rows of a listing, which are few now.
    fn over(&self, versions: &[(DatasetVersion, Arc<Dataset>)]) -> Option<Arc<dyn Source>> {
        let Some(Dependency::Version(made_of)) = &self.made_of else { return None };
        let (record, dataset) =
            versions.iter().find(|(record, _)| record.dataset == made_of.name)?;
        let column = Arc::clone(self.schema.fields().first()?);
        let is_same = record.schema.fields().first()?.data_type() == column.data_type();
        let table = || DatasetTable::of_listing(record, Arc::clone(dataset), column);
        is_same.then(|| Arc::new(table()) as _)
    }
}

#[async_trait]
impl TableProvider for ValuesTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let ranges = self.ranges(state.config().target_partitions());
        let rows = MemorySourceConfig::try_new(&ranges, self.schema(), projection.cloned())?;
        let sizes = state.config_options().explain.show_sizes;
        Ok(DataSourceExec::from_data_source(rows.with_show_sizes(sizes)))
    }
}

/// The same rows, with the nulls of structs in their fields too, at any depth of structs.
///
/// Arrow does not ask for that, and others write zeros there; `get_field` would show them.
pub(crate) fn nulls_reach_fields(batch: &RecordBatch) -> Result<RecordBatch> {
    let columns = batch.columns().iter().map(nulls_in_fields).collect::<PlanResult<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    let batch = RecordBatch::try_new_with_options(batch.schema(), columns, &options);
    Ok(batch.map_err(datafusion::error::DataFusionError::from)?)
}

/// The same column, with the nulls of structs in their fields too.
pub(crate) fn nulls_in_fields(column: &ArrayRef) -> PlanResult<ArrayRef> {
    nulls_below(column, None)
}

/// The same column, with the nulls of what it is a field of.
pub(super) fn nulls_below(column: &ArrayRef, above: Option<&NullBuffer>) -> PlanResult<ArrayRef> {
    let nulls = NullBuffer::union(above, column.nulls()).filter(|nulls| nulls.null_count() > 0);
    let DataType::Struct(fields) = column.data_type() else {
        let known = nulls.as_ref().map_or(0, NullBuffer::null_count) == column.null_count();
        if known || column.data_type().is_null() {
            return Ok(Arc::clone(column));
        }
        return Ok(make_array(column.to_data().into_builder().nulls(nulls).build()?));
    };
    let model = column.as_struct();
    let children = model.columns().iter().map(|child| nulls_below(child, nulls.as_ref()));
    let children = children.collect::<PlanResult<Vec<_>>>()?;
    let model = StructArray::try_new_with_length(fields.clone(), children, nulls, model.len())?;
    Ok(Arc::new(model))
}
