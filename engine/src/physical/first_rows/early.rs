//! [`EarlyRowsExec`]: drops rows whose keys came before in the same partition, so that fewer rows wait for their turn.
//!
//! Rows may pass that are no first ones, so it gives up where memory ends or most rows are first ones.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::{TryStreamExt, future};

use super::{FirstRows, Seen};

/// After so many rows it is known whether they have had their keys before.
const KNOWN_ROWS: usize = 1 << 17;

/// The operator.
#[derive(Debug)]
pub(in crate::physical) struct EarlyRowsExec {
    input: Arc<dyn ExecutionPlan>,
    work: Arc<FirstRows>,
}

impl EarlyRowsExec {
    pub(in crate::physical) fn new(input: Arc<dyn ExecutionPlan>, work: Arc<FirstRows>) -> Self {
        Self { input, work }
    }
}

impl DisplayAs for EarlyRowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ExecutionPlan for EarlyRowsExec {
    fn name(&self) -> &'static str {
        "EarlyRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("{} needs an input", self.name());
        };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.work))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.input.execute(partition, Arc::clone(&context))?;
        let partitions = self.input.output_partitioning().partition_count();
        if partitions == 1 {
            return Ok(rows);
        }
        let mut seen = Seen::try_new(&self.work, &rows.schema(), &context)?;
        seen.most_bytes /= partitions;
        let mut early = Early { work: Arc::clone(&self.work), seen: Some(seen), rows: 0, first: 0 };
        let rows = rows.and_then(move |batch| future::ready(early.rows(batch)));
        let rows = rows.try_filter(|batch| future::ready(batch.num_rows() > 0));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

struct Early {
    work: Arc<FirstRows>,
    /// None once it has been given up.
    seen: Option<Seen>,
    rows: usize,
    first: usize,
}

impl Early {
    fn rows(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let Some(seen) = &mut self.seen else {
            return Ok(batch);
        };
        self.rows += batch.num_rows();
        let (batch, fits) = seen.first_rows(&self.work.keys, &batch)?;
        self.first += batch.num_rows();
        if !fits || (self.rows >= KNOWN_ROWS && self.first > self.rows / 4 * 3) {
            self.seen = None;
        }
        Ok(batch)
    }
}
