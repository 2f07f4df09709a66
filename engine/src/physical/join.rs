//! [`JoinExec`]: a hash join that becomes a sort-merge join where its left side does not fit into memory.
//!
//! DataFusion's hash join (54) cannot write rows down, and nobody knows before how many there are. So the left side is
//! collected here: what fits is handed to the hash join, else what is there and what is to come is sorted by its keys, as
//! the right side is, and sorts do write down. Nothing is read twice.

mod keys;
mod merge;

use std::convert::identity;
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, mem};

use arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::Statistics;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::coop::make_cooperative;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

pub(crate) use self::keys::{AmongKeys, Keys};
use super::given::GivenExec;
use super::in_order;
use super::sort_rows::owned;

/// What a hash join needs for a row beside the row itself, which it copies.
const ROW_BYTES: usize = 48;

/// The join, whichever way it is done.
#[derive(Debug)]
pub(crate) struct JoinExec(Arc<Join>);

#[derive(Debug)]
struct Join {
    hash: Arc<HashJoinExec>,
    /// The left side, once it is clear how it is used.
    collected: Arc<GivenExec>,
    /// The hash join of what was collected.
    of_collected: Arc<dyn ExecutionPlan>,
    /// Whether a partition of the left side fits.
    fits: Vec<OnceCell<Outcome>>,
    asked: Vec<AskedKey>,
    /// Its values in the partitions that are there, for each key that is asked for.
    found: Mutex<Vec<Vec<ArrayRef>>>,
    /// Once who asks was told.
    told: OnceCell<()>,
}

/// A key of the left side, and where its values are told.
pub(crate) type AskedKey = (Arc<dyn PhysicalExpr>, Arc<Keys>);

/// An error is told to all who wait for it.
type Outcome = Result<bool, Arc<DataFusionError>>;

impl JoinExec {
    /// `None` for joins that only a hash join can do.
    pub(crate) fn of(hash: &HashJoinExec) -> Result<Option<Self>> {
        // Sorted, all rows come in the first partition: that they are dealt out by hash would not be true.
        let is_dealt_out = || {
            let dealt = hash.properties().output_partitioning();
            matches!(dealt, Partitioning::Hash(..)) && dealt.partition_count() > 1
        };
        let collects = match hash.partition_mode() {
            PartitionMode::CollectLeft => true,
            PartitionMode::Partitioned => false,
            PartitionMode::Auto => return Ok(None),
        };
        if hash.null_aware || (collects && is_dealt_out()) {
            return Ok(None);
        }
        Self::new(Arc::new(hash.builder().build()?), vec![]).map(Some)
    }

    /// The join as it is done in memory.
    pub(crate) fn hash(&self) -> &HashJoinExec {
        &self.0.hash
    }

    /// The join with this right side, whose operators ask for keys of the left side.
    pub(crate) fn asked(
        &self,
        right: Arc<dyn ExecutionPlan>,
        asked: Vec<AskedKey>,
    ) -> Result<Self> {
        let sides = vec![Arc::clone(self.0.hash.left()), right];
        Self::new(Arc::new(self.0.hash.builder().with_new_children(sides)?.build()?), asked)
    }

    fn new(hash: Arc<HashJoinExec>, asked: Vec<AskedKey>) -> Result<Self> {
        let collected = Arc::new(GivenExec::like(hash.left().as_ref()));
        let mut of_collected = hash.builder();
        if *hash.partition_mode() == PartitionMode::Partitioned {
            // WHY: a filter for the right side, made of all left rows, waits for partitions that may never be hashed.
            of_collected = of_collected.reset_state();
        }
        let sides = vec![Arc::clone(&collected) as _, Arc::clone(hash.right())];
        let of_collected = of_collected.with_new_children(sides)?.build_exec()?;
        let fits = hash.left().output_partitioning().partition_count();
        let fits = (0..fits).map(|_| OnceCell::new()).collect();
        let found = Mutex::new(vec![Vec::new(); asked.len()]);
        let told = OnceCell::new();
        Ok(Self(Arc::new(Join { hash, collected, of_collected, fits, asked, found, told })))
    }
}

impl JoinExec {
    /// How many sorts it may need at once: of both sides, and of the result where that has an order.
    pub(super) fn sorts(&self) -> usize {
        let result = self.0.hash.properties().output_ordering();
        (2 + usize::from(result.is_some())) * self.0.fits.len()
    }
}

