//! A hash join's rows by sorting both sides.
//!
//! The merge knows few types and its own order of floats (54), so each side gets a column more: its keys as bytes that are
//! equal just when the keys are. It is null where a null among the keys equals nothing.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::GlobalLimitExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use futures::StreamExt;

use crate::physical::given::{GivenExec, batch_of};
use crate::physical::key_bytes::KeyBytes;
use crate::physical::sort_rows::{context_for, measured};

/// The column of the keys as bytes.
const KEY: &str = "keys as bytes";

type Keys = Vec<Arc<dyn PhysicalExpr>>;

/// The rows of one partition of `join`, in the order that it promises.
pub(super) async fn merged(
    join: &HashJoinExec,
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let (left, left_bytes) = measured(left).await?;
    let (right, right_bytes) = measured(right).await?;
    let context = context_for(left_bytes + right_bytes, &context);
    let columns = columns_of(join, left.schema().fields().len(), right.schema().fields().len());
    let nulls = join.null_equality();
    let (left_keys, right_keys): (Keys, Keys) = join.on().iter().cloned().unzip();
    let (left, left_key) = sorted(left, left_keys, nulls)?;
    let (right, right_key) = sorted(right, right_keys, nulls)?;
    let merge = SortMergeJoinExec::try_new(
        left,
        right,
        vec![(left_key, right_key)],
        join.filter().cloned(),
        *join.join_type(),
        vec![SortOptions::default()],
        nulls,
    )?;
    let schema = join.schema();
    let rows = merge.execute(0, Arc::clone(&context))?;
    let shown = Arc::clone(&schema);
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let columns = columns.iter().map(|at| Arc::clone(batch.column(*at))).collect();
        batch_of(&shown, columns, batch.num_rows())
    });
    let rows = rows.boxed();
    let mut plan: Arc<dyn ExecutionPlan> = Arc::new(GivenExec::new(schema, rows));
    if let Some(ordering) = join.properties().output_ordering() {
        plan = Arc::new(SortExec::new(ordering.clone(), plan));
    }
    if let Some(fetch) = join.fetch() {
        plan = Arc::new(GlobalLimitExec::new(plan, 0, Some(fetch)));
    }
    plan.execute(0, context)
}

/// Which columns of the merge the join's are: it leaves the keys out, and may leave out others.
fn columns_of(join: &HashJoinExec, left: usize, right: usize) -> Vec<usize> {
    let all: Vec<usize> = match join.join_type() {
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            (0..left).chain(left + 1..=left + right).collect()
        }
        JoinType::LeftSemi | JoinType::LeftAnti => (0..left).collect(),
        JoinType::RightSemi | JoinType::RightAnti => (0..right).collect(),
        JoinType::LeftMark => (0..left).chain([left + 1]).collect(),
        JoinType::RightMark => (0..right).chain([right + 1]).collect(),
    };
    match &join.projection {
        Some(chosen) => chosen.iter().map(|at| all[*at]).collect(),
        None => all,
    }
}

/// The rows with [`KEY`] as their last column, sorted by it, and that column.
fn sorted(
    rows: SendableRecordBatchStream,
    keys: Keys,
    nulls: NullEquality,
) -> Result<(Arc<dyn ExecutionPlan>, Arc<dyn PhysicalExpr>)> {
    let schema = rows.schema();
    let fields = schema.fields().iter().cloned();
    let key: FieldRef = Arc::new(Field::new(KEY, DataType::Binary, true));
    let with_key: Vec<FieldRef> = fields.chain([key]).collect();
    let with_key = Arc::new(Schema::new_with_metadata(with_key, schema.metadata().clone()));
    let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(KEY, schema.fields().len()));
    let bytes = KeyBytes::try_new(keys, &schema, nulls)?;
    let shown = Arc::clone(&with_key);
    let rows = rows.map(move |batch| {
        let batch = batch?;
        let columns = batch.columns().iter().cloned().chain([bytes.of(&batch)?]).collect();
        batch_of(&shown, columns, batch.num_rows())
    });
    let rows = rows.boxed();
    let order = LexOrdering::from([PhysicalSortExpr::new_default(Arc::clone(&column))]);
    let sort = SortExec::new(order, Arc::new(GivenExec::new(with_key, rows)));
    Ok((Arc::new(sort), column))
}
