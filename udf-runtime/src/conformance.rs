//! Behaviour that every [`Executor`] must show. Each function is one behaviour and says what it saw instead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{ArrayRef, Int64Array, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    Answer, AnswerStream, BatchFunction, BatchStream, Error, Executor, FunctionFailure,
    RunningFunction, Shape, Stop,
};

/// What a behaviour found wrong.
pub type Outcome = Result<(), String>;

/// Adds one to an integer column; can be told to fail at a value, to lose rows or to answer row by row.
#[derive(Debug, Default)]
pub struct AddOne {
    /// Fail at this value.
    pub fail_at: Option<i64>,
    /// Drop the last row of every batch.
    pub lose_rows: bool,
    /// Give an answer for each row.
    pub in_parts: bool,
    /// How often `start` ran.
    pub starts: Arc<AtomicUsize>,
    /// How many rows were computed.
    pub rows: Arc<AtomicUsize>,
    /// How often `finish` ran.
    pub finishes: Arc<AtomicUsize>,
}

struct Adding {
    /// Batches, and how many rows of each are done.
    begun: VecDeque<(RecordBatch, usize)>,
    fail_at: Option<i64>,
    lose_rows: bool,
    in_parts: bool,
    rows: Arc<AtomicUsize>,
    finishes: Arc<AtomicUsize>,
}

impl AddOne {
    /// The function of which `ship` made these bytes; it counts anew.
    ///
    /// # Errors
    /// What the bytes are instead.
    pub fn load(blob: &[u8]) -> Result<Self, FunctionFailure> {
        let wrong =
            |error: serde_json::Error| FunctionFailure::new("ValueError", error.to_string());
        let (fail_at, lose_rows, in_parts) = serde_json::from_slice(blob).map_err(wrong)?;
        Ok(Self { fail_at, lose_rows, in_parts, ..Self::default() })
    }
}

impl BatchFunction for AddOne {
    fn name(&self) -> &str {
        "add_one"
    }

    fn shape(&self) -> Shape {
        if self.in_parts { Shape::Any } else { Shape::OnePerRow }
    }

    fn ship(&self) -> Result<Vec<u8>, FunctionFailure> {
        let wrong =
            |error: serde_json::Error| FunctionFailure::new("ValueError", error.to_string());
        serde_json::to_vec(&(self.fail_at, self.lose_rows, self.in_parts)).map_err(wrong)
    }

    fn start(&self) -> Result<Box<dyn RunningFunction>, FunctionFailure> {
        self.starts.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Adding {
            begun: VecDeque::new(),
            fail_at: self.fail_at,
            lose_rows: self.lose_rows,
            in_parts: self.in_parts,
            rows: Arc::clone(&self.rows),
            finishes: Arc::clone(&self.finishes),
        }))
    }
}

impl RunningFunction for Adding {
    fn begin(&mut self, arguments: RecordBatch) {
        self.begun.push_back((arguments, 0));
    }

    fn complete(&mut self, stop: &Stop) -> Result<Answer, FunctionFailure> {
        let wrong = |message: &str| FunctionFailure::new("TypeError", message);
        let (arguments, done) = self.begun.pop_front().ok_or_else(|| wrong("nothing was begun"))?;
        let values = arguments
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .ok_or_else(|| wrong("not integers"))?;
        let wanted = if self.in_parts { (done + 1).min(values.len()) } else { values.len() };
        let mut sums = Vec::with_capacity(values.len());
        for (row, value) in values.values()[..wanted].iter().enumerate().skip(done) {
            stop.row(row);
            if Some(*value) == self.fail_at {
                let mut failure = FunctionFailure::new("ValueError", "told to fail");
                failure.row = Some(row);
                return Err(failure);
            }
            self.rows.fetch_add(1, Ordering::SeqCst);
            sums.push(value + 1);
        }
        if self.lose_rows {
            sums.pop();
        }
        let mut answer = batch(sums).map(Answer::one_per_row).map_err(|error| wrong(&error))?;
        if self.in_parts {
            let row = u32::try_from(done).unwrap_or(u32::MAX);
            answer.origins = Some(UInt32Array::from(vec![row; wanted - done]));
            answer.more = wanted < values.len();
        }
        if answer.more {
            self.begun.push_front((arguments, wanted));
        }
        Ok(answer)
    }

