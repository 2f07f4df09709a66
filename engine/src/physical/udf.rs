//! [`UdfExec`]: the operator of `logical/udf.rs`.
//!
//! Two halves run side by side: one reads the input, looks for results that are kept, and feeds the function with the other
//! rows ([`feed`]); the other collects the answers, makes them durable ([`unit`]) and assembles rows of them, of what was
//! found ([`gather`]) and of the columns that the function never saw ([`collect`]). Between them lies, in the order of the
//! rows, what is still to come. Before they begin, repaired code is compared with what it repairs ([`repair`]); behind the
//! last row, kept results with what the function gives now ([`verify`]).

mod assemble;
mod batch_sizer;
mod collect;
mod feed;
mod gather;
mod missing;
mod placing;
mod prefetch;
mod repair;
mod room;
mod size;
mod unit;
mod verify;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, UInt32Array};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use datafusion::common::{Statistics, plan_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, stream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use udf_runtime::{Answer, BatchFunction, Executor, Shape, task};

use super::one_partition::{Batches, OnePartitionExec, Work};
use crate::Objects;
use crate::checkpoint::{
    Finder, Key, Ledger, Listed, Origin, Place, Placed, Reader, RowKeys, Scope, now, results,
};
use crate::logical::{Reuse, UdfOptions};
use crate::memory::Memory;
use crate::progress::{Progress, StageProgress};
pub(crate) use missing::missing_rows;
pub(crate) use placing::{Placing, placing};
use prefetch::{Arriving, Files, Prefetch};
pub(crate) use size::bytes_of;

/// What the operator does to its input.
#[derive(Clone, Debug)]
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
    /// What becomes of results that are kept already.
    pub(super) reuse: Reuse,
    /// Who is told where results lie, if somebody is.
    pub(super) placed: Option<Arc<Placed>>,
}

/// Calls a user function on every row of its input.
pub(super) type UdfExec = OnePartitionExec<UdfStage>;

/// What is still to come, in the order of the rows.
enum Pending {
    Piece(Box<Piece>),
    /// The end of the input.
    End(End),
}

/// Rows of the input that follow each other.
struct Piece {
    /// What stands beside their results.
    passing: RecordBatch,
    /// Where results were found; none: for no row.
    places: Vec<Option<Place>>,
    /// What the function owes, if it owes something.
    owed: Option<Owed>,
    _held: room::Held,
}

/// Rows of a piece whose results were not found.
struct Owed {
    missing: Vec<u32>,
    keys: Vec<Key>,
    arguments: RecordBatch,
    /// The end of a unit brings the permit that its begin took.
    ends: Option<End>,
    files: Option<Files>,
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
        let (run, input) = self.begin(input, context)?;
        let (full, ready) = mpsc::channel(1);
        Ok(stream::unfold((Some((run, input, full)), ready, None), next_batch).boxed())
    }
}

