//! [`WorkerPool`]: the worker processes of a session.
//!
//! Any worker can run any function; it keeps the last few warm. A stage holds a worker only while calls are under way
//! in it: when it has nothing to compute, or others wait and it had its turn, the worker goes back. The room for its
//! answers is there before a call is made. So a worker always comes back, and stages that feed each other share them
//! without blocking each other.

mod death;
mod lane;
mod merge;
mod promise;
mod recovery;
mod run;
mod watch;

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::death::Death;
use crate::process::{self, Process, WorkerCommand};
use crate::protocol::Quiet;
use crate::stop;
use crate::worker::{IdleWorker, Setup, Worker};
use crate::{Executor, FunctionFailure, OwnedByProcess, Result};

/// How long a worker waits for work before it is ended.
const IDLE: Duration = Duration::from_secs(60);

/// How long the functions of a worker may take to tear down.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long a stage keeps a worker that others wait for.
const TURN: Duration = Duration::from_millis(100);

/// The worker processes of a session: started when first needed, kept warm, shared by all its functions.
#[derive(Debug)]
pub struct WorkerPool {
    command: WorkerCommand,
    idle_after: Duration,
    /// What is true in one process: a forked child starts afresh.
    state: Mutex<OwnedByProcess<State>>,
    waiting: AtomicUsize,
    setup: Mutex<Arc<Setup>>,
}

/// How a stage uses a pool.
#[derive(Clone, Copy, Debug)]
pub struct PoolOptions {
    /// How many workers the stage may use at once; at least one.
    pub workers: usize,
    /// How long a row may take before its worker is killed; for functions that tell their rows to [`crate::Stop::row`].
    pub row_timeout: Option<Duration>,
    /// How much memory a worker may use before it is killed.
    pub memory_bytes: Option<u64>,
    /// What becomes of rows that kill their worker.
    pub dead_rows: DeadRows,
}

/// What becomes of a row that kills its worker, takes too long or uses too much memory.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub enum DeadRows {
    /// The stage fails.
    #[default]
    Fail,
    /// It has no results and is recorded as a failure. Functions with one result for each row fail nevertheless.
    Skip,
    /// Its results are null, which the function's columns must allow, and it is recorded as a failure.
    Null,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { workers: 1, row_timeout: None, memory_bytes: None, dead_rows: DeadRows::Fail }
    }
}

#[derive(Debug)]
struct State {
    /// One for each worker that may be busy.
    permits: Arc<Semaphore>,
    size: usize,
    /// The one that was used last at the end.
    idle: Vec<IdleWorker>,
    /// Whether a thread ends workers that are idle for too long.
    is_swept: bool,
}

impl WorkerPool {
    /// A pool without any worker yet.
    #[must_use]
    pub fn new(command: WorkerCommand) -> Arc<Self> {
        Self::with_idle(command, IDLE)
    }

