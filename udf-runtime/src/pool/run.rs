//! [`PoolExecutor`]: one stage on the workers of a pool.
//!
//! Lanes, as many as the stage may use workers, ask for work; the feeder gives each of them the next batch. The
//! consumer waits for the answers in the order in which the feeder gave the batches away; a failure is told soon, though
//! calls before it go on.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use arrow::record_batch::RecordBatch;
use futures::{StreamExt, stream};
use tokio::sync::{mpsc, oneshot};

use super::lane::Lane;
use super::promise::{Failed, Failures, Outcome, Promise};
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
pub(super) struct Run {
    pub(super) name: String,
    pub(super) options: PoolOptions,
    /// Batches that the function wants to have begun at once.
    pub(super) depth: usize,
    tears_down: bool,
    /// The function, once there was a batch for it.
    shipped: OnceLock<Arc<Shipped>>,
    pool: Arc<WorkerPool>,
}

/// A batch for a lane.
#[derive(Debug)]
pub(super) struct WorkItem {
    pub(super) arguments: RecordBatch,
    pub(super) function: Arc<Shipped>,
    pub(super) promise: Promise,
}

/// A lane's demand for work.
pub(super) type Demand = oneshot::Sender<WorkItem>;

/// A batch that was given away.
struct Pending {
    rows: usize,
    answer: oneshot::Receiver<Answer>,
}

impl Executor for PoolExecutor {
    fn run(&self, function: Arc<dyn BatchFunction>, input: BatchStream) -> AnswerStream {
        let run = Arc::new(Run::new(self, function.as_ref()));
        stream::once(async move { first_poll(&run, function, input) }).flatten().boxed()
    }
}

impl Run {
    fn new(executor: &PoolExecutor, function: &dyn BatchFunction) -> Self {
        let mut options = executor.options;
        if function.shape() == Shape::OnePerRow && options.dead_rows == DeadRows::Skip {
            options.dead_rows = DeadRows::Fail;
        }
        Self {
            name: function.name().to_owned(),
            options,
            depth: function.depth().max(1),
            tears_down: function.tears_down(),
            shipped: OnceLock::new(),
            pool: Arc::clone(&executor.pool),
        }
    }

    /// How many calls a worker may owe: the next one is there when one is answered.
    pub(super) fn credit(&self) -> usize {
        self.depth + 1
    }

    pub(super) async fn lease(&self, function: &Shipped) -> Result<Lease> {
        let lease = self.pool.lease(self.options.workers, function.number).await?;
        lease.ok_or_else(|| Error::Stopped { name: self.name.clone() })
    }

    /// Tears the function down where it was called.
    async fn tear_down(&self) -> Result<()> {
        let Some(shipped) = self.shipped.get() else { return Ok(()) };
        match self.pool.tear_down(&self.name, shipped.number).await {
            None => Ok(()),
            Some(failure) => {
                Err(Error::Function { name: self.name.clone(), failure: Box::new(failure) })
            }
        }
    }

    /// Whether workers tell each row before they compute it, though nothing went wrong yet.
    pub(super) fn tells_each_row(&self) -> bool {
        self.options.row_timeout.is_some() || self.options.memory_bytes.is_some()
    }
}

fn first_poll(
    run: &Arc<Run>,
    function: Arc<dyn BatchFunction>,
    input: BatchStream,
) -> AnswerStream {
    let lanes = run.options.workers;
    let (demand, demands) = mpsc::channel(lanes);
    let (promised, pending) = mpsc::channel(lanes * run.credit() * AHEAD);
    let (failures, arriving) = mpsc::channel(lanes + 1);
    let check = Check::new(function.as_ref());
    let lane = || task::spawn(Lane::new(run, demand.clone()).run());
    let lanes = (0..lanes).map(|_| lane()).collect();
    let run = Arc::clone(run);
    let feeder = Feeder { run: Arc::clone(&run), function, input, promised, failures, before: 0 };
    let results = Results {
        run,
        check,
        pending,
        failures: Failures::new(arriving),
        open: true,
        lanes,
        _feeder: task::spawn(feeder.feed(demands)),
    };
    stream::unfold(results, Results::next).boxed()
}

