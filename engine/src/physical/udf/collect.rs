//! [`Collector`]: takes the answers, keeps them unit by unit, and sends the rows on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{RecordBatch, UInt32Array};
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use futures::StreamExt;
use tokio::sync::mpsc;
use udf_runtime::{Answer, AnswerStream, Error, RowFailure};

use super::assemble::assemble;
use super::batch_sizer::BatchSizer;
use super::gather::{Computed, Mixed};
use super::size::bytes_of;
use super::unit::OpenUnit;
use super::{End, Keeping, Owed, Pending, Piece, Run, origins};
use crate::checkpoint::{Origin, Place, PlacedRows, Reader, UnitFile};
use crate::logical::Reuse;

pub(super) struct Collector<'a> {
    run: &'a Run,
    answers: AnswerStream,
    sizer: Arc<BatchSizer>,
    full: &'a mpsc::Sender<Result<RecordBatch>>,
    /// Where results go and come from; `None` where nothing is kept.
    kept: Option<(Keeping, Reader)>,
    open: Option<OpenUnit>,
    /// The last row that was made durable, for repaired code to agree with where no unit is open.
    last: Option<RecordBatch>,
    /// Rows of the input so far.
    at: u64,
    /// Rows so far that were given to the function.
    computed: usize,
    failures: u64,
    found: Found,
    /// How many units were made.
    made: u32,
    /// What the open unit takes.
    memory: MemoryReservation,
}

/// Rows that the function is at, and what their results took so far.
struct Due {
    owed: Owed,
    bytes: usize,
    took: Duration,
}

