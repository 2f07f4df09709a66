//! [`Collector`]: takes the answers, keeps them unit by unit, and sends the rows on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::RecordBatchOptions;
use datafusion::common::internal_err;
use datafusion::error::{DataFusionError, Result};
use futures::StreamExt;
use tokio::sync::mpsc;
use udf_runtime::{Answer, AnswerStream, Error, RowFailure, Shape};

use super::assemble::assemble;
use super::batch_sizer::BatchSizer;
use super::prefetch::Files;
use super::size::bytes_of;
use super::{End, Pending, Run};
use crate::blocking::blocking;
use crate::checkpoint::{Content, Ledger, Unit, UnitName, UnitWriter};

/// A unit that is open for longer is closed early: what a slow function has done should not be lost.
const LONGEST_OPEN: Duration = Duration::from_secs(5);
/// A unit whose results and arguments are larger is closed early, because it is held in memory.
const MOST_BYTES: usize = 64 << 20;
/// The column of a kept unit that tells a result's input row, counted from the unit's first.
const ORIGIN: &str = "lakebed origin";

pub(super) struct Collector<'a> {
    run: &'a Run,
    answers: AnswerStream,
    sizer: Arc<BatchSizer>,
    full: &'a mpsc::Sender<Result<RecordBatch>>,
    open: Option<OpenUnit>,
    names: Vec<UnitName>,
    at: u64,
    failures: u64,
    called: bool,
}

/// Results that are not durable yet.
struct OpenUnit {
    from: u64,
    since: Instant,
    content: Content,
    /// What a file holds already, because it was too much for the memory.
    writer: Option<UnitWriter>,
    rows: Vec<RecordBatch>,
    failures: Vec<RowFailure>,
    bytes: usize,
}

impl OpenUnit {
    fn new(from: u64) -> Self {
        Self {
            from,
            since: Instant::now(),
            content: Content::default(),
            writer: None,
            rows: Vec::new(),
            failures: Vec::new(),
            bytes: 0,
        }
    }

