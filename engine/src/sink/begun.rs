//! [`begun`]: partitions that are on their way already, as a plan. Each of them can be executed once.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::fragments::Rows;
use crate::{Error, Ready, Result};

/// A plan whose partitions are these.
pub(super) fn begun(schema: &SchemaRef, partitions: Vec<Rows>) -> Result<Arc<dyn ExecutionPlan>> {
    let partition = |rows| -> Arc<dyn PartitionStream> {
        Arc::new(Begun { schema: Arc::clone(schema), rows: Mutex::new(Some(rows)) })
    };
    let partitions = partitions.into_iter().map(partition).collect();
    let schema = Arc::clone(schema);
    Ok(Arc::new(StreamingTableExec::try_new(schema, partitions, None, None, false, None)?))
}

impl Ready {
    /// Begins all of its partitions.
    pub(super) fn begin(&self) -> Result<Vec<Rows>> {
        let partitions = 0..self.plan.output_partitioning().partition_count();
        let execute = |partition| {
            let rows = self.plan.execute(partition, Arc::clone(&self.context))?;
            Ok(rows.map_err(Error::from).boxed())
        };
        partitions.map(execute).collect()
    }
}

struct Begun {
    schema: SchemaRef,
    rows: Mutex<Option<Rows>>,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").finish_non_exhaustive()
    }
}

impl PartitionStream for Begun {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rows = rows.unwrap_or_else(|| {
            stream::once(async { Err(Error::internal("a partition was read twice")) }).boxed()
        });
        let rows = rows.map_err(DataFusionError::from);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