/// What the consumer holds; dropping it kills the workers that compute for it.
struct Results {
    run: Arc<Run>,
    check: Check,
    pending: mpsc::Receiver<Pending>,
    failures: Failures,
    open: bool,
    lanes: Vec<task::Task<()>>,
    _feeder: task::Task<()>,
}

impl Results {
    async fn next(mut self) -> Option<(Result<Answer>, Self)> {
        if !self.open {
            return None;
        }
        let Some(pending) = self.pending.recv().await else { return self.end().await };
        self.check.begun(pending.rows);
        let answer = tokio::select! {
            biased;
            answer = pending.answer => answer.ok(),
            () = self.failures.are_due() => None,
        };
        let stopped = || Error::Stopped { name: self.run.name.clone() };
        let answer = match answer {
            Some(answer) => self.check.completed(Ok(answer)),
            // This batch failed, or another one that does not wait any longer.
            None => Err(self.failures.take().unwrap_or_else(stopped)),
        };
        self.open = answer.is_ok();
        Some((answer, self))
    }

    /// All rows are computed: once its workers are free, the function tears down.
    async fn end(mut self) -> Option<(Result<Answer>, Self)> {
        // WHY: who gets the last answer may end the program, which kills workers that are not free.
        for lane in self.lanes.drain(..) {
            // A lane that panicked has no worker any more.
            drop(lane.await);
        }
        if !self.run.tears_down {
            return None;
        }
        let error = self.run.tear_down().await.err()?;
        self.open = false;
        Some((Err(error), self))
    }
}

/// Gives the batches of the input away.
struct Feeder {
    run: Arc<Run>,
    function: Arc<dyn BatchFunction>,
    input: BatchStream,
    promised: mpsc::Sender<Pending>,
    failures: mpsc::Sender<Failed>,
    /// The rows so far.
    before: usize,
}

impl Feeder {
    /// Reads a batch only when a lane wants one and there is room for the answer.
    async fn feed(mut self, mut demands: mpsc::Receiver<Demand>) {
        while let Some(mut demand) = demands.recv().await {
            let Ok(room) = self.promised.clone().reserve_owned().await else { return };
            let Some(batch) = self.input.next().await else { return };
            let rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
            let (promise, answer) = self.promise(rows);
            drop(room.send(Pending { rows, answer }));
            let Some(mut work) = self.work(batch, promise).await else { return };
            // A lane that is gone has told why.
            while let Err(refused) = demand.send(work) {
                let Some(next) = demands.recv().await else { return };
                (demand, work) = (next, refused);
            }
        }
    }

    /// The promise of an answer for so many more rows, and where it arrives.
    fn promise(&mut self, rows: usize) -> (Promise, oneshot::Receiver<Answer>) {
        let (answer, arriving) = oneshot::channel();
        let (name, failures) = (self.run.name.clone(), self.failures.clone());
        let promise = Promise { name, before: self.before, answer, failures };
        self.before += rows;
        (promise, arriving)
    }

    /// The work that a batch is; `None` when there is none, which its consumer was told.
    async fn work(&mut self, batch: Result<RecordBatch>, promise: Promise) -> Option<WorkItem> {
        let outcome: Outcome = match self.prepare(batch).await {
            Ok(Ok((arguments, function))) => {
                return Some(WorkItem { arguments, function, promise });
            }
            Ok(Err(failure)) => Ok(Err(failure)),
            Err(error) => Err(error),
        };
        let _over = promise.fulfil(outcome);
        None
    }

    async fn prepare(
        &mut self,
        batch: Result<RecordBatch>,
    ) -> Result<Result<(RecordBatch, Arc<Shipped>), FunctionFailure>> {
        let batch = batch?;
        if let Some(shipped) = self.run.shipped.get() {
            return Ok(Ok((batch, Arc::clone(shipped))));
        }
        let (function, name) = (Arc::clone(&self.function), self.run.name.clone());
        // User code may run while a function is turned into bytes.
        let shipped = task::spawn_blocking(move || function.ship()).await;
        Ok(match shipped.map_err(|_panicked| Error::Stopped { name })? {
            Ok(blob) => {
                let shipped = Arc::new(Shipped { number: number(&blob), blob });
                let shipped = self.run.shipped.get_or_init(|| shipped);
                Ok((batch, Arc::clone(shipped)))
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
