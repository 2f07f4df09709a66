//! [`Recovery`]: finds the row that kills workers, and computes the others.
//!
//! A batch whose worker died is tried once more in a fresh one. When that dies too, the batch is cut around the row
//! that was computed, or in halves when that is not known, until one row alone is left.

use std::io;

use arrow::record_batch::RecordBatch;

use super::death::Death;
use super::merge::Parts;
use super::run::{Outcome, Stage, Work};
use super::watch::{Event, Watch};
use super::{DeadRows, Lease};
use crate::transport::garbled;
use crate::worker::Shipped;
use crate::{Answer, Error, FunctionFailure, Result, RowFailure};

/// Computes batches one at a time, each in pieces if need be.
#[derive(Debug)]
pub(super) struct Recovery<'a> {
    stage: &'a Stage,
    lease: Option<Lease>,
}

/// Some rows of a batch.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: usize,
    rows: usize,
    /// How often they were computed.
    attempts: u32,
}

/// What came of a piece.
enum Attempt {
    Answered(Answer),
    Failed(FunctionFailure),
    /// With the row that was computed.
    Died(Death, Option<usize>),
}

impl<'a> Recovery<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        Self { stage, lease: None }
    }

    /// The outcome of a batch, whose worker died while it computed `row`.
    pub(super) async fn compute(
        &mut self,
        work: &Work,
        death: &Death,
        row: Option<usize>,
    ) -> Outcome {
        let whole = Piece { start: 0, rows: work.arguments.num_rows(), attempts: 1 };
        let mut batch =
            Batch { stage: self.stage, work, open: vec![whole], parts: Parts::default() };
        if let (Death::Slow(_), Some(row)) = (death, row) {
            batch.open.clear();
            if let Err(failure) = batch.condemn(whole, row, death) {
                return Ok(Err(failure));
            }
        }
        while let Some(piece) = batch.open.pop() {
            if let Err(failure) = self.advance(&mut batch, piece).await? {
                return Ok(Err(failure));
            }
        }
        if batch.parts.is_empty() {
            // No row is left to tell the columns.
            let none = Piece { start: 0, rows: 0, attempts: 0 };
            if let Err(failure) = self.advance(&mut batch, none).await? {
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

    /// Computes a piece, or learns why not.
    async fn advance(
        &mut self,
        batch: &mut Batch<'_>,
        piece: Piece,
    ) -> Result<Result<(), FunctionFailure>> {
        let piece = Piece { attempts: piece.attempts + 1, ..piece };
        let arguments = batch.work.arguments.slice(piece.start, piece.rows);
        Ok(match self.attempt(&batch.work.function, arguments).await? {
            Attempt::Answered(answer) => {
                batch.parts.push(piece.start, piece.rows, answer);
                Ok(())
            }
            Attempt::Failed(failure) => Err(failure.offset_by(piece.start)),
            Attempt::Died(death, row) => batch.after_death(piece, row, &death),
        })
    }

    async fn attempt(&mut self, function: &Shipped, arguments: RecordBatch) -> Result<Attempt> {
        let lease = match &mut self.lease {
            Some(lease) => lease,
            none => none.insert(self.stage.lease(function).await?),
        };
        let called = lease.worker.call(function, true, arguments).await;
        if let Err(source) = &called
            && source.kind() == io::ErrorKind::InvalidData
        {
            return Err(Error::Input { source: Box::new(garbled(source.to_string())) });
        }
        let mut watch = Watch::new(&self.stage.options);
        let event = watch.event(&mut lease.worker).await;
        Ok(match event {
            Event::Answered(answer) => Attempt::Answered(answer),
            Event::Failed(failure) => Attempt::Failed(failure),
            Event::Died(death) => {
                self.lease = None;
                Attempt::Died(death, watch.row_of(called.unwrap_or_default()))
            }
        })
    }
}

/// A batch in pieces.
struct Batch<'a> {
    stage: &'a Stage,
    work: &'a Work,
    /// What is still to be computed, the first piece at the end.
    open: Vec<Piece>,
    parts: Parts,
}

impl Batch<'_> {
    /// Blames a row, or cuts the piece into smaller ones.
    fn after_death(
        &mut self,
        piece: Piece,
        row: Option<usize>,
        death: &Death,
    ) -> Result<(), FunctionFailure> {
        let row = row.filter(|row| *row < piece.rows);
        match (piece.rows, row, death) {
            (0, ..) => Err(death.failure(&self.stage.name)),
            (1, ..) => self.condemn(piece, 0, death),
            (_, Some(row), Death::Slow(_) | Death::Large { .. }) => self.condemn(piece, row, death),
            (_, Some(row), Death::Ended(_)) => {
                self.cut(piece, &[row, row + 1]);
                Ok(())
            }
            (rows, None, _) => {
                self.cut(piece, &[rows / 2]);
                Ok(())
            }
        }
    }

    /// A row of a piece has no results, and the others are still to be computed.
    fn condemn(&mut self, piece: Piece, row: usize, death: &Death) -> Result<(), FunctionFailure> {
        let at = piece.start + row;
        let failure = death.of_row(&self.stage.name, &self.work.arguments, at);
        if self.stage.options.dead_rows == DeadRows::Fail {
            return Err(failure);
        }
        self.parts.lose(RowFailure { attempts: piece.attempts, failure });
        let after = Piece { start: at + 1, rows: piece.rows - row - 1, ..piece };
        let before = Piece { rows: row, ..piece };
        self.open.extend([after, before].into_iter().filter(|piece| piece.rows > 0));
        Ok(())
    }

    /// Cuts a piece at these rows of it.
    fn cut(&mut self, piece: Piece, at: &[usize]) {
        let mut end = piece.rows;
        for start in at.iter().rev().chain(&[0]) {
            let rows = end - start;
            if rows > 0 {
                self.open.push(Piece { start: piece.start + start, rows, ..piece });
            }
            end = *start;
        }
    }
}
