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
use tokio::sync::mpsc::error::TryRecvError;

use crate::check::Check;
use crate::drive::{Exchange, Request, drive};
use crate::stop::RunningGuard;
use crate::{
    Answer, AnswerStream, BatchFunction, BatchStream, Error, Executor, FunctionFailure, Result,
    Stop, task,
};

#[cfg(test)]
mod tests;

/// Batches waiting on each side of the thread: enough to overlap reading with computing, few enough to bound memory.
const IN_FLIGHT: usize = 2;

/// Calls functions on one dedicated thread of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct InProcess;

impl Executor for InProcess {
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> AnswerStream {
        stream::once(async move { first_poll(function, input) }).flatten().boxed()
    }
}

fn first_poll(function: Arc<dyn BatchFunction>, input: BatchStream) -> AnswerStream {
    let (arguments, requests) = mpsc::channel(IN_FLIGHT);
    let (answers, results) = mpsc::channel(IN_FLIGHT);
    let name = function.name().to_owned();
    let stop = Stop::default();
    let (signal, running) = (stop.clone(), RunningGuard::start());
    let started = thread::Builder::new().name(format!("udf-{name}")).spawn(move || {
        signal.adopt_this_thread();
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
    results: mpsc::Receiver<Message>,
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

enum Message {
    Answer(Result<Answer>),
    Finished,
}

impl Results {
    async fn next(mut self) -> Option<(Result<Answer>, Self)> {
        if !self.open {
            return None;
        }
        let answer = match self.results.recv().await {
            Some(Message::Finished) => return None,
            Some(Message::Answer(answer)) => answer,
            None => Err(Error::Stopped { name: self.name.clone() }),
        };
        self.open = answer.is_ok();
        Some((answer, self))
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
    requests: mpsc::Receiver<Result<RecordBatch>>,
    answers: &mpsc::Sender<Message>,
    stop: &Stop,
) {
    let outcome = answer_all(function.as_ref(), requests, answers, stop);
    // The function may be the last to hold objects of its language: they go before the thread counts as ended.
    drop(function);
    // The consumer may be gone: then nobody waits for the last word.
    drop(answers.blocking_send(match outcome {
        Ok(()) => Message::Finished,
        Err(error) => Message::Answer(Err(error)),
    }));
}

fn answer_all(
    function: &dyn BatchFunction,
    mut requests: mpsc::Receiver<Result<RecordBatch>>,
    answers: &mpsc::Sender<Message>,
    stop: &Stop,
) -> Result<()> {
    let Some(first) = requests.blocking_recv() else {
        return Ok(());
    };
    let first = first?;
    let failed = |failure| failed(function.name(), failure);
    let mut running = function.start().map_err(failed)?;
    let mut channels = Channels::new(function, requests, answers, first.num_rows());
    drive(function, running.as_mut(), &mut channels, first, stop)?.map_err(failed)
}

fn failed(name: &str, failure: FunctionFailure) -> Error {
    Error::Function { name: name.to_owned(), failure: Box::new(failure) }
}

/// Both channels of the thread, and the heights of the batches that are begun.
struct Channels<'a> {
    check: Check,
    requests: mpsc::Receiver<Result<RecordBatch>>,
    answers: &'a mpsc::Sender<Message>,
    /// An error of the input, kept until the batches before it are answered.
    broken: Option<Error>,
}

impl<'a> Channels<'a> {
    fn new(
        function: &dyn BatchFunction,
        requests: mpsc::Receiver<Result<RecordBatch>>,
        answers: &'a mpsc::Sender<Message>,
        first: usize,
    ) -> Self {
        let mut check = Check::new(function);
        check.begun(first);
        Self { check, requests, answers, broken: None }
    }
}

impl Exchange for Channels<'_> {
    type Error = Error;

    fn request(&mut self, wait: bool) -> Result<Request> {
        if wait && let Some(error) = self.broken.take() {
            return Err(error);
        }
        if self.broken.is_some() {
            return Ok(Request::NotYet);
        }
        let received = if wait {
            self.requests.blocking_recv()
        } else {
            match self.requests.try_recv() {
                Ok(batch) => Some(batch),
                Err(TryRecvError::Empty) => return Ok(Request::NotYet),
                Err(TryRecvError::Disconnected) => None,
            }
        };
        match received {
            None => Ok(Request::End),
            Some(Ok(batch)) => {
                self.check.begun(batch.num_rows());
                Ok(Request::Batch(batch))
            }
            Some(Err(error)) if wait => Err(error),
            Some(Err(error)) => {
                self.broken = Some(error);
                Ok(Request::NotYet)
            }
        }
    }

    fn answer(&mut self, outcome: Result<Answer, FunctionFailure>) -> Result<bool> {
        let answer = self.check.completed(outcome)?;
        Ok(self.answers.blocking_send(Message::Answer(Ok(answer))).is_ok())
    }
}
