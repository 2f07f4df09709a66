//! [`drive`]: the loop that keeps a running function busy, the same on a thread of this process and in a worker.

use arrow::record_batch::RecordBatch;

use crate::{Answer, BatchFunction, FunctionFailure, RunningFunction, Stop};

/// What the loop learns when it asks for arguments.
pub(crate) enum Request {
    /// A batch.
    Batch(RecordBatch),
    /// Nothing yet; only when the loop said that it would not wait.
    NotYet,
    /// There will be no more.
    End,
}

/// Where arguments come from and answers go.
pub(crate) trait Exchange {
    /// Why the loop has to end early.
    type Error;

    /// The next batch; waits for one only when `wait` is set.
    fn request(&mut self, wait: bool) -> Result<Request, Self::Error>;

    /// Hands over an outcome for the oldest batch, which is done unless there is more to come. Whether anybody still wants the next one.
    fn answer(&mut self, outcome: Result<Answer, FunctionFailure>) -> Result<bool, Self::Error>;
}

/// Begins batches as deep as the function wants them and completes them in order, until the arguments end, nobody
/// wants answers any more, or a batch fails. Then, if nothing failed, `finish` runs.
pub(crate) fn drive<E: Exchange>(
    function: &dyn BatchFunction,
    running: &mut dyn RunningFunction,
    exchange: &mut E,
    first: RecordBatch,
    stop: &Stop,
) -> Result<Result<(), FunctionFailure>, E::Error> {
    let depth = function.depth().max(1);
    let (mut begun, mut open, mut next) = (0, true, Some(first));
    loop {
        while open && begun < depth {
            let batch = match next.take() {
                Some(batch) => batch,
                None => match exchange.request(begun == 0)? {
                    Request::Batch(batch) => batch,
                    Request::NotYet => break,
                    Request::End => {
                        open = false;
                        break;
                    }
                },
            };
            running.begin(batch);
            begun += 1;
        }
        if begun == 0 {
            return Ok(running.finish());
        }
        let outcome = running.complete(stop);
        begun -= usize::from(!outcome.as_ref().is_ok_and(|answer| answer.more));
        let failed = outcome.is_err();
        let wanted = exchange.answer(outcome)?;
        if failed || !wanted || stop.is_set() {
            return Ok(Ok(()));
        }
    }
}