    /// The same; its workers are ended after waiting for work for so long.
    #[must_use]
    pub fn with_idle(command: WorkerCommand, idle_after: Duration) -> Arc<Self> {
        let state = Mutex::new(State::new());
        let (waiting, setup) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { command, idle_after, state, waiting, setup })
    }

    /// What all workers are to know from now on, also those that are running: their loader takes it before the next
    /// call. It goes by their sockets only.
    pub fn configure(&self, blob: Vec<u8>) {
        let mut setup = self.setup.lock().unwrap_or_else(PoisonError::into_inner);
        if setup.blob.0 != blob {
            *setup = Arc::new(Setup { number: setup.number + 1, blob: Quiet(blob) });
        }
    }

    /// The executor of a stage.
    #[must_use]
    pub fn executor(self: &Arc<Self>, options: PoolOptions) -> Arc<dyn Executor> {
        let options = PoolOptions { workers: options.workers.max(1), ..options };
        Arc::new(run::PoolExecutor { pool: Arc::clone(self), options })
    }

    /// A worker for some calls, if possible one that holds `function`; `None` when this process ends.
    async fn lease(self: &Arc<Self>, workers: usize, function: u64) -> Result<Option<Lease>> {
        let permits = self.state().permits_for(workers);
        let waiting = Waiting::new(&self.waiting);
        let Ok(permit) = permits.acquire_owned().await else { return Ok(None) };
        drop(waiting);
        let setup = Arc::clone(&self.setup.lock().unwrap_or_else(PoisonError::into_inner));
        loop {
            let Some(idle) = self.state().choose(function) else { break };
            if let Some(mut worker) = idle.into_busy()
                && worker.configure(&setup).await.is_ok()
            {
                return Ok(Some(Lease::new(self, worker, permit)));
            }
        }
        if stop::is_ending() {
            return Ok(None);
        }
        let mut worker = Worker::start(&self.command).await?;
        // A worker that died is noticed when its answer is waited for.
        drop(worker.configure(&setup).await);
        Ok(Some(Lease::new(self, worker, permit)))
    }

    /// Tears a function down in all workers that hold it and have nothing to do; the first failure.
    async fn tear_down(self: &Arc<Self>, name: &str, function: u64) -> Option<FunctionFailure> {
        let idle = self.state().take_warm(function);
        let mut first = None;
        for mut worker in idle.into_iter().filter_map(IdleWorker::into_busy) {
            let failure = match worker.tear_down(function).await {
                Ok(failure) => {
                    worker.into_idle().into_iter().for_each(|worker| self.take_back(worker));
                    failure
                }
                Err(error) => {
                    let death = Death::Ended(worker.cause_of_death(&error).await);
                    Some(death.while_it("tore", name, "down"))
                }
            };
            first = first.or(failure);
        }
        first
    }

    fn state(&self) -> MutexGuard<'_, OwnedByProcess<State>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_ours() {
            *state = State::new();
        }
        state
    }

    /// Workers to end, and how long until the next one may have to; `None` when no other is idle.
    fn idle_for_too_long(&self) -> (Vec<Arc<Process>>, Option<Duration>) {
        let mut state = self.state();
        let is_over = |worker: &mut IdleWorker| worker.since.elapsed() >= self.idle_after;
        let over = state.idle.extract_if(.., is_over).map(|worker| worker.process).collect();
        let oldest = state.idle.iter().map(|worker| worker.since.elapsed()).max();
        state.is_swept = oldest.is_some();
        (over, oldest.map(|idle| self.idle_after.saturating_sub(idle)))
    }

    fn take_back(self: &Arc<Self>, worker: IdleWorker) {
        let mut state = self.state();
        state.idle.push(worker);
        if !state.is_swept {
            let pool = Arc::downgrade(self);
            let thread = thread::Builder::new().name("idle-workers".to_owned());
            state.is_swept = thread.spawn(move || sweep(&pool)).is_ok();
        }
    }
}

impl Drop for WorkerPool {
    fn drop(&mut self) {
        let idle = std::mem::take(&mut self.state().idle);
        let idle: Vec<_> = idle.into_iter().map(|worker| worker.process).collect();
        if !idle.is_empty() {
            // A thread, because a tear-down takes its time; without one they are killed.
            drop(thread::Builder::new().spawn(move || process::retire(&idle, FAREWELL)));
        }
    }
}

impl State {
    fn new() -> OwnedByProcess<Self> {
        let size = thread::available_parallelism().map_or(1, NonZero::get);
        let permits = Arc::new(Semaphore::new(size));
        let state = Self { permits, size, idle: Vec::new(), is_swept: false };
        // Workers end themselves, each by its own right.
        OwnedByProcess::new(state, |_| {})
    }

    /// The permits, after making sure that there are as many as a stage wants.
    fn permits_for(&mut self, workers: usize) -> Arc<Semaphore> {
        self.permits.add_permits(workers.saturating_sub(self.size));
        self.size = self.size.max(workers);
        Arc::clone(&self.permits)
    }

    /// All idle workers that hold the function.
    fn take_warm(&mut self, function: u64) -> Vec<IdleWorker> {
        self.idle.extract_if(.., |worker| worker.is_warm(function)).collect()
    }

    /// An idle worker: one that holds the function, else the one that was used longest ago.
    fn choose(&mut self, function: u64) -> Option<IdleWorker> {
        let warm = self.idle.iter().rposition(|worker| worker.is_warm(function));
        (!self.idle.is_empty()).then(|| self.idle.remove(warm.unwrap_or(0)))
    }
}

/// The right to use a worker. Dropping it kills the worker; [`Self::give_back`] keeps it.
#[derive(Debug)]
struct Lease {
    worker: Worker,
    pool: Arc<WorkerPool>,
    since: Instant,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    fn new(pool: &Arc<WorkerPool>, worker: Worker, permit: OwnedSemaphorePermit) -> Self {
        Self { worker, pool: Arc::clone(pool), since: Instant::now(), _permit: permit }
    }

    /// Whether somebody else should have the worker now.
    fn is_over(&self) -> bool {
        self.pool.waiting.load(Ordering::Relaxed) > 0 && self.since.elapsed() >= TURN
    }

    /// The worker owes no answer.
    fn give_back(self) {
        if let Some(idle) = self.worker.into_idle() {
            self.pool.take_back(idle);
        }
    }
}

/// Counts somebody who waits for a worker.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Ends idle workers when their time is over, until there are none.
fn sweep(pool: &Weak<WorkerPool>) {
    while let Some((over, next)) = pool.upgrade().map(|pool| pool.idle_for_too_long()) {
        process::retire(&over, FAREWELL);
        match next {
            Some(next) => thread::sleep(next),
            None => return,
        }
    }
}
