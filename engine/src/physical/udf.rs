//! [`UdfExec`]: the operator of `logical/udf.rs`.
//!
//! Two halves run side by side: one reads the input and feeds the function ([`feed`]), the other collects the answers,
//! makes them durable and assembles rows of them and of the columns that the function never saw ([`collect`]). Between
//! them lies, in the order of the rows, what is still to come.

mod assemble;
mod batch_sizer;
mod collect;
mod feed;
mod prefetch;
mod size;

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::common::Statistics;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use udf_runtime::{BatchFunction, Executor, Shape, task};

use super::one_partition::{Batches, OnePartitionExec, Work};
use crate::Objects;
use crate::checkpoint::{Kept, Ledger, Unit, UnitName};
use crate::logical::UdfOptions;
use crate::progress::{Progress, StageProgress};
use prefetch::{Arriving, Files, Prefetch};

/// What the operator does to its input.
#[derive(Debug)]
pub(super) struct UdfStage {
    /// The node's name in plans.
    pub(super) node: &'static str,
    pub(super) name: String,
    pub(super) function: Arc<dyn BatchFunction>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) shape: Shape,
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
    /// Positions of the input columns that stand beside the results.
    pub(super) kept: Vec<usize>,
    pub(super) results: Vec<FieldRef>,
    pub(super) options: UdfOptions,
    /// The files that rows may be about.
    pub(super) objects: Objects,
    /// Where results are kept, if they are.
    pub(super) ledger: Option<Ledger>,
    /// What is kept already is removed and computed anew.
    pub(super) fresh: bool,
}

/// Calls a user function on every row of its input.
pub(super) type UdfExec = OnePartitionExec<UdfStage>;

/// What is still to come, in the order of the rows.
enum Pending {
    /// Rows whose results are at hand.
    Kept { name: UnitName, unit: Box<Unit>, passing: Vec<RecordBatch> },
    /// Rows whose answer the function owes. The end of a unit brings the permit that its begin took.
    Computed {
        passing: RecordBatch,
        arguments: RecordBatch,
        ends: Option<End>,
        files: Option<Files>,
    },
    /// The end of the input.
    End(End),
}

/// Arguments on their way to the function.
struct Call {
    arguments: RecordBatch,
    /// Files that are to be there first.
    files: Option<Arriving>,
    /// Only one call without files is on its way: how many rows the next one gets is decided late.
    _turn: Option<OwnedSemaphorePermit>,
}

/// The end of a unit.
struct End {
    _permit: Option<OwnedSemaphorePermit>,
}

impl fmt::Display for UdfStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, name, arguments, results, options, .. } = self;
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let results: Vec<&str> = results.iter().map(|field| field.name().as_str()).collect();
        write!(f, "{node}Exec: {name}({}) -> [{}]", arguments.join(", "), results.join(", "))?;
        if let Some(workers) = options.parallel {
            write!(f, ", workers={workers}")?;
        }
        Ok(())
    }
}

impl Work for UdfStage {
    const NAME: &'static str = "UdfExec";
    const KEEPS_ORDER: bool = true;

    fn schema(&self, input: &dyn ExecutionPlan) -> SchemaRef {
        let schema = input.schema();
        let kept = self.kept.iter().map(|at| Arc::clone(&schema.fields()[*at]));
        let fields: Vec<FieldRef> = kept.chain(self.results.iter().cloned()).collect();
        Arc::new(Schema::new(fields))
    }

    fn statistics(&self, nothing: Statistics, input: &dyn ExecutionPlan) -> Result<Statistics> {
        if self.shape == Shape::Any {
            return Ok(nothing);
        }
        let num_rows = input.partition_statistics(None)?.num_rows;
        Ok(Statistics { num_rows, ..nothing })
    }

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        let progress = context.session_config().get_extension::<Progress>().unwrap_or_default();
        let total = input.partition_statistics(None)?.num_rows.get_value().copied();
        let watch = progress.start(&format!("{} {}", self.verb(), self.name), total);
        let schema = self.schema(input.as_ref());
        let input = input.execute(0, context)?;
        let run = Run { stage: self, schema, watch, progress };
        let (full, ready) = mpsc::channel(1);
        Ok(stream::unfold((Some((run, input, full)), ready, None), next_batch).boxed())
    }
}

impl UdfStage {
    /// What users call the step.
    fn verb(&self) -> &'static str {
        match self.node {
            "UdfMap" => "map",
            "UdfAgg" => "agg",
            _ => "gen",
        }
    }
}

