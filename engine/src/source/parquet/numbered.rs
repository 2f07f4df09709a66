//! [`NumberedRowsExec`]: rows of files get the column that says which file and row they are from.
//!
//! Below it, each row group is read by itself and says in two columns which file it is of, and the number of its first
//! row. No filter may run below it: numbers count all rows.

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::{Statistics, internal_err};
use datafusion::error::Result as PlanResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties,
};
use futures::StreamExt;

use crate::source::FileRows;

/// The operator.
#[derive(Debug)]
pub(super) struct NumberedRowsExec {
    input: Arc<dyn ExecutionPlan>,
    rows: Arc<FileRows>,
    /// Where the column goes.
    at: usize,
    statistics: Arc<Statistics>,
    properties: Arc<PlanProperties>,
}

impl NumberedRowsExec {
    /// `schema` is that of the input without its last two columns, and with the new one at `at`.
    pub(super) fn new(
        input: Arc<dyn ExecutionPlan>,
        rows: Arc<FileRows>,
        (schema, at): (SchemaRef, usize),
        statistics: Statistics,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.output_partitioning().clone(),
            input.pipeline_behavior(),
            input.boundedness(),
        );
        let (statistics, properties) = (Arc::new(statistics), Arc::new(properties));
        Self { input, rows, at, statistics, properties }
    }
}

impl DisplayAs for NumberedRowsExec {
    fn fmt_as(&self, _kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NumberedRowsExec")
    }
}

impl ExecutionPlan for NumberedRowsExec {
    fn name(&self) -> &'static str {
        "NumberedRowsExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
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
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return internal_err!("no input") };
        let place = (self.schema(), self.at);
        let (rows, statistics) = (Arc::clone(&self.rows), self.statistics.as_ref().clone());
        Ok(Arc::new(Self::new(input, rows, place, statistics)))
    }

    fn partition_statistics(&self, partition: Option<usize>) -> PlanResult<Arc<Statistics>> {
        Ok(match partition {
            None => Arc::clone(&self.statistics),
            Some(_) => Arc::new(Statistics::new_unknown(&self.schema())),
        })
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> PlanResult<SendableRecordBatchStream> {
        let batches = self.input.execute(partition, context)?;
        let (rows, schema, at) = (Arc::clone(&self.rows), self.schema(), self.at);
        let mut last = None;
        let numbered = batches.map(move |batch| numbered(&batch?, &rows, (&schema, at), &mut last));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), numbered)))
    }
}

/// The batch with its numbers; `last` is the row group before, and the number of its next row.
fn numbered(
    batch: &RecordBatch,
    rows: &FileRows,
    (schema, at): (&SchemaRef, usize),
    last: &mut Option<(i64, i64, i64)>,
) -> PlanResult<RecordBatch> {
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    let (Some(first), Some(file)) = (columns.pop(), columns.pop()) else {
        return internal_err!("rows of Parquet files without their numbers");
    };
    let column = if batch.num_rows() == 0 {
        rows.column(0, 0, 0)?
    } else {
        let file = file.as_primitive::<Int64Type>().value(0);
        let first = first.as_primitive::<Int64Type>().value(0);
        let next = match *last {
            Some((of, group, next)) if (of, group) == (file, first) => next,
            _ => first,
        };
        *last = Some((file, first, next + i64::try_from(batch.num_rows()).unwrap_or_default()));
        let number = |number: i64| u64::try_from(number).unwrap_or_default();
        let of = usize::try_from(file).unwrap_or_default();
        rows.column(of, number(next), batch.num_rows())?
    };
    columns.insert(at, column);
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)?)
}