    fn finish(&mut self) -> Result<(), FunctionFailure> {
        self.finishes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn batch(values: Vec<i64>) -> Result<RecordBatch, String> {
    let schema = Arc::new(Schema::new(vec![Field::new("value", DataType::Int64, false)]));
    let options = RecordBatchOptions::new().with_row_count(Some(values.len()));
    let column: ArrayRef = Arc::new(Int64Array::from(values));
    RecordBatch::try_new_with_options(schema, vec![column], &options)
        .map_err(|error| error.to_string())
}

fn input(batches: &[&[i64]]) -> Result<BatchStream, String> {
    let batches: Result<Vec<_>, String> =
        batches.iter().map(|values| batch(values.to_vec())).collect();
    Ok(stream::iter(batches?.into_iter().map(Ok)).boxed())
}

async fn values(stream: AnswerStream) -> Result<Vec<i64>, Error> {
    let answers: Vec<Answer> = stream.try_collect().await?;
    let columns = answers.iter().filter_map(|answer| {
        answer
            .rows
            .column(0)
            .as_any()
            .downcast_ref::<Int64Array>()
            .map(|column| column.values().to_vec())
    });
    Ok(columns.flatten().collect())
}

#[expect(clippy::needless_pass_by_value, reason = "callers pass what they just made")]
fn expect<T: PartialEq + std::fmt::Debug>(seen: T, wanted: T, what: &str) -> Outcome {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: saw {seen:?}, wanted {wanted:?}")) }
}

/// Results come in the order of the arguments.
///
/// # Errors
/// What was seen instead.
pub async fn keeps_the_order(executor: &dyn Executor) -> Outcome {
    let stream = executor.run(Arc::new(AddOne::default()), input(&[&[1, 2], &[], &[3]])?);
    let seen = values(stream).await.map_err(|error| error.to_string())?;
    expect(seen, vec![2, 3, 4], "values")
}

/// Results that come in parts stay in order, and each knows its row. Only for executors that call the function in this
/// process.
///
/// # Errors
/// What was seen instead.
pub async fn parts_keep_the_order(executor: &dyn Executor) -> Outcome {
    let function = || Arc::new(AddOne { in_parts: true, ..AddOne::default() });
    let batches = || input(&[&[1, 2, 3], &[], &[4]]);
    let stream = executor.run(function(), batches()?);
    let answers: Vec<Answer> = stream.try_collect().await.map_err(|error| error.to_string())?;
    let more: Vec<bool> = answers.iter().map(|answer| answer.more).collect();
    expect(more, vec![true, true, false, false, false], "which are followed by more")?;
    let origins: Vec<u32> = answers
        .iter()
        .filter_map(|answer| answer.origins.as_ref())
        .flat_map(|origins| origins.values().to_vec())
        .collect();
    expect(origins, vec![0, 1, 2, 0], "origins")?;
    let seen = values(executor.run(function(), batches()?)).await;
    expect(seen.map_err(|error| error.to_string())?, vec![2, 3, 4, 5], "values")
}

/// The life cycle runs once. Only for executors that call the function in this process and keep none warm.
///
/// # Errors
/// What was seen instead.
pub async fn sets_up_once(executor: &dyn Executor) -> Outcome {
    let function = Arc::new(AddOne::default());
    let stream = executor.run(Arc::<AddOne>::clone(&function), input(&[&[1, 2], &[], &[3]])?);
    values(stream).await.map_err(|error| error.to_string())?;
    expect(function.starts.load(Ordering::SeqCst), 1, "starts")?;
    expect(function.finishes.load(Ordering::SeqCst), 1, "finishes")
}

/// No arguments, no set-up.
///
/// # Errors
/// What was seen instead.
pub async fn an_empty_input_starts_nothing(executor: &dyn Executor) -> Outcome {
    let function = Arc::new(AddOne::default());
    let stream = executor.run(Arc::<AddOne>::clone(&function), input(&[])?);
    let seen = values(stream).await.map_err(|error| error.to_string())?;
    expect(seen, vec![], "values")?;
    expect(function.starts.load(Ordering::SeqCst), 0, "starts")
}

/// A failure names the row of the stream, comes after the results before it, and ends the stream.
///
/// # Errors
/// What was seen instead.
pub async fn a_failure_names_the_row(executor: &dyn Executor) -> Outcome {
    let function = Arc::new(AddOne { fail_at: Some(4), ..AddOne::default() });
    let mut stream = executor.run(function, input(&[&[1, 2], &[3, 4], &[5]])?);
    let first = stream.next().await.ok_or("no first batch")?.map_err(|error| error.to_string())?;
    expect(first.rows.num_rows(), 2, "rows of the first batch")?;
    match stream.next().await {
        Some(Err(Error::Function { failure, .. })) => expect(failure.row, Some(3), "failed row")?,
        other => return Err(format!("wanted the failure, saw {other:?}")),
    }
    expect(stream.next().await.is_none(), true, "end after the failure")
}

/// A function that loses rows is found out.
///
/// # Errors
/// What was seen instead.
pub async fn lost_rows_are_an_error(executor: &dyn Executor) -> Outcome {
    let function = Arc::new(AddOne { lose_rows: true, ..AddOne::default() });
    match values(executor.run(function, input(&[&[1, 2]])?)).await {
        Err(Error::RowCount { given: 2, returned: 1, .. }) => Ok(()),
        other => Err(format!("wanted a row-count error, saw {other:?}")),
    }
}

/// An error of the input comes out unchanged.
///
/// # Errors
/// What was seen instead.
pub async fn an_input_error_comes_through(executor: &dyn Executor) -> Outcome {
    let broken = stream::iter([Err(Error::Input { source: "disk on fire".into() })]).boxed();
    match values(executor.run(Arc::new(AddOne::default()), broken)).await {
        Err(Error::Input { source }) => {
            expect(source.to_string(), "disk on fire".to_owned(), "source")
        }
        other => Err(format!("wanted the input's error, saw {other:?}")),
    }
}

/// Dropping the result stream stops the calls: an endless input is not drained.
///
/// # Errors
/// What was seen instead.
pub async fn dropping_stops_the_calls(executor: &dyn Executor) -> Outcome {
    let function = Arc::new(AddOne::default());
    let endless = batch(vec![1])?;
    let endless = stream::repeat_with(move || Ok(endless.clone())).boxed();
    let mut stream = executor.run(Arc::<AddOne>::clone(&function), endless);
    stream.next().await.ok_or("no batch")?.map_err(|error| error.to_string())?;
    drop(stream);
    // The thread holds the function until it ends; when it lets go, the calls have stopped.
    while Arc::strong_count(&function) > 1 {
        tokio::task::yield_now().await;
    }
    Ok(())
}
