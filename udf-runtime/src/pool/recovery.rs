//! [`Recovery`]: finds the row that kills workers, and computes the others.
//!
//! A batch whose worker died is tried once more in a fresh one, from the row on that the dead one told last: the row that
//! kills is there or behind. When the fresh worker dies too, the row that it told is tried alone, or the rows are halved
//! when it told several, until one row alone is left.

use std::io;
use std::ops::Range;

use arrow::record_batch::RecordBatch;

use super::death::Death;
use super::merge::Parts;
use super::promise::Outcome;
use super::run::{Run, WorkItem};
use super::watch::{Event, Watch};
use super::{DeadRows, Lease};
use crate::transport::garbled;
use crate::worker::Shipped;
use crate::{Answer, Error, FunctionFailure, Result, RowFailure};

/// Computes batches one at a time, each in pieces if need be.
#[derive(Debug)]
pub(super) struct Recovery<'a> {
    run: &'a Run,
    lease: Option<Lease>,
}

/// How a worker died that had begun a batch.
#[derive(Clone, Debug)]
pub(super) struct Begun<'a> {
    pub(super) death: &'a Death,
    /// The rows that it told last.
    pub(super) told: Option<Range<usize>>,
}

/// What came of a piece.
enum Attempt {
    Answered(Answer),
    Failed(FunctionFailure),
    /// With the rows that were told last.
    Died(Death, Option<Range<usize>>),
}

impl<'a> Recovery<'a> {
    pub(super) fn new(run: &'a Run) -> Self {
        Self { run, lease: None }
    }

    /// The outcome of a batch, which a worker that died had or had not begun.
    pub(super) async fn compute(&mut self, work: &WorkItem, begun: Option<Begun<'_>>) -> Outcome {
        let mut batch = Batch::new(self.run, work);
        if let Err(failure) = batch.begin(begun) {
            return Ok(Err(failure));
        }
        while let Some(piece) = batch.open.pop() {
            if let Err(failure) = self.advance(&mut batch, piece).await? {
                return Ok(Err(failure));
            }
        }
        if batch.parts.is_empty() {
            // No row is left to tell the columns.
            if let Err(failure) = self.advance(&mut batch, 0..0).await? {
                return Ok(Err(failure));
            }
        }
        let broken = |error| Error::Input { source: Box::new(garbled(error)) };
        batch.parts.merge().map_err(broken).map(Ok)
    }

    /// Keeps the worker for others.
    pub(super) fn end(self) {
        if let Some(lease) = self.lease {
            lease.give_back();
        }
    }

    /// Computes some rows, or learns why not.
    async fn advance(
        &mut self,
        batch: &mut Batch<'_>,
        piece: Range<usize>,
    ) -> Result<Result<(), FunctionFailure>> {
        let arguments = batch.work.arguments.slice(piece.start, piece.len());
        Ok(match self.attempt(&batch.work.function, arguments).await? {
            Attempt::Answered(answer) => {
                batch.answered(&piece, answer);
                Ok(())
            }
            Attempt::Failed(failure) => Err(failure.offset_by(piece.start)),
            Attempt::Died(death, told) => {
                let told = told.map(|told| piece.start + told.start..piece.start + told.end);
                batch.after_death(piece, told, &death)
            }
        })
    }

    async fn attempt(&mut self, function: &Shipped, arguments: RecordBatch) -> Result<Attempt> {
        let lease = match &mut self.lease {
            Some(lease) => lease,
            none => none.insert(self.run.lease(function).await?),
        };
        let called = lease.worker.call(function, true, arguments).await;
        if let Err(source) = &called
            && source.kind() == io::ErrorKind::InvalidData
        {
            return Err(Error::Input { source: Box::new(garbled(source.to_string())) });
        }
        let mut watch = Watch::new(&self.run.options);
        Ok(match watch.event(&mut lease.worker).await {
            Event::Answered(answer) => Attempt::Answered(answer),
            Event::Failed(failure) => Attempt::Failed(failure),
            Event::Died(death) => {
                self.lease = None;
                Attempt::Died(death, watch.told(called.unwrap_or_default()))
            }
        })
    }
}

