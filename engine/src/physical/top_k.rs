//! [`TopKExec`]: operator of `logical/top_k.rs`: takes more columns of rows whose places are known.

use std::fmt;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow::datatypes::{SchemaRef, UInt64Type};
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use super::one_partition::{Batches, OnePartitionExec, Work};
use crate::source::Source;

/// Rows that are taken at once: they may be long.
const ROWS: usize = 1024;

/// Rows with the columns that are read late.
pub(super) type TopKExec = OnePartitionExec<TakeLate>;

/// Where the columns are.
#[derive(Debug)]
pub(super) struct TakeLate {
    pub(super) late: Arc<dyn Source>,
    pub(super) by_distance: bool,
    /// The other columns of the input, then these.
    pub(super) schema: SchemaRef,
}

impl fmt::Display for TakeLate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.late.schema();
        let columns: Vec<&str> =
            columns.fields().iter().map(|field| field.name().as_str()).collect();
        let name = if self.by_distance { "VectorTopKExec" } else { "TopKExec" };
        write!(f, "{name}: then [{}]", columns.join(", "))
    }
}

impl Work for TakeLate {
    const NAME: &'static str = "TopKExec";
    const KEEPS_ORDER: bool = true;

    fn schema(&self, _input: &dyn ExecutionPlan) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        let rows = input.execute(0, context)?;
        let pieces = rows
            .map_ok(|batch| stream::iter(pieces(&batch).into_iter().map(Ok::<_, DataFusionError>)));
        let taken = pieces.try_flatten().and_then(move |first| {
            let work = Arc::clone(&self);
            async move { work.taken(&first).await }
        });
        Ok(taken.boxed())
    }
}

impl TakeLate {
    async fn taken(&self, first: &RecordBatch) -> Result<RecordBatch> {
        let Some((places, keys)) = first.columns().split_last() else {
            return internal_err!("the first rows have no places");
        };
        let places: &UInt64Array = places.as_primitive::<UInt64Type>();
        let late = self.late.rows_at(places).await?;
        if late.num_rows() != places.len() {
            return internal_err!("{} rows at {} places", late.num_rows(), places.len());
        }
        let columns = keys.iter().chain(late.columns()).cloned().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(places.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}

fn pieces(batch: &RecordBatch) -> Vec<RecordBatch> {
    let starts = (0..batch.num_rows()).step_by(ROWS);
    starts.map(|at| batch.slice(at, ROWS.min(batch.num_rows() - at))).collect()
}