/// Rows whose results were at hand.
#[derive(Clone, Copy, Debug, Default)]
struct Found {
    rows: u64,
    /// Those that earlier code computed.
    older: u64,
    /// Whether there were some that this run computed before.
    computed: bool,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        run: &'a Run,
        kept: Option<(Keeping, Reader)>,
        answers: AnswerStream,
        sizer: Arc<BatchSizer>,
        full: &'a mpsc::Sender<Result<RecordBatch>>,
    ) -> Self {
        let (open, last, found) = (None, None, Found::default());
        let memory = MemoryConsumer::new("ResultsOfFunctions").register(&run.pool);
        let (at, computed, failures, made) = (0, 0, 0, 0);
        Self {
            run,
            answers,
            sizer,
            full,
            kept,
            open,
            last,
            at,
            computed,
            failures,
            found,
            made,
            memory,
        }
    }

    /// Takes all answers; what is at hand is left for whoever looks at it again.
    pub(super) async fn run(
        mut self,
        to_come: mpsc::Receiver<Pending>,
    ) -> Result<Option<(Keeping, Reader)>> {
        let outcome = self.collect(to_come).await;
        self.tell();
        if let (Err(error), Some((keeping, _))) = (&outcome, &self.kept)
            && is_function_failure(error)
        {
            // The user's error is the one to report.
            let sample = self.open.as_ref().map_or(Ok(None), OpenUnit::sample).ok().flatten();
            drop(keeping.ledger.failed(sample.or_else(|| self.last.take())).await);
        }
        outcome.map(|()| self.kept)
    }

    async fn collect(&mut self, mut to_come: mpsc::Receiver<Pending>) -> Result<()> {
        while let Some(pending) = to_come.recv().await {
            match pending {
                Pending::Piece(piece) => {
                    if !Box::pin(self.piece(*piece)).await? {
                        return Ok(());
                    }
                }
                Pending::End(end) => {
                    self.close().await?;
                    drop(end);
                    return self.finish().await;
                }
            }
        }
        Ok(())
    }

    /// The whole input is done: the function tears down.
    async fn finish(&mut self) -> Result<()> {
        if self.computed == 0 {
            return Ok(());
        }
        if let Some(Err(error)) = self.answers.next().await {
            return Err(failed(error));
        }
        match &self.kept {
            // Another unit may have failed or will: its repair is compared with what this one computed.
            Some((keeping, _)) if matches!(self.run.stage.reuse, Reuse::Unit(_)) => {
                Ok(keeping.ledger.leave_sample(self.last.take()).await?)
            }
            Some((keeping, _)) => Ok(keeping.ledger.succeeded().await?),
            None => Ok(()),
        }
    }

    /// Sends on the rows of a piece. Whether anybody wants more.
    async fn piece(&mut self, piece: Piece) -> Result<bool> {
        let Piece { passing, mut places, mut owed, _held } = piece;
        self.count_found(&places);
        if self.run.stage.options.distinct
            && let Some(owed) = owed.take()
        {
            places.resize(passing.num_rows(), None);
            self.computed_once(owed, &mut places).await?;
        }
        let mut mixed = Mixed::new(self.run.stage.shape, &self.run.schema, &passing, &places);
        // What stands before the first row that is computed waits for no answer.
        let first = owed.as_ref().and_then(|owed| owed.missing.first());
        let first = first.map_or_else(|| passing.num_rows(), |row| *row as usize);
        if first > 0 && !self.send_mixed(&mut mixed, None, first).await? {
            return Ok(false);
        }
        let failures = self.found_failures(&places);
        let goes_on = match owed {
            Some(owed) => self.answered(owed, &passing, &mut mixed, failures).await?,
            None => {
                self.count(failures)?;
                true
            }
        };
        self.at += passing.num_rows() as u64;
        Ok(goes_on)
    }

    /// Waits for all answers of a piece, so that its rows, of which some are equal, have their places.
    async fn computed_once(&mut self, owed: Owed, places: &mut [Option<Place>]) -> Result<()> {
        for (number, row) in (self.computed..).zip(&owed.missing) {
            // Whoever looked for the rows has numbered them, and refused too many.
            places[*row as usize] = u32::try_from(number).ok().map(Place::of_run);
        }
        let mut due = Due { owed, bytes: 0, took: Duration::ZERO };
        while self.next_answer(&mut due).await?.0.more {}
        self.has_all(&mut due).await?;
        if let (Some(unit), Some((_, reader))) = (&self.open, &mut self.kept) {
            let (cut, rows) = unit.so_far();
            reader.is_making(cut, rows);
        }
        Ok(())
    }

    /// Sends on the rows for what the function answers. Whether anybody wants more.
    async fn answered(
        &mut self,
        owed: Owed,
        passing: &RecordBatch,
        mixed: &mut Mixed<'_>,
        mut failures: Vec<RowFailure>,
    ) -> Result<bool> {
        let (mut due, mut more) = (Due { owed, bytes: 0, took: Duration::ZERO }, true);
        while more {
            let placed = self.next_placed();
            let (answer, origins) = self.next_answer(&mut due).await?;
            more = answer.more;
            failures.extend(answer.failures.iter().map(|one| at_row(one, &due.owed.missing)));
            if !more {
                failures.sort_by_key(|one| one.failure.row);
                self.count(std::mem::take(&mut failures))?;
                self.has_all(&mut due).await?;
            }
            let (origins, missing) = (origins.as_ref(), &due.owed.missing);
            if missing.len() == passing.num_rows() {
                let columns = answer.rows.columns();
                let rows = assemble(passing, columns, origins, &self.run.schema)?;
                let run = PlacedRows { rows: rows.num_rows() as u64, ..placed };
                if !self.send(rows, vec![run]).await {
                    return Ok(false);
                }
                continue;
            }
            let mut computed =
                Computed { rows: &answer.rows, origins, missing, at: 0, run: placed };
            let until = match more {
                true => computed.last_row().map_or(0, |row| row + 1),
                false => passing.num_rows(),
            };
            if !self.send_mixed(mixed, Some(&mut computed), until).await? {
                return Ok(false);
            }
            if let (true, Some(row)) = (more, until.checked_sub(1)) {
                mixed.stays_at(row);
            }
        }
        Ok(true)
    }

    /// Sends on rows up to one, of which some are found. Whether anybody wants more.
    async fn send_mixed(
        &mut self,
        mixed: &mut Mixed<'_>,
        mut computed: Option<&mut Computed<'_>>,
        until: usize,
    ) -> Result<bool> {
        loop {
            let reader = self.kept.as_mut().map(|(_, reader)| reader);
            let next = mixed.next(reader, computed.as_deref_mut(), until).await?;
            let Some((rows, runs)) = next else {
                return Ok(true);
            };
            if !self.send(rows, runs).await {
                return Ok(false);
            }
        }
    }

    /// The next answer for the rows of a piece, which is in the open unit then, and for each result whose it is.
    async fn next_answer(&mut self, due: &mut Due) -> Result<(Answer, Option<UInt32Array>)> {
        let (asked, missing) = (Instant::now(), &due.owed.missing);
        let answer = match self.answers.next().await {
            Some(answer) => answer.map_err(|error| failed(self.of_input(error, missing)))?,
            None => return internal_err!("a function owes an answer"),
        };
        self.run.watch.waited(asked.elapsed());
        self.run.watch.spent(answer.spent);
        due.took += answer.spent.calling + answer.spent.converting;
        due.bytes += bytes_of(&answer.rows);
        let origins = origins(&answer, self.run.stage.shape, missing.len());
        self.keep(missing.len(), &answer, origins.as_ref()).await?;
        Ok((answer, origins))
    }

    /// All results for the rows of a piece are here. They are made durable if their unit ends with them.
    async fn has_all(&mut self, due: &mut Due) -> Result<()> {
        let Due { owed, bytes, took } = due;
        let Owed { missing, keys, arguments, ends, files } = owed;
        self.sizer.learn(missing.len(), bytes_of(arguments).max(*bytes), *took);
        if let Some(unit) = &mut self.open {
            unit.done(std::mem::take(keys), arguments.clone());
        }
        self.done(missing.len(), ends.take()).await?;
        match files.take() {
            Some(files) => files.answered().await,
            None => Ok(()),
        }
    }

    /// The error with the row of the input that it is about: functions see those only that are computed.
    fn of_input(&self, mut error: Error, missing: &[u32]) -> Error {
        if let Error::Function { failure, .. } = &mut error
            && let Some(row) = failure.row
        {
            let given = row.saturating_sub(self.computed);
            let row = missing.get(given).map_or(given, |row| *row as usize);
            failure.row = Some(usize::try_from(self.at).unwrap_or(usize::MAX) + row);
        }
        error
    }

    /// All results for some rows are here. The end of a unit brings the permit with which the next one may begin.
    async fn done(&mut self, height: usize, ends: Option<End>) -> Result<()> {
        self.computed += height;
        if ends.is_some() || self.open.as_ref().is_some_and(OpenUnit::is_due) {
            self.close().await?;
        }
        self.run.watch.add(height);
        Ok(())
    }

    /// Adds an answer to the open unit.
    async fn keep(
        &mut self,
        height: usize,
        answer: &Answer,
        origins: Option<&UInt32Array>,
    ) -> Result<()> {
        let Some((keeping, _)) = &self.kept else {
            return Ok(());
        };
        let unit = self.open.get_or_insert_with(|| OpenUnit::new(&self.run.stage.results));
        unit.add(height, &answer.rows, origins, &answer.failures)?;
        if answer.more {
            unit.relieve(&keeping.ledger).await?;
        }
        self.memory.resize(unit.bytes());
        Ok(())
    }

    /// Sends on rows, whose results lie there; whether anybody wants more.
    async fn send(&mut self, rows: RecordBatch, runs: Vec<PlacedRows>) -> bool {
        if rows.num_rows() == 0 {
            return true;
        }
        if let Some(placed) = &self.run.stage.placed {
            placed.hand_on(runs);
        }
        self.full.send(Ok(rows)).await.is_ok()
    }

    /// Where the next result that is computed is going to lie.
    fn next_placed(&self) -> PlacedRows {
        let unit = self.kept.as_ref().map(|(_, reader)| reader.units() + self.made);
        let first = self.open.as_ref().map_or(0, OpenUnit::height_of_results);
        PlacedRows { unit, first, rows: 0 }
    }

    /// Makes the open unit durable.
    async fn close(&mut self) -> Result<()> {
        let (Some(unit), Some((keeping, reader))) = (self.open.take(), &mut self.kept) else {
            return Ok(());
        };
        let began = Instant::now();
        if let Some(row) = unit.last_row()? {
            self.last = Some(row);
        }
        let (unit, keys) = Box::pin(unit.close(&keeping.ledger, &keeping.scope)).await?;
        if let (Some(placed), Some(columns)) = (&self.run.stage.placed, keys.facts.columns) {
            let rows = keys.facts.batches.iter().sum();
            let location = keeping.ledger.location(&unit.name);
            placed.made(reader.units() + self.made, UnitFile { location, rows, columns });
        }
        self.made += 1;
        if self.run.stage.options.distinct {
            reader.made(unit, keys);
        }
        self.memory.free();
        self.run.watch.wrote(began.elapsed());
        Ok(())
    }

    /// How rows failed whose results were found.
    fn found_failures(&self, places: &[Option<Place>]) -> Vec<RowFailure> {
        let Some((_, reader)) = &self.kept else {
            return Vec::new();
        };
        let failure = |(row, place): (usize, &Option<Place>)| {
            let mut failure = reader.failure((*place)?)?.clone();
            failure.failure.row = Some(row);
            Some(failure)
        };
        places.iter().enumerate().filter_map(failure).collect()
    }

    fn count_found(&mut self, places: &[Option<Place>]) {
        let Some((_, reader)) = &self.kept else {
            return;
        };
        let (mut kept, mut older, mut now) = (0, 0, 0);
        for place in places.iter().flatten() {
            match reader.origin(*place) {
                Origin::Own => kept += 1,
                Origin::Older => older += 1,
                Origin::Now => now += 1,
            }
        }
        if older > 0 {
            self.run.progress.takes_over();
        }
        self.run.watch.add(now);
        self.run.watch.add_kept(kept + older);
        self.found.rows += (kept + older) as u64;
        self.found.older += older as u64;
        self.found.computed |= now > 0;
    }

    /// Says what was used of what is kept.
    fn tell(&self) {
        let Found { rows, older, computed } = self.found;
        if rows == 0 {
            return;
        }
        let name = &self.run.stage.name;
        let by_whom =
            if older > 0 { format!(", {older} of them by earlier code") } else { String::new() };
        self.run.progress.tell(match computed || self.computed > 0 {
            true => format!("UDF '{name}': continuing from checkpoint, {rows} rows done{by_whom}"),
            false => format!("UDF '{name}': skipped, {rows} rows from checkpoint{by_whom}"),
        });
    }

    /// Counts failures of rows of the piece and reports them with their row of the input.
    fn count(&mut self, failures: Vec<RowFailure>) -> Result<()> {
        let before = usize::try_from(self.at).unwrap_or(usize::MAX);
        let of_input = |mut one: RowFailure| {
            one.failure = one.failure.offset_by(before);
            one
        };
        let failures: Vec<RowFailure> = failures.into_iter().map(of_input).collect();
        let Some(last) = failures.last().cloned() else {
            return Ok(());
        };
        self.failures += failures.len() as u64;
        self.run.watch.failed(failures.into_iter());
        match self.run.stage.options.max_failures {
            Some(most) if self.failures > most => {
                let name = self.run.stage.name.clone();
                let last = Box::new(last.failure);
                Err(failed(Error::TooManyFailures { name, most, last }))
            }
            _ => Ok(()),
        }
    }
}

/// The failure of a row that was computed as that of the row of the piece.
fn at_row(one: &RowFailure, missing: &[u32]) -> RowFailure {
    let mut failure = one.clone();
    let row = failure.failure.row;
    failure.failure.row = row.map(|row| missing.get(row).map_or(row, |row| *row as usize));
    failure
}

fn failed(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

fn is_function_failure(error: &DataFusionError) -> bool {
    let DataFusionError::External(error) = error else {
        return false;
    };
    matches!(error.downcast_ref(), Some(Error::Function { .. }))
}
