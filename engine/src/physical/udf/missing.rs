//! [`missing_rows`]: which rows a function would have to be called for, without calling it.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use datafusion::common::{internal_err, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};

use super::{Run, UdfExec};
use crate::checkpoint::{Finder, RowKeys};
use crate::storage::Entered;

/// The arguments of the rows whose results are not kept, for the one function that a plan begins with.
pub(crate) fn missing_rows(
    mut plan: &Arc<dyn ExecutionPlan>,
    context: &Arc<TaskContext>,
) -> Result<BoxStream<'static, Result<RecordBatch>>> {
    let (stage, input) = loop {
        if let Some(function) = plan.downcast_ref::<UdfExec>() {
            break function.parts();
        }
        let [input] = plan.children()[..] else {
            return internal_err!("a plan of a function has none");
        };
        plan = input;
    };
    let (run, input) = Arc::clone(stage).begin(input, Arc::clone(context))?;
    let rows = async move { Missing::new(run, input).await.map(Missing::rows) };
    Ok(stream::once(Box::pin(rows)).try_flatten().boxed())
}

/// Rows on their way, and what is known of their results.
struct Missing {
    run: Run,
    input: SendableRecordBatchStream,
    keys: Arc<RowKeys>,
    finder: Finder,
    _entered: Entered,
}

impl Missing {
    async fn new(run: Run, input: SendableRecordBatchStream) -> Result<Self> {
        let Some(keeping) = run.keeping(&input.schema())? else {
            let name = &run.stage.name;
            return plan_err!("UDF '{name}' cannot be cut into units: its results are not kept");
        };
        let entered = keeping.ledger.enter().await?;
        let (finder, _) = Box::pin(run.at_hand(&keeping)).await?;
        let finder = if run.stage.options.distinct { finder.once_each() } else { finder };
        Ok(Self { run, input, keys: keeping.keys, finder, _entered: entered })
    }

    fn rows(self) -> BoxStream<'static, Result<RecordBatch>> {
        stream::try_unfold(self, |mut missing| async move {
            Ok(missing.next().await?.map(|rows| (rows, missing)))
        })
        .boxed()
    }

    /// The arguments of the next rows, if there are some.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(batch) = self.input.next().await.transpose()? {
            let arguments = self.run.stage.arguments_of(&batch)?;
            let keys = self.keys.of(&arguments)?;
            let places = self.finder.find(&keys).await.map_err(DataFusionError::from)?;
            self.run.watch.add(batch.num_rows());
            let missing: UInt32Array = (0..)
                .zip(&places)
                .filter_map(|(row, place)| place.is_none().then_some(row))
                .collect();
            match missing.len() {
                0 => {}
                // A function may take no arguments.
                rows if arguments.num_columns() == 0 => return Ok(Some(arguments.slice(0, rows))),
                _ => return Ok(Some(take_record_batch(&arguments, &missing)?)),
            }
        }
        Ok(None)
    }
}
