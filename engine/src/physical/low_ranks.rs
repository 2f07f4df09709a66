//! [`LowRanksExec`]: drops rows that so many others of their group stand before, below a sort whose rows are ranked.
//!
//! It knows the best keys of each group and holds rows until none of its input is left, so that what comes early and turns
//! out to be beaten is dropped too. Rows with equal keys stay together. Rows may pass that have no low rank: what is
//! above ranks them. So it hands on what it holds where memory ends, and gives up where few rows are beaten.

mod best;
mod rough;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::{TryStreamExt, stream};

use best::Best;

/// Rows that are held before it is looked which of them are beaten.
const ENOUGH_ROWS: usize = 65_536;

/// After so many rows it is known whether they are beaten.
const KNOWN_ROWS: usize = 1 << 20;

/// Which rows are asked for.
#[derive(Clone, Debug)]
pub(crate) struct Ranking {
    /// What the rows of a group agree on.
    pub(crate) group: Vec<Arc<dyn PhysicalExpr>>,
    pub(crate) order: LexOrdering,
    /// Ranks up to this one.
    pub(crate) ranks: usize,
    /// Whether rows with equal keys count as one.
    pub(crate) dense: bool,
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let group: Vec<String> = self.group.iter().map(ToString::to_string).collect();
        let Self { order, ranks, .. } = self;
        write!(f, "ranks up to {ranks} by [{order}] in groups by [{}]", group.join(", "))
    }
}

/// The operator.
#[derive(Debug)]
pub(crate) struct LowRanksExec {
    input: Arc<dyn ExecutionPlan>,
    ranking: Arc<Ranking>,
}

impl LowRanksExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, ranking: Arc<Ranking>) -> Self {
        Self { input, ranking }
    }
}

impl DisplayAs for LowRanksExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.ranking)
    }
}

impl ExecutionPlan for LowRanksExec {
    fn name(&self) -> &'static str {
        "LowRanksExec"
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
        Ok(Arc::new(Self::new(input, Arc::clone(&self.ranking))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let rows = Rows {
            best: Some(Best::try_new(Arc::clone(&self.ranking), &input.schema())?),
            input,
            held: Held::default(),
            ready: VecDeque::new(),
            memory: MemoryConsumer::new("the first of each group").register(context.memory_pool()),
        };
        let rows = stream::try_unfold(rows, |mut rows| async move {
            Ok(rows.next().await?.map(|batch| (batch, rows)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows)))
    }
}

struct Rows {
    input: SendableRecordBatchStream,
    /// None once it has been given up.
    best: Option<Best>,
    held: Held,
    /// Rows on their way up.
    ready: VecDeque<RecordBatch>,
    memory: MemoryReservation,
}

/// Rows that nothing is known against.
#[derive(Default)]
struct Held {
    batches: Vec<RecordBatch>,
    rows: usize,
    /// How many there were when it was looked last.
    known: usize,
    bytes: usize,
    /// Of the input.
    seen: usize,
}

impl Rows {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                return Ok(Some(batch));
            }
            let Some(batch) = self.input.try_next().await? else {
                return self.rest();
            };
            let Some(best) = &mut self.best else {
                return Ok(Some(batch));
            };
            self.held.add(best, &batch)?;
            let is_known = self.held.seen >= KNOWN_ROWS;
            if is_known && self.held.known * 2 > self.held.seen {
                self.give_up();
            } else if self.memory.try_resize(best.bytes() + self.held.bytes).is_err() {
                self.ready.extend(self.held.take());
                if self.memory.try_resize(best.bytes()).is_err() {
                    self.give_up();
                }
            }
        }
    }

    /// All rows pass from now on.
    fn give_up(&mut self) {
        self.best = None;
        self.ready.extend(self.held.take());
        self.memory.free();
    }

    fn rest(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(mut best) = self.best.take() {
            self.held.drop_beaten(&mut best)?;
            self.ready.extend(self.held.take());
        }
        Ok(self.ready.pop_front())
    }
}

impl Held {
    fn add(&mut self, best: &mut Best, batch: &RecordBatch) -> Result<()> {
        self.seen += batch.num_rows();
        self.push(best.unbeaten(batch)?);
        if self.rows > 2 * self.known + ENOUGH_ROWS {
            self.drop_beaten(best)?;
        }
        Ok(())
    }

    fn push(&mut self, batch: RecordBatch) {
        if batch.num_rows() > 0 {
            self.rows += batch.num_rows();
            self.bytes += batch.get_array_memory_size();
            self.batches.push(batch);
        }
    }

    fn drop_beaten(&mut self, best: &mut Best) -> Result<()> {
        if let Some(first) = self.batches.first() {
            let all = concat_batches(first.schema_ref(), &self.batches)?;
            drop(self.take());
            self.push(best.still_unbeaten(&all)?);
        }
        self.known = self.rows;
        Ok(())
    }

    fn take(&mut self) -> Vec<RecordBatch> {
        (self.rows, self.bytes) = (0, 0);
        std::mem::take(&mut self.batches)
    }
}
