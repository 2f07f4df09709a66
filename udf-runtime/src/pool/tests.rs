//! The pool, with workers that are this test binary.

mod fake;
mod faults;
mod life;
mod sharing;

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::{StreamExt, stream};

use self::fake::{Fake, worker_command};
use super::{PoolOptions, WorkerPool};
use crate::{Answer, AnswerStream, BatchStream, Error, Executor, FunctionFailure};

macro_rules! behaviours {
    ($($name:ident),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            for workers in [1, 3] {
                let executor = executor(PoolOptions { workers, ..PoolOptions::default() });
                if let Err(what) = crate::conformance::$name(executor.as_ref()).await {
                    panic!("{workers} workers: {what}");
                }
            }
        })*
    };
}

behaviours!(
    keeps_the_order,
    an_empty_input_starts_nothing,
    a_failure_names_the_row,
    lost_rows_are_an_error,
    an_input_error_comes_through,
    dropping_stops_the_calls,
);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn executor(options: PoolOptions) -> Arc<dyn Executor> {
    WorkerPool::new(worker_command("serve")).executor(options)
}

fn one_worker() -> Arc<dyn Executor> {
    executor(PoolOptions::default())
}

/// What came of a stream: the values of its answers, the rows recorded as failed, and its error.
#[derive(Debug, Default)]
struct Seen {
    values: Vec<i64>,
    recorded: Vec<(u32, FunctionFailure)>,
    error: Option<Error>,
}

impl Seen {
    /// Row, kind and message of the failure that ended the stream.
    #[track_caller]
    fn failure(&self) -> (Option<usize>, &str, &str) {
        match &self.error {
            Some(Error::Function { failure, .. }) => {
                (failure.row, failure.kind.as_str(), failure.message.as_str())
            }
            other => panic!("no failure of a function: {other:?}"),
        }
    }

    #[track_caller]
    fn without_error(self) -> Self {
        assert!(self.error.is_none(), "{:?}", self.error);
        self
    }
}

async fn run(executor: &dyn Executor, function: Fake, batches: &[&[i64]]) -> Seen {
    let batches: Vec<_> = batches.iter().map(|values| Ok(batch(values))).collect();
    collect(executor.run(Arc::new(function), stream::iter(batches).boxed())).await
}

async fn collect(mut answers: AnswerStream) -> Seen {
    let mut seen = Seen::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => {
                seen.values.extend(values(&answer));
                seen.recorded.extend(
                    answer.failures.into_iter().map(|failed| (failed.attempts, failed.failure)),
                );
            }
            Err(error) => seen.error = Some(error),
        }
    }
    seen
}

fn values(answer: &Answer) -> Vec<i64> {
    let column = answer.rows.column(0).as_any().downcast_ref::<Int64Array>();
    column.expect("integers").values().to_vec()
}

fn batch(values: &[i64]) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("value", DataType::Int64, false)]);
    let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
    let options = RecordBatchOptions::new().with_row_count(Some(values.len()));
    RecordBatch::try_new_with_options(schema.into(), vec![column], &options).expect("a batch")
}

/// The answers as the input of another stage.
fn next_stage(answers: AnswerStream) -> BatchStream {
    answers.map(|answer| answer.map(|answer| batch(&values(&answer)))).boxed()
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < PATIENCE, "still waiting: {what}");
        tokio::task::yield_now().await;
    }
}