/// One execution of the operator.
struct Run {
    stage: Arc<UdfStage>,
    schema: SchemaRef,
    watch: Arc<StageProgress>,
    progress: Arc<Progress>,
}

type Ready = mpsc::Receiver<Result<RecordBatch>>;
type Start = Option<(Run, SendableRecordBatchStream, mpsc::Sender<Result<RecordBatch>>)>;

/// The stream's next batch; nothing runs before the first one is wanted, and dropping the stream ends what runs.
async fn next_batch(
    (start, mut ready, mut running): (Start, Ready, Option<task::Task<()>>),
) -> Option<(Result<RecordBatch>, (Start, Ready, Option<task::Task<()>>))> {
    if let Some((run, input, full)) = start {
        running = Some(task::spawn(run.finish(input, full)));
    }
    if let Some(batch) = ready.recv().await {
        return Some((batch, (None, ready, running)));
    }
    // The channel is closed: the run is over, or its task panicked and rows would be missing.
    match running.take()?.await {
        Ok(()) => None,
        Err(error) => {
            let error = DataFusionError::ExecutionJoin(Box::new(error));
            Some((Err(error), (None, ready, None)))
        }
    }
}

impl Run {
    async fn finish(
        self,
        input: SendableRecordBatchStream,
        full: mpsc::Sender<Result<RecordBatch>>,
    ) {
        if let Err(error) = Box::pin(self.both_halves(input, &full)).await {
            // The consumer may be gone: then nobody waits for the error.
            drop(full.send(Err(error)).await);
        }
    }

    async fn both_halves(
        &self,
        input: SendableRecordBatchStream,
        full: &mpsc::Sender<Result<RecordBatch>>,
    ) -> Result<()> {
        let _entered = match &self.stage.ledger {
            Some(ledger) => Some(ledger.enter().await?),
            None => None,
        };
        let units = self.usable_units().await?;
        let workers = self.stage.options.parallel.unwrap_or(1);
        let prefetch = Prefetch::for_stage(&self.stage, &input.schema(), &self.progress)?;
        let ahead = if prefetch.is_some() { prefetch::AHEAD } else { 1 };
        let (pending, to_come) = mpsc::channel(ahead.max(16).max(workers * 8));
        let (calls, arguments) = mpsc::channel(ahead);
        let sizer = Arc::new(batch_sizer::BatchSizer::new(&self.stage.options));
        let ways = feed::Ways::new(pending, calls);
        let feeder = feed::Feeder::new(self, units, ways, prefetch, Arc::clone(&sizer));
        let answers = self.stage.executor.run(
            Arc::clone(&self.stage.function),
            Box::pin(stream::unfold(arguments, |mut calls: mpsc::Receiver<Call>| async move {
                let Call { arguments, files, _turn } = calls.recv().await?;
                if let Some(files) = files {
                    files.arrive().await;
                }
                Some((Ok(arguments), calls))
            })),
        );
        let collector = collect::Collector::new(self, answers, sizer, full);
        let outcome = tokio::try_join!(feeder.run(input), collector.run(to_come));
        if let (Err(error), Some(ledger)) = (&outcome, &self.stage.ledger)
            && is_function_failure(error)
        {
            // The user's error is the one to report.
            drop(ledger.failed().await);
        }
        outcome.map(drop)
    }

    /// What is at hand, and a word to the user about it.
    async fn usable_units(&self) -> Result<Vec<UnitName>> {
        let Some(ledger) = &self.stage.ledger else {
            return Ok(Vec::new());
        };
        if self.stage.fresh {
            ledger.forget().await?;
            return Ok(Vec::new());
        }
        let Kept { units, complete } = ledger.kept().await?;
        let rows: u64 = units.iter().map(UnitName::rows).sum();
        let older = units.iter().filter(|unit| ledger.is_older(unit));
        let older: u64 = older.map(UnitName::rows).sum();
        let name = &self.stage.name;
        let by_whom =
            if older > 0 { format!(", {older} of them by earlier code") } else { String::new() };
        if complete {
            self.progress
                .tell(format!("UDF '{name}': skipped, {rows} rows from checkpoint{by_whom}"));
        } else if rows > 0 {
            self.progress.tell(format!(
                "UDF '{name}': continuing from checkpoint, {rows} rows done{by_whom}"
            ));
        }
        Ok(units)
    }
}

fn is_function_failure(error: &DataFusionError) -> bool {
    let DataFusionError::External(error) = error else {
        return false;
    };
    matches!(error.downcast_ref(), Some(udf_runtime::Error::Function { .. }))
}
