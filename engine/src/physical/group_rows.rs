//! [`GroupRowsExec`]: the operator of `logical/group_rows.rs`.
//!
//! Its input is sorted by the keys, so the rows of a group follow each other: a group ends where a key changes. Only
//! the groups of one batch of the output are in memory, at the least one whole group.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, LargeListArray, RecordBatch, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{concat_batches, partition, take};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::RecordBatchOptions;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{
    LexOrdering, OrderingRequirements, PhysicalExpr, PhysicalSortExpr,
};
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, stream};

use super::key_bytes::evaluate;
use super::one_partition::{Batches, OnePartitionExec, Work};

/// Rows of the input that an output batch is made of, unless a group has more.
const BATCH_ROWS: usize = 8192;

/// A row is held once, and copied.
const COPIES: usize = 2;

type Exprs = Vec<Arc<dyn PhysicalExpr>>;

/// One row for each group.
pub(super) type GroupRowsExec = OnePartitionExec<Grouping>;

/// The node's expressions, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Grouping {
    pub(super) keys: Exprs,
    /// The number of a row in the input, the last sort key.
    pub(super) row: Option<Arc<dyn PhysicalExpr>>,
    pub(super) firsts: Exprs,
    pub(super) lists: Exprs,
    pub(super) schema: SchemaRef,
}

impl fmt::Display for Grouping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "GroupRowsExec: by [{}]", keys.join(", "))
    }
}

impl Work for Grouping {
    const NAME: &'static str = "GroupRowsExec";
    const KEEPS_ORDER: bool = false;

    fn schema(&self, _input: &dyn ExecutionPlan) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn sorted_by(&self) -> Option<OrderingRequirements> {
        let keys = self.keys.iter().chain(&self.row);
        let keys = keys.map(|key| PhysicalSortExpr::new_default(Arc::clone(key)));
        LexOrdering::new(keys).map(OrderingRequirements::from)
    }

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        let memory = MemoryConsumer::new("a group of `agg`").register(context.memory_pool());
        let input = input.execute(0, context)?;
        let groups = Groups { input, grouping: self, open: None, done: false, memory };
        let rows = stream::unfold(groups, |mut groups| async move {
            let batch = groups.next().await.transpose()?;
            Some((batch, groups))
        });
        Ok(rows.boxed())
    }
}

/// Rows of the input whose last group may go on.
struct Open {
    rows: RecordBatch,
    keys: Vec<ArrayRef>,
}

struct Groups {
    input: SendableRecordBatchStream,
    grouping: Arc<Grouping>,
    open: Option<Open>,
    done: bool,
    memory: MemoryReservation,
}

impl Groups {
    /// The next rows of the output.
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let mut waiting = Vec::new();
        let mut rows = 0;
        while !self.done {
            match self.input.next().await.transpose()? {
                None => self.done = true,
                Some(batch) if batch.num_rows() == 0 => {}
                Some(batch) => {
                    self.memory.try_grow(batch.get_array_memory_size() * COPIES)?;
                    rows += batch.num_rows();
                    waiting.push(batch);
                }
            }
            if self.done || rows >= self.enough() {
                self.append(std::mem::take(&mut waiting))?;
                rows = 0;
                if let Some(batch) = self.finished_groups()? {
                    return Ok(Some(batch));
                }
            }
        }
        Ok(None)
    }

    /// New rows that are worth a look for the ends of groups: as many as are there already, so that a group that goes
    /// on and on is not copied again and again.
    fn enough(&self) -> usize {
        if self.grouping.keys.is_empty() {
            return usize::MAX;
        }
        self.open.as_ref().map_or(0, |open| open.rows.num_rows()).max(BATCH_ROWS)
    }

    fn append(&mut self, batches: Vec<RecordBatch>) -> Result<()> {
        let batches: Vec<RecordBatch> =
            self.open.take().map(|open| open.rows).into_iter().chain(batches).collect();
        let Some(first) = batches.first() else {
            return Ok(());
        };
        let rows = concat_batches(&first.schema(), &batches)?;
        self.memory.try_resize(rows.get_array_memory_size() * COPIES)?;
        let keys = evaluate(&self.grouping.keys, &rows)?;
        self.open = Some(Open { rows, keys });
        Ok(())
    }

    /// The groups that have ended, as rows of the output.
    fn finished_groups(&mut self) -> Result<Option<RecordBatch>> {
        let Some(open) = self.open.take() else {
            return Ok(None);
        };
        let all = open.rows.num_rows();
        let mut groups: Vec<Range<usize>> = if open.keys.is_empty() {
            std::iter::once(0..all).collect()
        } else {
            partition(&open.keys)?.ranges()
        };
        let mut end = all;
        if !self.done {
            end = groups.pop().map_or(0, |last| last.start);
        }
        if end < all {
            let keys = open.keys.iter().map(|key| key.slice(end, all - end)).collect();
            self.open = Some(Open { rows: open.rows.slice(end, all - end), keys });
        }
        if groups.is_empty() {
            return Ok(None);
        }
        self.grouping.rows_of(&open.rows.slice(0, end), &groups).map(Some)
    }
}

impl Grouping {
    fn rows_of(&self, rows: &RecordBatch, groups: &[Range<usize>]) -> Result<RecordBatch> {
        let starts: UInt64Array = groups.iter().map(|group| group.start as u64).collect();
        let mut columns = Vec::with_capacity(self.firsts.len() + self.lists.len());
        for first in evaluate(&self.firsts, rows)? {
            columns.push(take(&first, &starts, None)?);
        }
        let offsets = OffsetBuffer::<i64>::from_lengths(groups.iter().map(ExactSizeIterator::len));
        let lists = &self.schema.fields()[self.firsts.len()..];
        for (values, field) in evaluate(&self.lists, rows)?.into_iter().zip(lists) {
            let DataType::LargeList(item) = field.data_type() else {
                return internal_err!("`{}` is no list", field.name());
            };
            let list = LargeListArray::try_new(Arc::clone(item), offsets.clone(), values, None)?;
            columns.push(Arc::new(list) as ArrayRef);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        Ok(RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?)
    }
}
