//! [`Watch`]: waits for a worker's answers, and kills it when a row takes too long or too much memory is used.

use std::ops::Range;
use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::PoolOptions;
use super::death::Death;
use crate::process::describe;
use crate::protocol::Reply;
use crate::worker::Worker;
use crate::{Answer, FunctionFailure};

/// How often the process is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What a row may take beyond its limit, so that the function's own limit, where it has one, comes first.
const GRACE: Duration = Duration::from_secs(1);

/// Follows the calls that one worker computes.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    options: &'a PoolOptions,
    /// The rows that are computed.
    told: Option<Told>,
    next_look: Instant,
}

/// Rows that a worker said it would compute.
#[derive(Clone, Debug)]
struct Told {
    sequence: u64,
    rows: Range<usize>,
    since: Instant,
}

/// What came of a call.
#[derive(Debug)]
pub(super) enum Event {
    Answered(Answer),
    Failed(FunctionFailure),
    Died(Death),
}

impl<'a> Watch<'a> {
    pub(super) fn new(options: &'a PoolOptions) -> Self {
        Self { options, told: None, next_look: Instant::now() + LOOK }
    }

    /// Waits until a call ends one way or another. Nothing is lost when the future is dropped.
    pub(super) async fn event(&mut self, worker: &mut Worker) -> Event {
        loop {
            if Instant::now() >= self.next_look {
                self.next_look = Instant::now() + LOOK;
                if let Some(death) = self.large(worker) {
                    return Event::Died(death);
                }
            }
            let reply = match timeout_at(self.next_look.into(), worker.reply()).await {
                Ok(Ok(reply)) => reply,
                Ok(Err(error)) => {
                    return Event::Died(Death::Ended(worker.cause_of_death(&error).await));
                }
                // Not before all that it said was heard: a row that it told last would be forgotten, and another blamed.
                Err(_elapsed) => match self.slow().or_else(|| ended(worker)) {
                    Some(death) => return Event::Died(death),
                    None => continue,
                },
            };
            self.told = None;
            match reply {
                Reply::Rows { sequence, rows } => {
                    self.told = Some(Told { sequence, rows, since: Instant::now() });
                }
                Reply::Answered { answer, .. } => return Event::Answered(answer),
                Reply::Failed { failure, .. } => return Event::Failed(failure),
                Reply::Hello { .. } | Reply::TornDown { .. } => {}
            }
        }
    }

    /// The rows of this call that are computed, or were when the worker died, as far as it told them.
    pub(super) fn told(&self, sequence: u64) -> Option<Range<usize>> {
        let told = self.told.as_ref().filter(|told| told.sequence == sequence)?;
        Some(told.rows.clone())
    }

    /// Whether the worker uses more memory than it may.
    pub(super) fn is_large(&self, worker: &Worker) -> bool {
        self.large(worker).is_some()
    }

    fn slow(&self) -> Option<Death> {
        let (limit, told) = (self.options.row_timeout?, self.told.as_ref()?);
        (told.since.elapsed() > limit + GRACE).then_some(Death::Slow(limit))
    }

    fn large(&self, worker: &Worker) -> Option<Death> {
        let limit = self.options.memory_bytes?;
        let used = worker.resident_bytes()?;
        (used > limit).then_some(Death::Large { used, limit })
    }
}

/// The socket of a process that has ended may be held open by one that it started.
fn ended(worker: &Worker) -> Option<Death> {
    worker.ended().map(|status| Death::Ended(describe(status)))
}
