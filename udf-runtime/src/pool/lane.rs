//! [`Lane`]: keeps one worker busy, as long as there is work for it.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::Lease;
use super::death::Death;
use super::recovery::Recovery;
use super::run::{Outcome, Stage, Wish, Work};
use super::watch::{Event, Watch};
use crate::Error;

/// One of the workers that a stage may use at once.
#[derive(Debug)]
pub(super) struct Lane {
    stage: Arc<Stage>,
    wishes: mpsc::Sender<Wish>,
    /// The work that was wished for.
    coming: Option<oneshot::Receiver<Work>>,
}

/// Work that the worker has, or had when it died.
#[derive(Debug)]
struct Call {
    sequence: u64,
    work: Work,
}

impl Lane {
    pub(super) fn new(stage: &Arc<Stage>, wishes: mpsc::Sender<Wish>) -> Self {
        Self { stage: Arc::clone(stage), wishes, coming: None }
    }

    /// Until there is no more work, or something failed and the stage is over.
    pub(super) async fn run(mut self) {
        while let Some(work) = self.next().await {
            if self.compute(work).await.is_break() {
                return;
            }
        }
    }

    /// Has one worker compute this work, and what can be had after it without a pause.
    async fn compute(&mut self, work: Work) -> ControlFlow<()> {
        let stage = Arc::clone(&self.stage);
        let lease = match stage.lease(&work.function).await {
            Ok(lease) => lease,
            Err(error) => return owe(work, Err(error)),
        };
        let mut busy = Busy {
            stage: &stage,
            lease,
            calls: VecDeque::new(),
            watch: Watch::new(&stage.options),
        };
        let mut next = Some(work);
        loop {
            if let Some(work) = next.take() {
                busy.call(work).await?;
            }
            let has_room = busy.has_room();
            next = if has_room { self.next_at_once() } else { None };
            if next.is_some() {
                continue;
            }
            if busy.calls.is_empty() {
                busy.give_back();
                return ControlFlow::Continue(());
            }
            tokio::select! {
                biased;
                event = busy.watch.event(&mut busy.lease.worker) => match event {
                    Event::Died(death) => return busy.recover(death).await,
                    event => if busy.completed(event).is_break() {
                        busy.give_back();
                        return ControlFlow::Break(());
                    },
                },
                Some(work) = self.next(), if has_room => next = Some(work),
            }
        }
    }

    /// Waits for the next batch of the input; `None` at its end. Nothing is lost when the future is dropped.
    async fn next(&mut self) -> Option<Work> {
        let work = self.wish()?.await.ok();
        self.coming = None;
        work
    }

    /// The next batch, if it is there.
    fn next_at_once(&mut self) -> Option<Work> {
        match self.wish()?.try_recv() {
            Err(TryRecvError::Empty) => None,
            received => {
                self.coming = None;
                received.ok()
            }
        }
    }

    fn wish(&mut self) -> Option<&mut oneshot::Receiver<Work>> {
        if self.coming.is_none() {
            let (wish, coming) = oneshot::channel();
            // There is room for one wish of each lane.
            self.wishes.try_send(wish).ok()?;
            self.coming = Some(coming);
        }
        self.coming.as_mut()
    }
}

/// A lane that has a worker.
struct Busy<'a> {
    stage: &'a Stage,
    lease: Lease,
    calls: VecDeque<Call>,
    watch: Watch<'a>,
}

impl Busy<'_> {
    /// Whether the worker should get another call now.
    fn has_room(&self) -> bool {
        self.calls.len() < self.stage.credit
            && !self.lease.is_over()
            && !self.watch.is_large(&self.lease.worker)
    }

    async fn call(&mut self, work: Work) -> ControlFlow<()> {
        let (function, arguments) = (Arc::clone(&work.function), work.arguments.clone());
        let called = self.lease.worker.call(&function, self.stage.has_pulses(), arguments).await;
        match called {
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                owe(work, Err(Error::Input { source: Box::new(source) }))
            }
            // A dead worker is noticed when its answer is waited for.
            called => {
                self.calls.push_back(Call { sequence: called.unwrap_or_default(), work });
                ControlFlow::Continue(())
            }
        }
    }

    /// Hands the outcome of the oldest call over.
    fn completed(&mut self, event: Event) -> ControlFlow<()> {
        let Some(call) = self.calls.pop_front() else { return ControlFlow::Break(()) };
        match event {
            Event::Answered(answer) => owe(call.work, Ok(Ok(answer))),
            Event::Failed(failure) => owe(call.work, Ok(Err(failure))),
            Event::Died(_) => ControlFlow::Break(()),
        }
    }

    /// A worker is kept, unless it still has calls or leaks memory from batch to batch.
    fn give_back(self) {
        if self.calls.is_empty() && !self.watch.is_large(&self.lease.worker) {
            self.lease.give_back();
        }
    }

    /// Computes the calls of the dead worker elsewhere.
    async fn recover(self, death: Death) -> ControlFlow<()> {
        let Self { stage, lease, calls, watch } = self;
        drop(lease);
        let mut recovery = Recovery::new(stage);
        for call in calls {
            let row = watch.row_of(call.sequence);
            let outcome = recovery.compute(&call.work, &death, row).await;
            owe(call.work, outcome)?;
        }
        recovery.end();
        ControlFlow::Continue(())
    }
}

/// Hands an outcome over; after a failure the lane has nothing more to do.
fn owe(work: Work, outcome: Outcome) -> ControlFlow<()> {
    let is_answer = matches!(outcome, Ok(Ok(_)));
    // The consumer may be gone: then this lane is about to be ended.
    drop(work.outcome.send(outcome));
    if is_answer { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
