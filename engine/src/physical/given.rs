//! [`GivenExec`]: rows that are on their way already, as the input of an operator that is made while a plan runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatchOptions;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::stream;

use super::one_partition::Batches;

/// A batch of so many rows, with or without columns.
pub(super) fn batch_of(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}

/// Partitions whose rows come once.
pub(crate) struct GivenExec {
    properties: Arc<PlanProperties>,
    partitions: Vec<Mutex<Option<Batches>>>,
}

impl GivenExec {
    /// One partition.
    pub(crate) fn new(schema: SchemaRef, rows: Batches) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { properties: Arc::new(properties), partitions: vec![Mutex::new(Some(rows))] }
    }

    /// What stands for `plan`, whose rows are still to be given.
    pub(super) fn like(plan: &dyn ExecutionPlan) -> Self {
        let properties = Arc::clone(plan.properties());
        let count = properties.output_partitioning().partition_count();
        Self { properties, partitions: (0..count).map(|_| Mutex::default()).collect() }
    }

    pub(super) fn give(&self, partition: usize, rows: Batches) {
        let mut given = self.partitions[partition].lock().unwrap_or_else(PoisonError::into_inner);
        *given = Some(rows);
    }

    /// Rows that are in memory.
    pub(super) fn give_all(&self, partition: usize, rows: Vec<RecordBatch>) {
        self.give(partition, Box::pin(stream::iter(rows.into_iter().map(Ok))));
    }
}

impl fmt::Debug for GivenExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenExec").finish_non_exhaustive()
    }
}

impl DisplayAs for GivenExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GivenExec")
    }
}

impl ExecutionPlan for GivenExec {
    fn name(&self) -> &'static str {
        "GivenExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        _context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut given = self.partitions[partition].lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rows) = given.take() else {
            return internal_err!("rows that come once were read twice");
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}
