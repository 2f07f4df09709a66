//! [`ApartExec`]: a join with a condition, on a thread of its own.
//!
//! DataFusion's joins (54) look at all pairs of two batches, and of the rows behind them, without a pause, whether they
//! find any or none. On a thread of the runtime that would hold up whatever else it runs, and nobody would hear that the
//! rows are no longer wanted. Here the thread is the join's, and its condition, which is asked about a few thousand pairs
//! at a time, fails as soon as nobody waits for rows.

use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema};
use datafusion::common::{Statistics, exec_err, internal_datafusion_err, internal_err};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::lit;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};

use super::one_partition::Batches;

/// Batches that the thread may run ahead.
const AHEAD: usize = 2;

/// Plans are walked by recursion.
const STACK_BYTES: usize = 32 << 20;

thread_local! {
    /// Gone when nobody waits any more for the rows of the join that this thread belongs to.
    static WAITING: RefCell<Option<Weak<()>>> = const { RefCell::new(None) };
}

/// The join below it.
#[derive(Debug)]
pub(crate) struct ApartExec(Arc<dyn ExecutionPlan>);

impl ApartExec {
    /// `None` for what is no join with a condition.
    pub(crate) fn of(plan: &dyn ExecutionPlan) -> Result<Option<Self>> {
        if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let (left, right) = (Arc::clone(join.left()), Arc::clone(join.right()));
            let filter = join.filter().cloned().unwrap_or_else(all_pairs);
            let projection = join.projection().as_ref().map(|columns| columns.to_vec());
            let filter = Some(while_waited_for(&filter));
            let join =
                NestedLoopJoinExec::try_new(left, right, filter, join.join_type(), projection)?;
            return Ok(Some(Self(Arc::new(join))));
        }
        let Some(join) = plan.downcast_ref::<HashJoinExec>() else { return Ok(None) };
        let Some(filter) = join.filter() else { return Ok(None) };
        let join = join.builder().with_filter(Some(while_waited_for(filter))).build()?;
        Ok(Some(Self(Arc::new(join))))
    }
}

/// The condition of a join without one.
fn all_pairs() -> JoinFilter {
    JoinFilter::new(lit(true), Vec::new(), Arc::new(Schema::empty()))
}

fn while_waited_for(filter: &JoinFilter) -> JoinFilter {
    let expression = Arc::new(WhileWaitedFor(Arc::clone(filter.expression())));
    JoinFilter::new(expression, filter.column_indices().to_vec(), Arc::clone(filter.schema()))
}

impl DisplayAs for ApartExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApartExec")
    }
}

impl ExecutionPlan for ApartExec {
    fn name(&self) -> &'static str {
        "ApartExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.0]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        match children.pop() {
            Some(join) => Ok(Arc::new(Self(join))),
            None => internal_err!("ApartExec needs a join"),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let rows = self.0.execute(partition, context)?;
        // Begun when the first row is asked for.
        let rows = stream::once(async move { begin(rows) }).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.0.partition_statistics(partition)
    }
}

/// The rows as a thread makes them, which ends when they are dropped.
fn begin(rows: SendableRecordBatchStream) -> Result<Batches> {
    let (full, ready) = channel(AHEAD);
    let (waits, runtime) = (Arc::new(()), Handle::current());
    let waiting = Arc::downgrade(&waits);
    let work = move || {
        WAITING.set(Some(waiting));
        runtime.block_on(make(rows, full));
    };
    let thread = thread::Builder::new().name("lakebed-join".to_owned()).stack_size(STACK_BYTES);
    thread.spawn(work)?;
    let taken = stream::unfold((ready, waits), |(mut ready, waits)| async move {
        let batch = match ready.recv().await {
            Some(batch) => batch?,
            // It has not come to its end: rows would be missing.
            None => Err(internal_datafusion_err!("the thread of a join is gone")),
        };
        Some((batch, (ready, waits)))
    });
    Ok(taken.boxed())
}

/// Hands rows over, and says when there are no more.
async fn make(mut rows: SendableRecordBatchStream, full: Sender<Option<Result<RecordBatch>>>) {
    loop {
        let batch = tokio::select! {
            biased;
            () = full.closed() => return,
            batch = rows.next() => batch,
        };
        let is_last = !matches!(batch, Some(Ok(_)));
        if full.send(batch).await.is_err() || is_last {
            return;
        }
    }
}

/// A condition that fails when nobody waits for the rows of the thread that asks it.
#[derive(Debug)]
struct WhileWaitedFor(Arc<dyn PhysicalExpr>);

impl fmt::Display for WhileWaitedFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for WhileWaitedFor {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for WhileWaitedFor {}

impl Hash for WhileWaitedFor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl PhysicalExpr for WhileWaitedFor {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.0.data_type(input)
    }

    fn nullable(&self, input: &Schema) -> Result<bool> {
        self.0.nullable(input)
    }

    fn evaluate(&self, rows: &RecordBatch) -> Result<ColumnarValue> {
        let is_over = |waiting: &Weak<()>| waiting.strong_count() == 0;
        if WAITING.with_borrow(|waiting| waiting.as_ref().is_some_and(is_over)) {
            return exec_err!("nobody waits for these rows");
        }
        self.0.evaluate(rows)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.0]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match children.pop() {
            Some(condition) => Ok(Arc::new(Self(condition))),
            None => internal_err!("a condition is missing"),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_sql(f)
    }
}
