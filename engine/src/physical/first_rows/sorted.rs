//! First rows by sorting: by keys, and those with the same key as they came; then as they came.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_null_array,
};
use arrow::compute::{filter_record_batch, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use datafusion::error::Result;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};

use crate::physical::given::{GivenExec, batch_of};
use crate::physical::key_bytes::KeyBytes;
use crate::physical::one_partition::Batches;
use crate::physical::sort_rows::{context_for, measured};

const KEY: &str = "keys as bytes";

/// The number of the row, from 1; keys that were seen before have 0.
const ROW: &str = "row of the input";

/// The first rows of `rows` by their keys, without those whose keys were `seen` already, which take some `memory`.
pub(super) async fn first_rows(
    rows: SendableRecordBatchStream,
    (seen, memory): (ArrayRef, MemoryReservation),
    keys: KeyBytes,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let (rows, row_bytes) = measured(rows, context).await?;
    let context = &context_for(row_bytes, context);
    let shown = rows.schema();
    let schema = numbered(&shown);
    let (key, row) = (shown.fields().len(), shown.fields().len() + 1);
    let (before, of_rows) = (Arc::clone(&schema), Arc::clone(&schema));
    let piece = context.session_config().batch_size();
    let before = stream::iter((0..seen.len()).step_by(piece)).map(move |at| {
        // Copied: a sort counts all of what a slice is a part of.
        let some = (at..seen.len().min(at + piece)).map(|at| at as u64);
        placeholders(&take(&seen, &UInt64Array::from_iter_values(some), None)?, &before)
    });
    let ended = Arc::clone(&schema);
    let before = before.chain(stream::once(async move {
        drop(memory);
        Ok(RecordBatch::new_empty(ended))
    }));
    let mut next = 1;
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let end = next + batch.num_rows() as u64;
        let numbers: ArrayRef = Arc::new(UInt64Array::from_iter_values(next..end));
        next = end;
        let columns = batch.columns().iter().cloned().chain([keys.of(&batch)?, numbers]);
        batch_of(&of_rows, columns.collect(), batch.num_rows())
    });
    let by_key = sorted(&schema, before.chain(rows).boxed(), &[(KEY, key), (ROW, row)], context)?;
    let mut last = None;
    let firsts = by_key.map(move |batch| first_of_keys(&batch?, (key, row), &mut last)).boxed();
    let in_order = sorted(&schema, firsts, &[(ROW, row)], context)?;
    let whole = Arc::clone(&shown);
    let rows = in_order.map(move |batch| {
        let batch = batch?;
        batch_of(&whole, batch.columns()[..key].to_vec(), batch.num_rows())
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(shown, rows)))
}

/// The schema with key and number at its end. Placeholders have nulls in the other columns.
fn numbered(schema: &Schema) -> SchemaRef {
    let fields =
        schema.fields().iter().map(|field| Arc::new(Field::clone(field).with_nullable(true)));
    let key = Arc::new(Field::new(KEY, DataType::Binary, true));
    let row = Arc::new(Field::new(ROW, DataType::UInt64, false));
    Arc::new(Schema::new(fields.chain([key, row]).collect::<Vec<_>>()))
}

fn placeholders(keys: &ArrayRef, schema: &SchemaRef) -> Result<RecordBatch> {
    let count = schema.fields().len() - 2;
    let fields = schema.fields().iter().take(count);
    let mut columns: Vec<_> =
        fields.map(|field| new_null_array(field.data_type(), keys.len())).collect();
    columns.extend([Arc::clone(keys), Arc::new(UInt64Array::from(vec![0; keys.len()])) as _]);
    batch_of(schema, columns, keys.len())
}

fn sorted(
    schema: &SchemaRef,
    rows: Batches,
    by: &[(&str, usize)],
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let given = Arc::new(GivenExec::new(Arc::clone(schema), rows));
    let by =
        by.iter().map(|(name, at)| PhysicalSortExpr::new_default(Arc::new(Column::new(name, *at))));
    match LexOrdering::new(by) {
        Some(by) => SortExec::new(by, given).execute(0, Arc::clone(context)),
        None => given.execute(0, Arc::clone(context)),
    }
}

/// The first row of each key, unless that is a placeholder. `last` is the key before the batch.
fn first_of_keys(
    batch: &RecordBatch,
    (key, row): (usize, usize),
    last: &mut Option<Vec<u8>>,
) -> Result<RecordBatch> {
    let keys = batch.column(key).as_binary::<i32>();
    let rows = batch.column(row).as_primitive::<UInt64Type>();
    let mut before = last.as_deref();
    let first = keys.iter().zip(rows.values()).map(|(key, row)| {
        let is_first = before != key;
        before = key;
        is_first && *row > 0
    });
    let first: BooleanArray = first.map(Some).collect();
    *last = before.map(<[u8]>::to_vec);
    Ok(filter_record_batch(batch, &first)?)
}