impl Join {
    fn collects(&self) -> bool {
        *self.hash.partition_mode() == PartitionMode::CollectLeft
    }

    async fn rows(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let left = if self.collects() { 0 } else { partition };
        let fits = self.fits(left, &context).await?;
        if !self.asked.is_empty() {
            self.told.get_or_try_init(|| self.tell(&context)).await?;
        }
        match fits {
            true => self.of_collected.execute(partition, context),
            false => self.merged(left, partition, context).await,
        }
    }

    /// Whether a partition of the left side fits, which is there then.
    async fn fits(&self, left: usize, context: &Arc<TaskContext>) -> Result<bool> {
        let collect = || async { self.collect(left, context).await.map_err(Arc::new) };
        let fits = self.fits[left].get_or_init(collect).await;
        fits.clone().map_err(DataFusionError::Shared)
    }

    /// Tells who asks for keys, once the whole left side is there.
    async fn tell(&self, context: &Arc<TaskContext>) -> Result<()> {
        let partitions = (0..self.fits.len()).map(|left| self.fits(left, context));
        let fits = try_join_all(partitions).await?.into_iter().all(identity);
        let found = mem::take(&mut *self.found.lock().unwrap_or_else(PoisonError::into_inner));
        for ((_, keys), values) in self.asked.iter().zip(found) {
            keys.tell(fits.then_some(values), context.memory_pool())?;
        }
        Ok(())
    }

    /// Reads a partition of the left side as far as it fits; whether that is all of it.
    async fn collect(&self, partition: usize, context: &Arc<TaskContext>) -> Result<bool> {
        let mut rows = self.hash.left().execute(partition, Arc::clone(context))?;
        let consumer = MemoryConsumer::new(format!("HashJoin[{partition}]"));
        let reservation = consumer.register(context.memory_pool());
        let most = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / 4 / self.fits.len(),
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let (mut held, mut fits) = (Vec::new(), true);
        while fits && let Some(batch) = rows.try_next().await? {
            let batch = owned(batch)?;
            let needed = needed_for(&batch);
            fits = reservation.size() + needed <= most && reservation.try_grow(needed).is_ok();
            held.push(batch);
        }
        if fits {
            self.find(&held)?;
        }
        let held = stream::once(async move {
            // Whoever reads them takes memory for them.
            drop(reservation);
            stream::iter(held.into_iter().map(Ok))
        });
        self.collected.give(partition, held.flatten().chain(rows).boxed());
        Ok(fits)
    }

    /// Notes the keys of left rows that are asked for.
    fn find(&self, rows: &[RecordBatch]) -> Result<()> {
        for (at, (key, _)) in self.asked.iter().enumerate() {
            let values = rows.iter().map(|rows| key.evaluate(rows)?.into_array(rows.num_rows()));
            let values = values.collect::<Result<Vec<_>>>()?;
            self.found.lock().unwrap_or_else(PoisonError::into_inner)[at].extend(values);
        }
        Ok(())
    }

    /// The rows of a partition, by sorting both sides.
    async fn merged(
        &self,
        left: usize,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let right = match self.collects() {
            false => self.hash.right().execute(partition, Arc::clone(&context))?,
            true if partition == 0 => in_order(self.hash.right(), &context, None)?,
            true => return EmptyExec::new(self.hash.schema()).execute(0, context),
        };
        let left = self.collected.execute(left, Arc::clone(&context))?;
        merge::merged(&self.hash, left, right, context).await
    }
}

/// The memory that a hash join takes for some of its left rows, and that they take until it has them.
fn needed_for(batch: &RecordBatch) -> usize {
    batch.get_array_memory_size() * 2 + batch.num_rows() * ROW_BYTES
}

impl DisplayAs for JoinExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hash.fmt_as(kind, f)
    }
}

impl ExecutionPlan for JoinExec {
    fn name(&self) -> &'static str {
        "JoinExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.0.hash.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![self.0.hash.left(), self.0.hash.right()]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let hash = self.0.hash.builder().with_new_children(children)?.build()?;
        Ok(Arc::new(Self::new(Arc::new(hash), self.0.asked.clone())?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let join = Arc::clone(&self.0);
        let rows = stream::once(async move { join.rows(partition, context).await }).try_flatten();
        // A few rows of both sides may make many, of which others are not to wait for the last.
        Ok(make_cooperative(Box::pin(RecordBatchStreamAdapter::new(self.schema(), rows))))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        self.0.hash.partition_statistics(partition)
    }
}