impl UdfStage {
    fn begin(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<(Run, SendableRecordBatchStream)> {
        let progress = context.session_config().get_extension::<Progress>().unwrap_or_default();
        let total = input.partition_statistics(None)?.num_rows.get_value().copied();
        let watch = progress.start(&format!("{} {}", self.verb(), self.name), total);
        let schema = self.schema(input.as_ref());
        let pool = Arc::clone(context.memory_pool());
        let memory = context.session_config().get_extension::<Memory>();
        let memory = memory.as_deref().copied().unwrap_or_else(|| Memory::new(u64::MAX));
        let input = input.execute(0, context)?;
        Ok((Run { stage: self, schema, watch, progress, pool, memory }, input))
    }

    /// What the function is called with, for rows of the input.
    fn arguments_of(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(self.arguments.len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.arguments.len());
        for (at, argument) in self.arguments.iter().enumerate() {
            let column = argument.evaluate(rows)?.into_array(rows.num_rows())?;
            let field = argument.return_field(rows.schema_ref())?;
            // Two arguments may read columns of one name: positions name them, nobody looks at the names.
            let field = field.as_ref().clone().with_name(at.to_string()).with_nullable(true);
            fields.push(field.with_data_type(column.data_type().clone()));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }

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
    pool: Arc<dyn MemoryPool>,
    memory: Memory,
}

/// How results are kept and found.
#[derive(Clone)]
struct Keeping {
    ledger: Ledger,
    keys: Arc<RowKeys>,
    /// Which of them count.
    scope: Scope,
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
        let keeping = self.keeping(&input.schema())?;
        let _entered = match &keeping {
            Some(keeping) => Some(keeping.ledger.enter().await?),
            None => None,
        };
        let (finds, reads) = match keeping {
            Some(keeping) => {
                let (finder, reader) = Box::pin(self.at_hand(&keeping)).await?;
                if let Some(placed) = &self.stage.placed {
                    let units = reader.units();
                    let files = (0..units).filter_map(|unit| Some((unit, reader.file(unit)?)));
                    placed.found(units, files);
                }
                let distinct = self.stage.options.distinct;
                let finder = if distinct { finder.once_each() } else { finder };
                (Some((keeping.clone(), finder)), Some((keeping, reader)))
            }
            None => (None, None),
        };
        let workers = self.stage.options.parallel.unwrap_or(1);
        let prefetch = Prefetch::for_stage(&self.stage, &input.schema(), &self.progress)?;
        let ahead = if prefetch.is_some() { prefetch::AHEAD } else { 1 };
        let (pending, to_come) = mpsc::channel(ahead.max(16).max(workers * 8));
        let (calls, arguments) = mpsc::channel(ahead);
        let sizer = Arc::new(batch_sizer::BatchSizer::new(&self.stage.options));
        let ways = feed::Ways::new(pending, calls);
        let feeder = feed::Feeder::new(self, finds, ways, prefetch, Arc::clone(&sizer));
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
        let collector = collect::Collector::new(self, reads, answers, sizer, full);
        let (sample, kept) = tokio::try_join!(feeder.run(input), collector.run(to_come))?;
        match (sample, kept) {
            (Some(sample), Some((keeping, mut reader))) => {
                Box::pin(self.verify(&keeping, &mut reader, sample)).await
            }
            _ => Ok(()),
        }
    }

    /// How results are kept; `None` where they are not, or arguments cannot be compared.
    fn keeping(&self, input: &Schema) -> Result<Option<Keeping>> {
        let Some(mut ledger) = self.stage.ledger.clone() else {
            return Ok(None);
        };
        let kinds = self.stage.arguments.iter().map(|argument| argument.data_type(input));
        let some = self.stage.options.keyed_by.as_deref();
        match RowKeys::try_new(&kinds.collect::<Result<Vec<_>>>()?, some) {
            Ok(keys) => {
                ledger.keys = keys.ending();
                let (of, again_since) = match &self.stage.reuse {
                    Reuse::Retry(version) => (Some(Arc::clone(version)), Some(now())),
                    Reuse::Unfailed => (None, Some(now())),
                    Reuse::Unit(unit) => (Some(Arc::clone(unit)), None),
                    Reuse::Kept | Reuse::Afresh => (None, None),
                };
                let scope = Scope { of, again_since };
                Ok(Some(Keeping { ledger, keys: Arc::new(keys), scope }))
            }
            Err(error) if self.stage.options.distinct => {
                let name = &self.stage.name;
                plan_err!(
                    "`distinct=True` of UDF '{name}': its arguments cannot be compared: {error}"
                )
            }
            Err(error) => {
                let name = &self.stage.name;
                let reason = format!("its arguments cannot be compared: {error}");
                self.progress.tell(format!("UDF '{name}': no checkpoint, because {reason}"));
                Ok(None)
            }
        }
    }

    /// What may be used of what is kept.
    async fn at_hand(&self, keeping: &Keeping) -> Result<(Finder, Reader)> {
        let ledger = &keeping.ledger;
        let mut units = Vec::new();
        if self.stage.reuse == Reuse::Afresh {
            ledger.forget().await?;
        } else {
            let Listed { own, failed } = ledger.listed().await?;
            units.extend(own.into_iter().map(|unit| (unit, Origin::Own)));
            // Units have the rows that are left after what could be taken over.
            if !matches!(self.stage.reuse, Reuse::Unit(_)) {
                units.extend(self.taken_over(keeping, failed).await?);
            }
        }
        Ok(results(ledger, units, &keeping.scope, self.stage.shape, &self.pool).await?)
    }
}

/// A function with any number of results has origins in every answer.
fn origins(answer: &Answer, shape: Shape, height: usize) -> Option<UInt32Array> {
    match (&answer.origins, shape) {
        (Some(origins), _) => Some(origins.clone()),
        (None, Shape::OnePerRow) => None,
        (None, Shape::Any) => {
            Some((0..u32::try_from(height).unwrap_or(u32::MAX)).collect::<UInt32Array>())
        }
    }
}