    /// Whether it should be closed before its range ends.
    fn is_due(&self) -> bool {
        self.since.elapsed() > LONGEST_OPEN || self.bytes > MOST_BYTES || self.writer.is_some()
    }
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        run: &'a Run,
        answers: AnswerStream,
        sizer: Arc<BatchSizer>,
        full: &'a mpsc::Sender<Result<RecordBatch>>,
    ) -> Self {
        let (open, names) = (None, Vec::new());
        Self { run, answers, sizer, full, open, names, at: 0, failures: 0, called: false }
    }

    pub(super) async fn run(mut self, mut to_come: mpsc::Receiver<Pending>) -> Result<()> {
        let mut ended = false;
        while let Some(pending) = to_come.recv().await {
            match pending {
                Pending::Kept { name, unit, passing } => {
                    self.close().await?;
                    self.at = name.to;
                    if !self.kept(name, unit, &passing).await? {
                        return Ok(());
                    }
                }
                Pending::Computed { passing, arguments, ends, files } => {
                    if !Box::pin(self.answered(&passing, &arguments, ends, files)).await? {
                        return Ok(());
                    }
                }
                Pending::End(end) => {
                    self.close().await?;
                    drop(end);
                    ended = true;
                }
            }
        }
        if ended { self.finish().await } else { Ok(()) }
    }

    /// The whole input is done: the function tears down, and the units are the whole result.
    async fn finish(mut self) -> Result<()> {
        if self.called
            && let Some(Err(error)) = self.answers.next().await
        {
            return Err(failed(error));
        }
        if let Some(ledger) = &self.run.stage.ledger {
            ledger.complete(&self.names).await?;
        }
        Ok(())
    }

    /// Sends on the rows for what the function answers to a batch, and makes them durable if their unit ends with
    /// them. Whether anybody wants more.
    async fn answered(
        &mut self,
        passing: &RecordBatch,
        arguments: &RecordBatch,
        mut ends: Option<End>,
        mut files: Option<Files>,
    ) -> Result<bool> {
        self.called = true;
        let (mut took, mut more, mut bytes) = (Duration::ZERO, true, 0);
        while more {
            let answer = self.next_answer().await?;
            more = answer.more;
            took += answer.spent.calling + answer.spent.converting;
            bytes += bytes_of(&answer.rows);
            self.count(&answer.failures, self.at)?;
            let origins = origins(&answer, self.run.stage.shape, arguments.num_rows());
            let rows =
                assemble(passing, answer.rows.columns(), origins.as_ref(), &self.run.schema)?;
            self.keep(answer, origins).await?;
            if !more {
                self.sizer.learn(arguments.num_rows(), bytes.max(bytes_of(arguments)), took);
                self.done(arguments, ends.take()).await?;
                if let Some(files) = files.take() {
                    files.answered().await?;
                }
            }
            if !send(self.full, rows).await {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn next_answer(&mut self) -> Result<Answer> {
        let asked = Instant::now();
        let answer = match self.answers.next().await {
            Some(answer) => answer.map_err(failed)?,
            None => return internal_err!("a function owes an answer"),
        };
        self.run.watch.waited(asked.elapsed());
        self.run.watch.spent(answer.spent);
        Ok(answer)
    }

    /// All results for a batch are here. The end of a unit brings the permit with which the next one may begin.
    async fn done(&mut self, arguments: &RecordBatch, ends: Option<End>) -> Result<()> {
        let (height, bytes) = (arguments.num_rows(), bytes_of(arguments));
        self.at += height as u64;
        if let Some(unit) = &mut self.open {
            unit.content.add(arguments);
            unit.bytes += bytes;
        }
        if ends.is_some() || self.open.as_ref().is_some_and(OpenUnit::is_due) {
            self.close().await?;
        }
        self.run.watch.add(height);
        Ok(())
    }

    /// Adds an answer to the open unit.
    async fn keep(&mut self, answer: Answer, origins: Option<UInt32Array>) -> Result<()> {
        let Some(ledger) = self.run.stage.ledger.clone() else {
            return Ok(());
        };
        let (at, schema) = (self.at, self.kept_schema());
        let unit = self.open.get_or_insert_with(|| OpenUnit::new(at));
        let before = usize::try_from(at - unit.from).unwrap_or(usize::MAX);
        let mut columns = answer.rows.columns().to_vec();
        if let Some(origins) = origins {
            let shift = u32::try_from(before).unwrap_or(u32::MAX);
            let shifted: UInt32Array = origins.unary(|row| row + shift);
            columns.push(Arc::new(shifted));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(answer.rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?;
        unit.bytes += bytes_of(&rows);
        unit.rows.push(rows);
        for mut one in answer.failures {
            one.failure = one.failure.offset_by(before);
            unit.failures.push(one);
        }
        if answer.more && unit.bytes > MOST_BYTES {
            let (rows, writer) = (std::mem::take(&mut unit.rows), unit.writer.take());
            let written = blocking(move || written(&ledger, &schema, writer, &rows)).await?;
            (unit.writer, unit.bytes) = (Some(written), 0);
        }
        Ok(())
    }

    /// Makes the open unit durable.
    async fn close(&mut self) -> Result<()> {
        let (Some(unit), Some(ledger)) = (self.open.take(), self.run.stage.ledger.clone()) else {
            return Ok(());
        };
        let began = Instant::now();
        let (range, schema, writing) = ((unit.from, self.at), self.kept_schema(), ledger.clone());
        let OpenUnit { content, rows, writer, failures, .. } = unit;
        let written = blocking(move || written(&writing, &schema, writer, &rows));
        let (unit, ()) = tokio::join!(written, ledger.pause());
        self.names.push(ledger.commit(unit?, range, content.digest(), failures).await?);
        self.run.watch.wrote(began.elapsed());
        Ok(())
    }

    /// Sends on the rows of a unit that is at hand. Whether anybody wants more.
    async fn kept(
        &mut self,
        name: UnitName,
        mut unit: Box<Unit>,
        passing: &[RecordBatch],
    ) -> Result<bool> {
        self.count(&unit.failures, name.from)?;
        let Some(first) = passing.first() else {
            return internal_err!("a unit without rows");
        };
        let passing = concat_batches(first.schema_ref(), passing)?;
        let mut sent = 0;
        loop {
            let read = move || -> crate::Result<_> { Ok((unit.next_rows()?, unit)) };
            let (some, rest) = blocking(read).await?;
            if some.is_empty() {
                break;
            }
            unit = rest;
            let results = concat_batches(&self.kept_schema(), &some)?;
            let rows = match (self.run.stage.shape, results.columns().split_last()) {
                (Shape::Any, Some((origins, columns))) => {
                    let origins = origins.as_primitive::<UInt32Type>();
                    assemble(&passing, columns, Some(origins), &self.run.schema)?
                }
                (Shape::Any, None) => return internal_err!("a unit without origins"),
                (Shape::OnePerRow, _) => {
                    let passing = passing.slice(sent, results.num_rows());
                    assemble(&passing, results.columns(), None, &self.run.schema)?
                }
            };
            sent += results.num_rows();
            if !send(self.full, rows).await {
                return Ok(false);
            }
        }
        self.run.watch.add_kept(passing.num_rows());
        if self.run.stage.ledger.as_ref().is_some_and(|ledger| ledger.is_older(&name)) {
            self.run.progress.takes_over();
        }
        self.names.push(name);
        Ok(true)
    }

    /// The columns of a unit's file.
    fn kept_schema(&self) -> SchemaRef {
        let mut fields = self.run.stage.results.clone();
        if self.run.stage.shape == Shape::Any {
            fields.push(Arc::new(Field::new(ORIGIN, DataType::UInt32, false)));
        }
        Arc::new(Schema::new(fields))
    }

    /// Counts failures and reports them with their row of the input.
    fn count(&mut self, failures: &[RowFailure], before: u64) -> Result<()> {
        if failures.is_empty() {
            return Ok(());
        }
        self.failures += failures.len() as u64;
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        self.run.watch.failed(failures.iter().cloned().map(|mut one| {
            one.failure = one.failure.offset_by(before);
            one
        }));
        let Some(most) = self.run.stage.options.max_failures else {
            return Ok(());
        };
        match failures.last() {
            Some(last) if self.failures > most => {
                let failure = last.failure.clone().offset_by(before);
                let name = self.run.stage.name.clone();
                Err(failed(Error::TooManyFailures { name, most, last: Box::new(failure) }))
            }
            _ => Ok(()),
        }
    }
}

/// Sends rows on; whether anybody wants more.
async fn send(full: &mpsc::Sender<Result<RecordBatch>>, rows: RecordBatch) -> bool {
    rows.num_rows() == 0 || full.send(Ok(rows)).await.is_ok()
}

fn failed(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A function with any number of results has origins in every answer.
fn origins(answer: &Answer, shape: Shape, height: usize) -> Option<UInt32Array> {
    match (&answer.origins, shape) {
        (Some(origins), _) => Some(origins.clone()),
        (None, Shape::OnePerRow) => None,
        (None, Shape::Any) => {
            Some((0..u32::try_from(height).unwrap_or(u32::MAX)).collect::<UInt32Array>())
        }
    }
}

/// Adds rows to a unit's file, which is begun if need be.
fn written(
    ledger: &Ledger,
    schema: &SchemaRef,
    begun: Option<UnitWriter>,
    rows: &[RecordBatch],
) -> crate::Result<UnitWriter> {
    let mut writer = begun.map_or_else(|| ledger.create(schema), Ok)?;
    rows.iter().try_for_each(|rows| writer.add(rows))?;
    Ok(writer)
}
