//! [`InProcess`]: the executor that calls the function in this process, on one dedicated thread.
//!
//! Closures, notebooks and debuggers work because it is the user's own process; the runtime's threads stay free
//! because the thread is not one of theirs.

use std::sync::Arc;
use std::thread;

use arrow::record_batch::RecordBatch;
use futures::StreamExt;
use futures::stream;
use tokio::sync::mpsc;

use crate::stop::Running;
use crate::{BatchFunction, BatchStream, Error, Executor, FunctionFailure, Result, Stop, task};

#[cfg(test)]
mod tests;

/// Batches waiting on each side of the thread: enough to overlap reading with computing, few enough to bound memory.
const IN_FLIGHT: usize = 2;

/// Calls functions on one dedicated thread of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Executor for InProcess {
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> BatchStream {
        stream::once(async move { first_poll(function, input) }).flatten().boxed()
    }
}

fn first_poll(function: Arc<dyn BatchFunction>, input: BatchStream) -> BatchStream {
    let (arguments, requests) = mpsc::channel(IN_FLIGHT);
    let (answers, results) = mpsc::channel(IN_FLIGHT);
    let name = function.name().to_owned();
    let stop = Stop::default();
    let (signal, running) = (stop.clone(), Running::start());
    let started = thread::Builder::new().name(format!("udf-{name}")).spawn(move || {
        answer(function, requests, &answers, &signal);
        drop(running);
    });
    if let Err(source) = started {
        return stream::once(async move { Err(Error::Spawn { name, source }) }).boxed();
    }
    let feeder = task::spawn(feed(input, arguments));
    let results = Results { results, _feeder: feeder, name, open: true, stop };
    stream::unfold(results, Results::next).boxed()
}

/// What the consumer holds; dropping it stops the function after the row that it is at, and aborts the feeder.
struct Results {
    results: mpsc::Receiver<Answer>,
    _feeder: task::Task<()>,
    name: String,
    open: bool,
    stop: Stop,
}

impl Drop for Results {
    fn drop(&mut self) {
        self.stop.set();
    }
}

enum Answer {
    Batch(Result<RecordBatch>),
    Finished,
}

impl Results {
    async fn next(mut self) -> Option<(Result<RecordBatch>, Self)> {
        if !self.open {
            return None;
        }
        let batch = match self.results.recv().await {
            Some(Answer::Finished) => return None,
            Some(Answer::Batch(batch)) => batch,
            None => Err(Error::Stopped { name: self.name.clone() }),
        };
        self.open = batch.is_ok();
        Some((batch, self))
    }
}

async fn feed(mut input: BatchStream, arguments: mpsc::Sender<Result<RecordBatch>>) {
    while let Some(batch) = input.next().await {
        let failed = batch.is_err();
        if arguments.send(batch).await.is_err() || failed {
            return;
        }
    }
}

/// The body of the thread: it ends when the input ends, when the consumer is gone, or at the first error.
fn answer(
    function: Arc<dyn BatchFunction>,
    mut requests: mpsc::Receiver<Result<RecordBatch>>,
    answers: &mpsc::Sender<Answer>,
    stop: &Stop,
) {
    let outcome = answer_all(function.as_ref(), &mut requests, answers, stop);
    // The function may be the last to hold objects of its language: they go before the thread counts as ended.
    drop(function);
    // The consumer may be gone: then nobody waits for the last word.
    drop(answers.blocking_send(match outcome {
        Ok(()) => Answer::Finished,
        Err(error) => Answer::Batch(Err(error)),
    }));
}

fn answer_all(
    function: &dyn BatchFunction,
    requests: &mut mpsc::Receiver<Result<RecordBatch>>,
    answers: &mpsc::Sender<Answer>,
    stop: &Stop,
) -> Result<()> {
    let failed = |failure: FunctionFailure| Error::Function {
        name: function.name().to_owned(),
        failure: Box::new(failure),
    };
    let Some(first) = requests.blocking_recv() else {
        return Ok(());
    };
    let mut next = first?;
    let mut running = function.start().map_err(failed)?;
    let mut rows = 0;
    loop {
        let result =
            running.call(&next, stop).map_err(|failure| failed(failure.offset_by(rows)))?;
        if result.num_rows() != next.num_rows() {
            return Err(Error::RowCount {
                name: function.name().to_owned(),
                given: next.num_rows(),
                returned: result.num_rows(),
            });
        }
        rows += next.num_rows();
        if answers.blocking_send(Answer::Batch(Ok(result))).is_err() || stop.is_set() {
            return Ok(());
        }
        match requests.blocking_recv() {
            Some(batch) => next = batch?,
            None => return running.finish().map_err(failed),
        }
    }
}
