//! [`WindowGroupsExec`]: windows over whole groups, some groups at a time.
//!
//! DataFusion's operator (54) takes all rows of its input into memory, outside of its own accounts. Ours come sorted by
//! what the windows are partitioned by, so whole groups are cut off and computed by that operator one after the other.
//! One group has to fit, and where there are none, all rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::partition;
use datafusion::common::Statistics;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::windows::WindowAggExec;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{StreamExt, TryStreamExt, stream};

use super::given::GivenExec;
use super::key_bytes::evaluate;
use super::ranks::differ;
use super::sort_rows::owned;

/// Rows of whole groups that are computed at once, unless a group has more.
const ENOUGH_ROWS: usize = 65_536;

/// Whole groups are computed where they and their copies take such a part of the memory for operators, in each partition.
const PART: usize = 8;

/// A row is held once, copied, and its results stand beside it.
const COPIES: usize = 3;

/// The windows, group by group.
#[derive(Debug)]
pub(crate) struct WindowGroupsExec(Arc<WindowAggExec>);

impl WindowGroupsExec {
    pub(crate) fn new(windows: &WindowAggExec) -> Self {
        Self(Arc::new(windows.clone()))
    }
}

impl DisplayAs for WindowGroupsExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt_as(kind, f)
    }
}

impl ExecutionPlan for WindowGroupsExec {
    fn name(&self) -> &'static str {
        "WindowGroupsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        self.0.maintains_input_order()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        self.0.children()
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let exprs = self.0.window_expr().to_vec();
        Ok(Arc::new(Self(Arc::new(WindowAggExec::try_new(exprs, children.swap_remove(0), true)?))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.0.input().execute(partition, Arc::clone(&context))?;
        let consumer = MemoryConsumer::new("a window over one group");
        let partitions = self.properties().output_partitioning().partition_count();
        let enough_bytes = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / PART / partitions,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let groups = Groups {
            input,
            keys: self.0.partition_keys(),
            pending: None,
            whole: Vec::new(),
            open: Vec::new(),
            last: None,
            enough_bytes,
            memory: consumer.register(context.memory_pool()),
        };
        let windows = Arc::clone(&self.0);
        let rows = stream::try_unfold(groups, |mut groups| async move {
            Ok(groups.next().await?.map(|rows| (rows, groups)))
        });
        let rows = rows.and_then(move |rows| {
            let computed = computed(&windows, partition, rows, Arc::clone(&context));
            async move { computed }
        });
        // A value of a group has room of its own, of which it is perhaps a small part.
        let rows = rows.try_flatten().map(|batch| owned(batch?));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.0.partition_statistics(partition)
    }
}

/// Rows of whole groups with their windows.
fn computed(
    windows: &Arc<WindowAggExec>,
    partition: usize,
    rows: Vec<RecordBatch>,
    context: Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let given = Arc::new(GivenExec::like(windows.input().as_ref()));
    given.give_all(partition, rows);
    let windows = Arc::clone(windows) as Arc<dyn ExecutionPlan>;
    windows.with_new_children(vec![given])?.execute(partition, context)
}

struct Groups {
    input: SendableRecordBatchStream,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows for which there was no memory yet.
    pending: Option<RecordBatch>,
    /// Rows of groups that have ended.
    whole: Vec<RecordBatch>,
    /// Those of the last one.
    open: Vec<RecordBatch>,
    /// Its keys.
    last: Option<Vec<ArrayRef>>,
    /// Whole groups wait for others until all rows take so much.
    enough_bytes: usize,
    memory: MemoryReservation,
}

impl Groups {
    /// Rows of the next groups, `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<RecordBatch>>> {
        // Those that were given before are gone by now.
        self.memory.free();
        let open: usize = self.open.iter().map(RecordBatch::get_array_memory_size).sum();
        self.memory.try_grow(open * COPIES)?;
        while let Some(batch) = self.following().await? {
            if let Err(error) = self.memory.try_grow(batch.get_array_memory_size() * COPIES) {
                if self.whole.is_empty() {
                    return Err(error);
                }
                self.pending = Some(batch);
                return Ok(Some(std::mem::take(&mut self.whole)));
            }
            self.add(batch)?;
            if self.is_enough() {
                return Ok(Some(std::mem::take(&mut self.whole)));
            }
        }
        self.whole.append(&mut self.open);
        let rest = std::mem::take(&mut self.whole);
        Ok((!rest.is_empty()).then_some(rest))
    }

    fn is_enough(&self) -> bool {
        let rows: usize = self.whole.iter().map(RecordBatch::num_rows).sum();
        rows >= ENOUGH_ROWS || (rows > 0 && self.memory.size() >= self.enough_bytes)
    }

    async fn following(&mut self) -> Result<Option<RecordBatch>> {
        match self.pending.take() {
            Some(batch) => Ok(Some(batch)),
            None => self.input.try_next().await?.map(owned).transpose(),
        }
    }

    fn add(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.keys.is_empty() {
            self.open.push(batch);
            return Ok(());
        }
        let keys = evaluate(&self.keys, &batch)?;
        let begins = match &self.last {
            Some(last) => differ(last, &keys)?,
            None => true,
        };
        if begins {
            self.whole.append(&mut self.open);
        }
        let last = partition(&keys)?.ranges().pop().map_or(0, |last| last.start);
        if last > 0 {
            self.whole.append(&mut self.open);
            self.whole.push(batch.slice(0, last));
        }
        self.open.push(batch.slice(last, batch.num_rows() - last));
        self.last = Some(keys.iter().map(|key| key.slice(key.len() - 1, 1)).collect());
        Ok(())
    }
}
