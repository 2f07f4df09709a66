//! [`Lane`]: keeps one worker busy, as long as there is work for it.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{mpsc, oneshot};

use super::Lease;
use super::death::Death;
use super::recovery::{Begun, Recovery};
use super::run::{Demand, Run, WorkItem};
use super::watch::{Event, Watch};
use crate::Error;

/// One of the workers that a stage may use at once.
#[derive(Debug)]
pub(super) struct Lane {
    run: Arc<Run>,
    demands: mpsc::Sender<Demand>,
    /// The work that was asked for.
    coming: Option<oneshot::Receiver<WorkItem>>,
}

/// Work that the worker has, or had when it died.
#[derive(Debug)]
struct InFlight {
    sequence: u64,
    work: WorkItem,
}

impl Lane {
    pub(super) fn new(run: &Arc<Run>, demands: mpsc::Sender<Demand>) -> Self {
        Self { run: Arc::clone(run), demands, coming: None }
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
    async fn compute(&mut self, work: WorkItem) -> ControlFlow<()> {
        let run = Arc::clone(&self.run);
        match run.lease(&work.function).await {
            Ok(lease) => self.keep_busy(Busy::new(&run, lease), work).await,
            Err(error) => work.promise.fulfil(Err(error)),
        }
    }

    async fn keep_busy(&mut self, mut busy: Busy<'_>, work: WorkItem) -> ControlFlow<()> {
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
    async fn next(&mut self) -> Option<WorkItem> {
        let work = self.demand()?.await.ok();
        self.coming = None;
        work
    }

    /// The next batch, if it is there.
    fn next_at_once(&mut self) -> Option<WorkItem> {
        match self.demand()?.try_recv() {
            Err(TryRecvError::Empty) => None,
            received => {
                self.coming = None;
                received.ok()
            }
        }
    }

    fn demand(&mut self) -> Option<&mut oneshot::Receiver<WorkItem>> {
        if self.coming.is_none() {
            let (demand, coming) = oneshot::channel();
            // There is room for one demand of each lane.
            self.demands.try_send(demand).ok()?;
            self.coming = Some(coming);
        }
        self.coming.as_mut()
    }
}

/// A lane that has a worker.
struct Busy<'a> {
    run: &'a Run,
    lease: Lease,
    calls: VecDeque<InFlight>,
    watch: Watch<'a>,
}

impl<'a> Busy<'a> {
    fn new(run: &'a Run, lease: Lease) -> Self {
        Self { run, lease, calls: VecDeque::new(), watch: Watch::new(&run.options) }
    }
}

impl Busy<'_> {
    /// Whether the worker should get another call now.
    fn has_room(&self) -> bool {
        self.calls.len() < self.run.credit()
            && !self.lease.is_over()
            && !self.watch.is_large(&self.lease.worker)
    }

    async fn call(&mut self, work: WorkItem) -> ControlFlow<()> {
        let (function, arguments) = (Arc::clone(&work.function), work.arguments.clone());
        let called = self.lease.worker.call(&function, self.run.tells_each_row(), arguments).await;
        match called {
            Err(source) if source.kind() == io::ErrorKind::InvalidData => {
                work.promise.fulfil(Err(Error::Input { source: Box::new(source) }))
            }
            // A dead worker is noticed when its answer is waited for.
            called => {
                let sequence = called.unwrap_or_default();
                self.calls.push_back(InFlight { sequence, work });
                ControlFlow::Continue(())
            }
        }
    }

    /// Hands over what came of the oldest call.
    fn completed(&mut self, event: Event) -> ControlFlow<()> {
        let Some(call) = self.calls.pop_front() else { return ControlFlow::Break(()) };
        match event {
            Event::Answered(answer) => call.work.promise.fulfil(Ok(Ok(answer))),
            Event::Failed(failure) => call.work.promise.fulfil(Ok(Err(failure))),
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
        let Self { run, lease, calls, watch } = self;
        drop(lease);
        let mut recovery = Recovery::new(run);
        for (at, call) in calls.into_iter().enumerate() {
            let told = watch.told(call.sequence);
            let begun = (at < run.depth).then_some(Begun { death: &death, told });
            let outcome = recovery.compute(&call.work, begun).await;
            call.work.promise.fulfil(outcome)?;
        }
        recovery.end();
        ControlFlow::Continue(())
    }
}
