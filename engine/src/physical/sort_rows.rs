//! [`SortRowsExec`]: a sort of rows that may be wide.
//!
//! DataFusion's sort (54) writes down and merges batches of as many rows as the session says, some of each part at once.
//! The first rows tell how many of them are enough. And it counts all of what rows are a part of, so that a few rows of
//! each of the pages that readers hand out would seem to fill the memory: those are copied.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, RecordBatchOptions, StructArray, UInt64Array,
};
use arrow::compute::take_record_batch;
use arrow::datatypes::DataType;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::given::GivenExec;
use crate::memory::Pool;
use crate::source::{own_bytes, read_bytes};

/// As many rows a batch as are worth it, however narrow they are.
const MOST_ROWS: usize = 8192;

/// The sort of all rows, not of the first ones.
#[derive(Debug)]
pub(crate) struct SortRowsExec(Arc<SortExec>);

impl SortRowsExec {
    pub(crate) fn new(sort: &SortExec) -> Self {
        Self(Arc::new(sort.clone()))
    }
}

/// Rows that are on their way, in memory of their own, and the bytes that one of the first takes.
pub(super) async fn measured(
    mut rows: SendableRecordBatchStream,
    context: &TaskContext,
) -> Result<(SendableRecordBatchStream, usize)> {
    let first: Vec<RecordBatch> = rows.try_next().await?.into_iter().collect();
    let row_bytes = read_bytes(&first);
    let schema = rows.schema();
    // WHY: the sort counts all texts of a batch with each of the batches that it makes of it, where they are views.
    let has_views = schema.fields().iter().any(|field| holds_views(field.data_type()));
    let most = rows_at_once(row_bytes, context).filter(|_| has_views).unwrap_or(usize::MAX);
    let rows = stream::iter(first.into_iter().map(Ok)).chain(rows);
    let rows = rows.map_ok(move |batch| stream::iter(pieces(&batch, most)).map(owned));
    Ok((Box::pin(RecordBatchStreamAdapter::new(schema, rows.try_flatten())), row_bytes))
}

fn holds_views(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8View | DataType::BinaryView => true,
        DataType::Struct(fields) => fields.iter().any(|field| holds_views(field.data_type())),
        _ => false,
    }
}

/// The batch in pieces of at most so many rows.
fn pieces(batch: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    let rows = batch.num_rows();
    let starts = (0..rows).step_by(most);
    starts.map(|start| batch.slice(start, most.min(rows - start))).collect()
}

/// The rows in memory of their own, where they are a small part of what they hold on to.
pub(super) fn owned(batch: RecordBatch) -> Result<RecordBatch> {
    if batch.get_array_memory_size() <= own_bytes(&batch) * 2 {
        return Ok(batch);
    }
    let all = UInt64Array::from_iter_values(0..batch.num_rows() as u64);
    let taken = take_record_batch(&batch, &all)?;
    let columns = taken.columns().iter().map(compact).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(taken.num_rows()));
    Ok(RecordBatch::try_new_with_options(taken.schema(), columns, &options)?)
}

/// Views without the texts that others look at, which are taken along.
fn compact(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Utf8View => Arc::new(column.as_string_view().gc()),
        DataType::BinaryView => Arc::new(column.as_binary_view().gc()),
        DataType::Struct(fields) => {
            let model = column.as_struct();
            let fields_inside = model.columns().iter().map(compact).collect();
            let nulls = model.nulls().cloned();
            match StructArray::try_new_with_length(
                fields.clone(),
                fields_inside,
                nulls,
                model.len(),
            ) {
                Ok(model) => Arc::new(model),
                Err(_same_types) => Arc::clone(column),
            }
        }
        _ => Arc::clone(column),
    }
}

/// How many rows that take so many bytes batches should have; `None` where nobody counts.
fn rows_at_once(row_bytes: usize, context: &TaskContext) -> Option<usize> {
    let pool = context.memory_pool().downcast_ref::<Pool>()?;
    (row_bytes > 0).then(|| (pool.batch_bytes() / row_bytes).clamp(1, MOST_ROWS))
}

/// The context for operators whose rows take so many bytes.
pub(super) fn context_for(row_bytes: usize, context: &Arc<TaskContext>) -> Arc<TaskContext> {
    match rows_at_once(row_bytes, context) {
        Some(rows) => with_batches_of(context, rows),
        None => Arc::clone(context),
    }
}

/// The same session with batches of so many rows.
pub(super) fn with_batches_of(context: &TaskContext, rows: usize) -> Arc<TaskContext> {
    Arc::new(TaskContext::new(
        context.task_id(),
        context.session_id(),
        context.session_config().clone().with_batch_size(rows),
        context.scalar_functions().clone(),
        context.higher_order_functions().clone(),
        context.aggregate_functions().clone(),
        context.window_functions().clone(),
        context.runtime_env(),
    ))
}

impl DisplayAs for SortRowsExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(kind, f)
    }
}

impl ExecutionPlan for SortRowsExec {
    fn name(&self) -> &'static str {
        "SortRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.0.input()]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("a sort needs an input");
        };
        let sort = SortExec::new(self.0.expr().clone(), input);
        let sort = sort.with_preserve_partitioning(self.0.preserve_partitioning());
        Ok(Arc::new(Self(Arc::new(sort))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.0.input().execute(partition, Arc::clone(&context))?;
        let order = self.0.expr().clone();
        let sorted = stream::once(async move {
            let (rows, row_bytes) = measured(rows, &context).await?;
            let given = Arc::new(GivenExec::new(rows.schema(), rows.boxed()));
            SortExec::new(order, given).execute(0, context_for(row_bytes, &context))
        });
        // Views come with all texts of the rows that were sorted together.
        let sorted = sorted.try_flatten().map(|batch| owned(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), sorted)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.0.partition_statistics(partition)
    }
}

#[cfg(test)]
mod tests;
