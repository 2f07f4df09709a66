//! [`UdfMapExec`]: the operator of `logical/udf_map.rs`.
//!
//! Evaluates the arguments, hands batches of them to an executor and glues the results to the input columns, which
//! never leave this operator.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::ArrayRef;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::{StreamExt, stream};
use udf_runtime::{BatchFunction, BatchStream, Executor};

use crate::progress::Progress;

/// What the operator does to each batch.
#[derive(Debug)]
pub(super) struct UdfStage {
    pub(super) name: String,
    pub(super) function: Arc<dyn BatchFunction>,
    pub(super) executor: Arc<dyn Executor>,
    pub(super) arguments: Vec<Arc<dyn PhysicalExpr>>,
    pub(super) results: Vec<FieldRef>,
    pub(super) batch_rows: usize,
}

/// Calls a user function on every row of its one input partition.
#[derive(Debug)]
pub(super) struct UdfMapExec {
    input: Arc<dyn ExecutionPlan>,
    stage: Arc<UdfStage>,
    properties: Arc<PlanProperties>,
}

impl UdfMapExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, stage: Arc<UdfStage>) -> Self {
        let fields: Vec<FieldRef> =
            input.schema().fields().iter().chain(&stage.results).cloned().collect();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(Schema::new(fields))),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self { input, stage, properties: Arc::new(properties) }
    }
}

impl DisplayAs for UdfMapExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let arguments: Vec<String> = self.stage.arguments.iter().map(ToString::to_string).collect();
        let results: Vec<&str> =
            self.stage.results.iter().map(|field| field.name().as_str()).collect();
        let (name, rows) = (&self.stage.name, self.stage.batch_rows);
        write!(
            f,
            "UdfMapExec: {name}({}) -> [{}], batch_rows={rows}",
            arguments.join(", "),
            results.join(", ")
        )
    }
}

impl ExecutionPlan for UdfMapExec {
    fn name(&self) -> &'static str {
        "UdfMapExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else {
            return internal_err!("UdfMapExec needs an input");
        };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.stage))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let progress = context.session_config().get_extension::<Progress>().unwrap_or_default();
        let progress = progress.start(&format!("map {}", self.stage.name));
        let input = self.input.execute(partition, context)?;
        let waiting = Arc::new(Waiting::default());
        let arguments = arguments(input, Arc::clone(&self.stage), Arc::clone(&waiting));
        let results = self.stage.executor.run(Arc::clone(&self.stage.function), arguments);
        let schema = self.schema();
        let output = Arc::clone(&schema);
        let joined = results.map(move |results| {
            let results = results.map_err(|error| DataFusionError::External(Box::new(error)))?;
            progress.add(results.num_rows());
            glue(waiting.pop(), &results, &output)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, joined)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let input = self.input.partition_statistics(partition)?;
        let unknown = Statistics::new_unknown(&self.schema());
        Ok(Arc::new(Statistics { num_rows: input.num_rows, ..unknown }))
    }
}

/// Input batches whose results are still being computed, oldest first. Bounded by the executor's batches in flight.
#[derive(Default)]
struct Waiting(Mutex<VecDeque<RecordBatch>>);

impl Waiting {
    fn push(&self, batch: RecordBatch) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(batch);
    }

    fn pop(&self) -> Option<RecordBatch> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// The input cut to the function's batch height, as batches of arguments.
fn arguments(
    input: SendableRecordBatchStream,
    stage: Arc<UdfStage>,
    waiting: Arc<Waiting>,
) -> BatchStream {
    let rows = stage.batch_rows.max(1);
    input
        .flat_map(move |batch| {
            let pieces: Vec<Result<RecordBatch>> = match batch {
                Ok(batch) => (0..batch.num_rows())
                    .step_by(rows)
                    .map(|at| Ok(batch.slice(at, rows.min(batch.num_rows() - at))))
                    .collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(pieces)
        })
        .map(move |batch| {
            let batch = batch.map_err(input_failed)?;
            let arguments = evaluate(&stage, &batch).map_err(input_failed)?;
            waiting.push(batch);
            Ok(arguments)
        })
        .boxed()
}

fn input_failed(error: DataFusionError) -> udf_runtime::Error {
    udf_runtime::Error::Input { source: Box::new(error) }
}

fn evaluate(stage: &UdfStage, batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields = Vec::with_capacity(stage.arguments.len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(stage.arguments.len());
    for argument in &stage.arguments {
        let column = argument.evaluate(batch)?.into_array(batch.num_rows())?;
        let field = argument.return_field(batch.schema_ref())?;
        fields.push(field.as_ref().clone().with_data_type(column.data_type().clone()));
        columns.push(column);
    }
    // Two arguments may read columns of one name: positions name them, nobody looks at the names.
    let fields: Vec<_> = fields
        .into_iter()
        .enumerate()
        .map(|(at, field)| Arc::new(field.with_name(at.to_string()).with_nullable(true)))
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
}

fn glue(
    input: Option<RecordBatch>,
    results: &RecordBatch,
    schema: &SchemaRef,
) -> Result<RecordBatch> {
    let Some(input) = input else {
        return internal_err!("a function returned more batches than it was given");
    };
    let columns: Vec<ArrayRef> = input.columns().iter().chain(results.columns()).cloned().collect();
    let options = RecordBatchOptions::new().with_row_count(Some(input.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
