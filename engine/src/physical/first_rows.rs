//! [`FirstRowsExec`]: the operator of `logical/first_rows.rs`.
//!
//! It remembers the keys that it has seen and lets rows with others through. When they do not fit into memory, the keys
//! and all rows to come go to [`sorted`], where a key that was seen stands before the rows that have it.

mod early;
mod keys;
mod numbers;
mod sorted;

use std::fmt;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Field, Schema};
use datafusion::common::NullEquality;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::ExecutionPlan;
use futures::{StreamExt, TryStreamExt, stream};

use super::key_bytes::{KeyBytes, evaluate};
use super::one_partition::{Batches, OnePartitionExec, Work};

pub(super) use early::EarlyRowsExec;
use keys::Keys;

/// The operator's name.
pub(crate) const FIRST_ROWS: &str = "FirstRowsExec";

/// The first row of each key.
pub(super) type FirstRowsExec = OnePartitionExec<FirstRows>;

impl FirstRowsExec {
    /// How many sorts it may need at once.
    pub(super) const SORTS: usize = 2;
}

/// The keys, ready to be evaluated.
#[derive(Debug)]
pub(super) struct FirstRows {
    pub(super) keys: Vec<Arc<dyn PhysicalExpr>>,
}

impl fmt::Display for FirstRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        write!(f, "FirstRowsExec: by [{}]", keys.join(", "))
    }
}

impl Work for FirstRows {
    const NAME: &'static str = FIRST_ROWS;
    const KEEPS_ORDER: bool = true;

    fn run(
        self: Arc<Self>,
        input: &Arc<dyn ExecutionPlan>,
        context: Arc<TaskContext>,
    ) -> Result<Batches> {
        let seen = Seen::try_new(&self, &input.schema(), &context)?;
        let state = State::Remembers(seen, input.execute(0, Arc::clone(&context))?);
        let rows = stream::try_unfold((state, self, context), |(state, work, context)| async {
            let next = state.next(&work, &context).await?;
            Ok(next.map(|(batch, state)| (batch, (state, work, context))))
        });
        Ok(rows.boxed())
    }
}

enum State {
    Remembers(Seen, SendableRecordBatchStream),
    Sorts(SendableRecordBatchStream),
}

impl State {
    async fn next(
        mut self,
        work: &FirstRows,
        context: &Arc<TaskContext>,
    ) -> Result<Option<(RecordBatch, Self)>> {
        loop {
            let (mut seen, mut input) = match self {
                Self::Remembers(seen, input) => (seen, input),
                Self::Sorts(mut rows) => {
                    return Ok(rows.try_next().await?.map(|batch| (batch, Self::Sorts(rows))));
                }
            };
            let Some(batch) = input.try_next().await? else { return Ok(None) };
            let (batch, fits) = seen.first_rows(&work.keys, &batch)?;
            self = match fits {
                true => Self::Remembers(seen, input),
                false => {
                    let schema = input.schema();
                    let nulls = NullEquality::NullEqualsNull;
                    let bytes = KeyBytes::try_new(work.keys.clone(), &schema, nulls)?;
                    let (seen, memory) = seen.into_keys()?;
                    let seen = (bytes.of_values(&seen)?, memory);
                    Self::Sorts(sorted::first_rows(input, seen, bytes, context).await?)
                }
            };
            if batch.num_rows() > 0 {
                return Ok(Some((batch, self)));
            }
        }
    }
}

/// The keys so far.
struct Seen {
    keys: Keys,
    memory: MemoryReservation,
    /// More than this is left to others.
    most_bytes: usize,
}

impl Seen {
    fn try_new(work: &FirstRows, schema: &Schema, context: &Arc<TaskContext>) -> Result<Self> {
        let kinds = work.keys.iter().enumerate().map(|(at, key)| {
            Ok(Field::new(at.to_string(), key.data_type(schema)?, key.nullable(schema)?))
        });
        let kinds = Arc::new(Schema::new(kinds.collect::<Result<Vec<_>>>()?));
        let most_bytes = match context.memory_pool().memory_limit() {
            MemoryLimit::Finite(bytes) => bytes / 4,
            MemoryLimit::Infinite | MemoryLimit::Unknown => usize::MAX,
        };
        let memory = MemoryConsumer::new("distinct").register(context.memory_pool());
        Ok(Self { keys: Keys::try_new(kinds)?, memory, most_bytes })
    }

    /// The rows whose keys are new, and whether there is memory for more.
    fn first_rows(
        &mut self,
        keys: &[Arc<dyn PhysicalExpr>],
        batch: &RecordBatch,
    ) -> Result<(RecordBatch, bool)> {
        let is_new = self.keys.add(&evaluate(keys, batch)?)?;
        let batch = filter_record_batch(batch, &is_new)?;
        let bytes = self.keys.bytes();
        let fits = bytes <= self.most_bytes && self.memory.try_resize(bytes).is_ok();
        Ok((batch, fits))
    }

    /// The keys, and what they take of the memory.
    fn into_keys(self) -> Result<(Vec<ArrayRef>, MemoryReservation)> {
        Ok((self.keys.into_values()?, self.memory))
    }
}
