//! [`PoolExecutor`]: one stage on the workers of a pool.
//!
//! Lanes, as many as the stage may use workers, ask for work; the feeder gives each of them the next batch. The
//! consumer waits for the answers in the order in which the feeder gave the batches away.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use super::lane::Lane;
use super::{DeadRows, Lease, PoolOptions, WorkerPool};
use crate::check::Check;
use crate::worker::Shipped;
use crate::{
    Answer, AnswerStream, BatchFunction, BatchStream, Error, Executor, FunctionFailure, Result,
    Shape, task,
};

/// Batches that may be computed for each that a worker may have: how far fast workers run ahead of a slow one.
const AHEAD: usize = 2;

/// Runs the functions of one stage.
#[derive(Debug)]
pub(super) struct PoolExecutor {
    pub(super) pool: Arc<WorkerPool>,
    pub(super) options: PoolOptions,
}

/// What the lanes of a run have in common.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) options: PoolOptions,
    /// How many calls a worker may owe.
    pub(super) credit: usize,
    pool: Arc<WorkerPool>,
}

/// A batch for a lane.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) arguments: RecordBatch,
    pub(super) function: Arc<Shipped>,
    pub(super) outcome: oneshot::Sender<Outcome>,
}

/// A lane's wish for work.
pub(super) type Wish = oneshot::Sender<Work>;

/// What came of a batch.
pub(super) type Outcome = Result<Result<Answer, FunctionFailure>>;

/// A batch that was given away.
struct Owed {
    rows: usize,
    outcome: oneshot::Receiver<Outcome>,
}

impl Executor for PoolExecutor {
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> AnswerStream {
        let stage = Arc::new(Stage::new(self, function.as_ref()));
        stream::once(async move { first_poll(&stage, function, input) }).flatten().boxed()
    }
}

impl Stage {
    fn new(executor: &PoolExecutor, function: &dyn BatchFunction) -> Self {
        let mut options = executor.options;
        if function.shape() == Shape::OnePerRow {
            options.dead_rows = DeadRows::Fail;
        }
        Self {
            name: function.name().to_owned(),
            options,
            credit: (function.depth() + 1).max(2),
            pool: Arc::clone(&executor.pool),
        }
    }

    pub(super) async fn lease(&self, function: &Shipped) -> Result<Lease> {
        let lease = self.pool.lease(self.options.workers, function.number).await?;
        lease.ok_or_else(|| Error::Stopped { name: self.name.clone() })
    }

    /// Whether workers tell each row before they compute it, though nothing went wrong yet.
    pub(super) fn has_pulses(&self) -> bool {
        self.options.row_timeout.is_some() || self.options.memory_bytes.is_some()
    }
}

fn first_poll(
    stage: &Arc<Stage>,
    function: Arc<dyn BatchFunction>,
    input: BatchStream,
) -> AnswerStream {
    let lanes = stage.options.workers;
    let (wish, wishes) = mpsc::channel(lanes);
    let (owe, owed) = mpsc::channel(lanes * stage.credit * AHEAD);
    let check = Check::new(function.as_ref());
    let name = stage.name.clone();
    let lane = || task::spawn(Lane::new(stage, wish.clone()).run());
    let lanes = (0..lanes).map(|_| lane()).collect();
    let feeder = Feeder { function, input, owe, shipped: None };
    let feeder = task::spawn(feeder.feed(wishes));
    let results = Results { name, check, owed, open: true, _lanes: lanes, _feeder: feeder };
    stream::unfold(results, Results::next).boxed()
}

/// What the consumer holds; dropping it kills the workers that compute for it.
struct Results {
    name: String,
    check: Check,
    owed: mpsc::Receiver<Owed>,
    open: bool,
    _lanes: Vec<task::Task<()>>,
    _feeder: task::Task<()>,
}

impl Results {
    async fn next(mut self) -> Option<(Result<Answer>, Self)> {
        if !self.open {
            return None;
        }
        let Owed { rows, outcome } = self.owed.recv().await?;
        self.check.begun(rows);
        let stopped = || Err(Error::Stopped { name: self.name.clone() });
        let outcome = outcome.await.unwrap_or_else(|_gone| stopped());
        let answer = outcome.and_then(|outcome| self.check.completed(outcome));
        self.open = answer.is_ok();
        Some((answer, self))
    }
}

/// Gives the batches of the input away.
struct Feeder {
    function: Arc<dyn BatchFunction>,
    input: BatchStream,
    owe: mpsc::Sender<Owed>,
    shipped: Option<Arc<Shipped>>,
}

impl Feeder {
    /// Reads a batch only when a lane wants one and there is room for the answer.
    async fn feed(mut self, mut wishes: mpsc::Receiver<Wish>) {
        while let Some(mut wish) = wishes.recv().await {
            let Ok(room) = self.owe.clone().reserve_owned().await else { return };
            let Some(batch) = self.input.next().await else { return };
            let (sender, outcome) = oneshot::channel();
            let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
            drop(room.send(Owed { rows, outcome }));
            let Some(mut work) = self.work(batch, sender).await else { return };
            // A lane that is gone has told why.
            while let Err(refused) = wish.send(work) {
                let Some(next) = wishes.recv().await else { return };
                (wish, work) = (next, refused);
            }
        }
    }

    /// The work that a batch is; `None` when there is none, which its consumer was told.
    async fn work(
        &mut self,
        batch: Result<RecordBatch>,
        outcome: oneshot::Sender<Outcome>,
    ) -> Option<Work> {
        match self.prepare(batch).await {
            Ok(Ok((arguments, function))) => Some(Work { arguments, function, outcome }),
            Ok(Err(failure)) => {
                drop(outcome.send(Ok(Err(failure))));
                None
            }
            Err(error) => {
                drop(outcome.send(Err(error)));
                None
            }
        }
    }

    async fn prepare(
        &mut self,
        batch: Result<RecordBatch>,
    ) -> Result<Result<(RecordBatch, Arc<Shipped>), FunctionFailure>> {
        let batch = batch?;
        if let Some(shipped) = &self.shipped {
            return Ok(Ok((batch, Arc::clone(shipped))));
        }
        let (function, name) = (Arc::clone(&self.function), self.function.name().to_owned());
        // User code may run while a function is turned into bytes.
        let shipped = task::spawn_blocking(move || function.ship()).await;
        Ok(match shipped.map_err(|_panicked| Error::Stopped { name })? {
            Ok(blob) => {
                let shipped = Arc::new(Shipped { number: number(&blob), blob });
                self.shipped = Some(Arc::clone(&shipped));
                Ok((batch, shipped))
            }
            Err(failure) => Err(failure),
        })
    }
}

fn number(blob: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    blob.hash(&mut hasher);
    hasher.finish()
}
