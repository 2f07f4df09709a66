//! A hash join's rows by sorting both sides.
//!
//! The merge knows few types and its own order of floats (54), so each side gets a column more: its keys as bytes that are
//! equal just when the keys are. It is null where a null among the keys equals nothing.

use std::sync::Arc;

use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::utils::JoinFilter;
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

/// Rows sorted by their last column, and that column.
type Side = (Arc<dyn ExecutionPlan>, Arc<dyn PhysicalExpr>);

/// The rows of one partition of `join`, in the order that it promises.
pub(super) async fn merged(
    join: &HashJoinExec,
    left: SendableRecordBatchStream,
    right: SendableRecordBatchStream,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let (left, left_bytes) = measured(left, &context).await?;
    let (right, right_bytes) = measured(right, &context).await?;
    let context = context_for(left_bytes + right_bytes, &context);
    let columns = columns_of(join, left.schema().fields().len(), right.schema().fields().len());
    let nulls = join.null_equality();
    let (left_keys, right_keys): (Keys, Keys) = join.on().iter().cloned().unzip();
    let left = sorted(left, left_keys, nulls)?;
    let right = sorted(right, right_keys, nulls)?;
    let schema = join.schema();
    let rows = merge_of(join, left, right)?.execute(0, Arc::clone(&context))?;
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

/// The merge of sides and their keys.
///
/// WHY: it holds all rows of a key of its second side, those of the first one pass. The left side of a hash join is the
/// smaller one: there, keys mostly are few or unique, while one key of the right side may have any number of rows. Outer,
/// semi and anti joins hold the side that is asked, whichever comes first.
fn merge_of(join: &HashJoinExec, left: Side, right: Side) -> Result<SortMergeJoinExec> {
    let swaps = swaps(join);
    let ((first, first_key), (second, second_key)) =
        if swaps { (right, left) } else { (left, right) };
    let filter =
        join.filter().map(|filter| if swaps { by_sides(&filter.swap()) } else { by_sides(filter) });
    let filter = filter.transpose()?;
    SortMergeJoinExec::try_new(
        first,
        second,
        vec![(first_key, second_key)],
        filter,
        *join.join_type(),
        vec![SortOptions::default()],
        join.null_equality(),
    )
}

/// The condition with columns of the first side before those of the second: the merge (54) hands them over like that,
/// whatever the condition says.
fn by_sides(filter: &JoinFilter) -> Result<JoinFilter> {
    let columns = filter.column_indices();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|at| columns[*at].side != JoinSide::Left);
    let fields = order.iter().map(|at| Arc::clone(&filter.schema().fields()[*at]));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<FieldRef>>()));
    let expression = Arc::clone(filter.expression()).transform(|expr| {
        let moved = expr.downcast_ref::<Column>().and_then(|column| {
            let at = order.iter().position(|at| *at == column.index())?;
            Some(Column::new(column.name(), at))
        });
        Ok(match moved {
            Some(column) => Transformed::yes(Arc::new(column) as _),
            None => Transformed::no(expr),
        })
    });
    let columns = order.iter().map(|at| columns[*at].clone()).collect();
    Ok(JoinFilter::new(expression.data()?, columns, schema))
}

/// Whether the right side comes first, which is the same for these joins.
fn swaps(join: &HashJoinExec) -> bool {
    matches!(join.join_type(), JoinType::Inner | JoinType::Full)
}

/// Which columns of the merge the join's are: it leaves the keys out, and may leave out others.
fn columns_of(join: &HashJoinExec, left: usize, right: usize) -> Vec<usize> {
    let all: Vec<usize> = match join.join_type() {
        JoinType::Inner | JoinType::Full => (right + 1..=right + left).chain(0..right).collect(),
        JoinType::Left | JoinType::Right => (0..left).chain(left + 1..=left + right).collect(),
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
fn sorted(rows: SendableRecordBatchStream, keys: Keys, nulls: NullEquality) -> Result<Side> {
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