/// A batch in pieces.
struct Batch<'a> {
    run: &'a Run,
    work: &'a WorkItem,
    /// Rows that are still to be computed, the next ones at the end.
    open: Vec<Range<usize>>,
    /// How many calls were begun for each row by workers that died.
    begun: Vec<u32>,
    /// The first worker died in a row that it did not tell: in this one or behind it.
    untold: Option<usize>,
    parts: Parts,
}

impl<'a> Batch<'a> {
    fn new(run: &'a Run, work: &'a WorkItem) -> Self {
        let begun = vec![0; work.arguments.num_rows()];
        Self { run, work, open: Vec::new(), begun, untold: None, parts: Parts::default() }
    }

    /// Where to begin after a first death, if there was one.
    fn begin(&mut self, begun: Option<Begun<'_>>) -> Result<(), FunctionFailure> {
        let all = 0..self.begun.len();
        let Some(Begun { death, told }) = begun else {
            self.open.push(all);
            return Ok(());
        };
        let told = told.filter(|told| told.end <= all.end);
        if let (Death::Slow(_), Some(_)) = (death, &told) {
            return self.after_death(all, told, death);
        }
        let from = told.as_ref().map_or(0, |told| told.start);
        match told.filter(|_| self.run.tells_each_row()) {
            Some(told) => self.count(0..told.end),
            None => {
                self.count(0..from);
                self.untold = Some(from);
            }
        }
        self.keep_open([0..from, from..all.end]);
        Ok(())
    }

    fn answered(&mut self, piece: &Range<usize>, mut answer: Answer) {
        for failed in &mut answer.failures {
            let row = piece.start + failed.failure.row.unwrap_or_default();
            failed.attempts += self.begun.get(row).copied().unwrap_or_default();
        }
        self.parts.push(piece.start, piece.len(), answer);
    }

    /// Blames a row, or cuts the piece into smaller ones.
    fn after_death(
        &mut self,
        piece: Range<usize>,
        told: Option<Range<usize>>,
        death: &Death,
    ) -> Result<(), FunctionFailure> {
        let Some(told) = told.filter(|told| told.end <= piece.end && !told.is_empty()) else {
            return Err(death.while_it("set", &self.run.name, "up"));
        };
        self.count(piece.start..told.end);
        let is_limit = matches!(death, Death::Slow(_) | Death::Large { .. });
        // Where several rows are computed at once, it may be another one than the one that is told.
        let is_sure = self.run.depth == 1 && (is_limit || told.start == piece.start);
        if piece.len() == 1 || (told.len() == 1 && is_sure) {
            self.condemn(told.start, death)?;
            self.keep_open([told.end..piece.end, piece.start..told.start]);
        } else if told == piece {
            let middle = piece.start + piece.len() / 2;
            self.keep_open([middle..piece.end, piece.start..middle]);
        } else {
            self.keep_open([told.end..piece.end, piece.start..told.start, told]);
        }
        Ok(())
    }

    /// A row is lost.
    fn condemn(&mut self, row: usize, death: &Death) -> Result<(), FunctionFailure> {
        if let Some(from) = self.untold.take_if(|from| row >= *from) {
            self.count(from..row + 1);
        }
        let failure = death.of_row(&self.run.name, &self.work.arguments, row);
        let failed = RowFailure { attempts: self.begun[row], failure };
        match self.run.options.dead_rows {
            DeadRows::Fail => return Err(failed.failure),
            DeadRows::Skip => self.parts.lose(failed),
            DeadRows::Null => self.parts.make_null(row, failed),
        }
        Ok(())
    }

    /// A worker that died had begun these rows.
    fn count(&mut self, rows: Range<usize>) {
        self.begun[rows].iter_mut().for_each(|begun| *begun += 1);
    }

    fn keep_open<const N: usize>(&mut self, pieces: [Range<usize>; N]) {
        self.open.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
    }
}
