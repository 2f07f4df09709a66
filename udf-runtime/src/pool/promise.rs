//! [`Promise`]: how a batch is answered, and [`Failures`], which do not wait for their turn.

use std::future::pending;
use std::iter;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::{Answer, Error, FunctionFailure, Result};

/// How long the calls before one that failed may still take: of rows that fail at about the same time the first one is
/// told, but nobody waits for the end of a long call.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came of a batch.
pub(super) type Outcome = Result<Result<Answer, FunctionFailure>>;

/// The way of a batch's results to whoever waits for them.
#[derive(Debug)]
pub(super) struct Promise {
    /// The stage.
    pub(super) name: String,
    /// The rows of the stream before the batch.
    pub(super) before: usize,
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) failures: mpsc::Sender<Failed>,
}

/// Why a batch has no answer.
#[derive(Debug)]
pub(super) struct Failed {
    before: usize,
    error: Error,
}

impl Promise {
    /// Hands an outcome over; after a failure there is nothing more to do.
    pub(super) fn fulfil(self, outcome: Outcome) -> ControlFlow<()> {
        let error = match outcome {
            Ok(Ok(answer)) => {
                let taken = self.answer.send(answer).is_ok();
                return if taken { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
            }
            Ok(Err(failure)) => {
                let failure = Box::new(failure.offset_by(self.before));
                Error::Function { name: self.name, failure }
            }
            Err(error) => error,
        };
        // There is room for a failure for everybody who made a promise.
        drop(self.failures.try_send(Failed { before: self.before, error }));
        ControlFlow::Break(())
    }
}

/// The batches of a run that failed.
#[derive(Debug)]
pub(super) struct Failures {
    arriving: mpsc::Receiver<Failed>,
    /// The one that came first, and when nothing is waited for any more.
    first: Option<(Failed, Instant)>,
}

impl Failures {
    pub(super) fn new(arriving: mpsc::Receiver<Failed>) -> Self {
        Self { arriving, first: None }
    }

    /// Waits until a batch has failed and those before it had their time. Nothing is lost when the future is dropped.
    pub(super) async fn are_due(&mut self) {
        if self.first.is_none() {
            let failed = self.arriving.recv().await;
            self.first = failed.map(|failed| (failed, Instant::now() + PATIENCE));
        }
        match &self.first {
            Some((_, due)) => sleep_until(*due).await,
            None => pending().await,
        }
    }

    /// The failure of the batch that comes first.
    pub(super) fn take(&mut self) -> Option<Error> {
        let known = self.first.take().map(|(failed, _)| failed);
        let arrived = iter::from_fn(|| self.arriving.try_recv().ok());
        let failed = known.into_iter().chain(arrived).min_by_key(|failed| failed.before);
        failed.map(|failed| failed.error)
    }
}
