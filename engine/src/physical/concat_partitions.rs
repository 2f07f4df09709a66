//! [`concat_partitions`]: many partitions into one, first partition first.
//!
//! DataFusion's own operator takes batches as they come. Our partitions are consecutive ranges of rows, so taking
//! them one after the other keeps the order that users see. Without a fetch the next partitions run ahead in the
//! background, a few batches each; with one they start only when they are reached.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::Statistics;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{Distribution, ExecutionPlan, ExecutionPlanProperties};
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use udf_runtime::task;

use super::one_partition::{Batches, OnePartitionExec, Work};

/// Batches that a partition may run ahead.
const AHEAD: usize = 4;

/// Partitions under way at the same time, at least: more would hold rows that nobody asks for yet.
const UNDER_WAY: usize = 4;

/// All partitions of `input` in one, in their order.
pub(crate) fn concat_partitions(
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
) -> Arc<dyn ExecutionPlan> {
    Arc::new(OnePartitionExec::new(input, Arc::new(ConcatPartitions { fetch })))
}

/// Whether the plan is all rows of its input in one partition.
pub(crate) fn is_concatenated(plan: &dyn ExecutionPlan) -> bool {
    let concat = plan.downcast_ref::<OnePartitionExec<ConcatPartitions>>();
    concat.is_some_and(|concat| concat.parts().0.fetch.is_none())
}

/// All partitions of the input in one, at most `fetch` rows.
#[derive(Debug)]
struct ConcatPartitions {
    fetch: Option<usize>,
}

impl fmt::Display for ConcatPartitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fetch {
            Some(fetch) => write!(f, "{}: fetch={fetch}", Self::NAME),
            None => f.write_str(Self::NAME),
        }
    }
}

impl Work for ConcatPartitions {
    const NAME: &'static str = "ConcatPartitionsExec";
    const TAKES: Distribution = Distribution::UnspecifiedDistribution;
    const KEEPS_ORDER: bool = false;

    fn statistics(&self, _nothing: Statistics, input: &dyn ExecutionPlan) -> Result<Statistics> {
        input.partition_statistics(None)?.as_ref().clone().with_fetch(self.fetch, 0, 1)
    }

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        in_order(input, &context, self.fetch).map(StreamExt::boxed)
    }
}

/// The rows of all partitions of `plan`, in order, at most `fetch` of them.
pub(crate) fn in_order(
    plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
    fetch: Option<usize>,
) -> Result<SendableRecordBatchStream> {
    let count = plan.output_partitioning().partition_count();
    if count == 1 && fetch.is_none() {
        return plan.execute(0, Arc::clone(context));
    }
    let partition = {
        let (plan, context) = (Arc::clone(plan), Arc::clone(context));
        move |partition| plan.execute(partition, Arc::clone(&context))
    };
    let rows = match fetch {
        // The first partition is wanted at once, and later ones only if it is too short.
        Some(fetch) => {
            let parts = stream::iter(0..count).map(partition);
            first_rows(parts.try_flatten().boxed(), fetch)
        }
        None => {
            // As many as a plan has for its cores have to run together: they share their inputs.
            let under_way = context.session_config().target_partitions().max(UNDER_WAY);
            let start = move |at| std::future::ready(partition(at).map(ahead));
            stream::iter(0..count).map(start).buffered(under_way).try_flatten().boxed()
        }
    };
    Ok(Box::pin(RecordBatchStreamAdapter::new(plan.schema(), rows)))
}

/// The rows of all partitions of `plan`, as they come.
pub(crate) fn in_any_order(
    plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> Result<SendableRecordBatchStream> {
    let count = plan.output_partitioning().partition_count();
    let parts = (0..count).map(|at| plan.execute(at, Arc::clone(context)).map(ahead));
    let rows = stream::select_all(parts.collect::<Result<Vec<_>>>()?);
    Ok(Box::pin(RecordBatchStreamAdapter::new(plan.schema(), rows)))
}

fn ahead(mut part: SendableRecordBatchStream) -> Batches {
    let (full, ready) = mpsc::channel(AHEAD);
    let pump = task::spawn(async move {
        while let Some(batch) = part.next().await {
            if full.send(batch).await.is_err() {
                return;
            }
        }
    });
    let next = |(mut ready, pump): (
        mpsc::Receiver<Result<RecordBatch>>,
        Option<task::Task<()>>,
    )| async move {
        if let Some(batch) = ready.recv().await {
            return Some((batch, (ready, pump)));
        }
        // The channel is closed: either the part is done, or its task panicked and rows would be missing.
        match pump?.await {
            Ok(()) => None,
            Err(error) => {
                Some((Err(DataFusionError::ExecutionJoin(Box::new(error))), (ready, None)))
            }
        }
    };
    stream::unfold((ready, Some(pump)), next).boxed()
}

fn first_rows(rows: Batches, fetch: usize) -> Batches {
    let cut = |(mut rows, left): (Batches, usize)| async move {
        if left == 0 {
            return None;
        }
        let batch = match rows.next().await? {
            Ok(batch) => batch,
            Err(error) => return Some((Err(error), (rows, 0))),
        };
        let taken = batch.num_rows().min(left);
        Some((Ok(batch.slice(0, taken)), (rows, left - taken)))
    };
    stream::unfold((rows, fetch), cut).boxed()
}
