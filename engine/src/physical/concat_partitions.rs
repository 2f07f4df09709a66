//! [`ConcatPartitionsExec`]: many partitions into one, first partition first.
//!
//! DataFusion's own operator takes batches as they come. Our partitions are consecutive ranges of rows, so taking
//! them one after the other keeps the order that users see. Without a fetch the later partitions run ahead in the
//! background, a few batches each; with one they start only when they are reached.

use std::fmt;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use udf_runtime::task;

/// Batches that a partition may run ahead.
const AHEAD: usize = 4;

/// All partitions of the input in one, in their order.
#[derive(Debug)]
pub(crate) struct ConcatPartitionsExec {
    input: Arc<dyn ExecutionPlan>,
    fetch: Option<usize>,
    properties: Arc<PlanProperties>,
}

impl ConcatPartitionsExec {
    pub(crate) fn new(input: Arc<dyn ExecutionPlan>, fetch: Option<usize>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(input.schema()),
            Partitioning::UnknownPartitioning(1),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        Self { input, fetch, properties: Arc::new(properties) }
    }
}

impl DisplayAs for ConcatPartitionsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fetch {
            Some(fetch) => write!(f, "ConcatPartitionsExec: fetch={fetch}"),
            None => write!(f, "ConcatPartitionsExec"),
        }
    }
}

impl ExecutionPlan for ConcatPartitionsExec {
    fn name(&self) -> &'static str {
        "ConcatPartitionsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![false]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("ConcatPartitionsExec needs an input");
        };
        Ok(Arc::new(Self::new(input, self.fetch)))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        in_order(&self.input, &context, self.fetch)
    }

    fn partition_statistics(&self, _partition: Option<usize>) -> Result<Arc<Statistics>> {
        let input = self.input.partition_statistics(None)?.as_ref().clone();
        Ok(Arc::new(input.with_fetch(self.fetch, 0, 1)?))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
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
    let mut parts = Vec::with_capacity(count);
    for partition in 0..count {
        let part = match fetch {
            // The first partition is wanted at once, and later ones only if it is too short.
            Some(_) => lazily(Arc::clone(plan), partition, Arc::clone(context)),
            None => ahead(plan.execute(partition, Arc::clone(context))?),
        };
        parts.push(part);
    }
    let rows = stream::iter(parts).flatten();
    let rows = match fetch {
        Some(fetch) => first_rows(rows.boxed(), fetch),
        None => rows.boxed(),
    };
    Ok(Box::pin(RecordBatchStreamAdapter::new(plan.schema(), rows)))
}

type Batches = BoxStream<'static, Result<RecordBatch>>;

fn lazily(plan: Arc<dyn ExecutionPlan>, partition: usize, context: Arc<TaskContext>) -> Batches {
    stream::once(async move { plan.execute(partition, context) }).try_flatten().boxed()
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
