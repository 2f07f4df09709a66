//! [`Collector`]: takes the answers, keeps them unit by unit, and sends the rows on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt32Type};
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::{DataFusionError, Result};
use futures::StreamExt;
use tokio::sync::mpsc;
use udf_runtime::{Answer, AnswerStream, Error, RowFailure, Shape};

use super::glue::glue;
use super::pace::Pace;
use super::size::bytes_of;
use super::{Pending, Run, blocking};
use crate::checkpoint::{Content, Unit, UnitName};

/// A unit that is open for longer is closed early: what a slow function has done should not be lost.
const LONGEST_OPEN: Duration = Duration::from_secs(5);
/// A unit whose results and arguments are larger is closed early, because it is held in memory.
const MOST_BYTES: usize = 64 << 20;
/// The column of a kept unit that tells a result's input row, counted from the unit's first.
const ORIGIN: &str = "lakebed origin";

pub(super) struct Collector<'a> {
    run: &'a Run,
    answers: AnswerStream,
    pace: Arc<Pace>,
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
    rows: Vec<RecordBatch>,
    failures: Vec<RowFailure>,
    bytes: usize,
}

impl<'a> Collector<'a> {
    pub(super) fn new(
        run: &'a Run,
        answers: AnswerStream,
        pace: Arc<Pace>,
        full: &'a mpsc::Sender<Result<RecordBatch>>,
    ) -> Self {
        let (open, names) = (None, Vec::new());
        Self { run, answers, pace, full, open, names, at: 0, failures: 0, called: false }
    }

    pub(super) async fn run(mut self, mut to_come: mpsc::Receiver<Pending>) -> Result<()> {
        let mut ended = false;
        while let Some(pending) = to_come.recv().await {
            match pending {
                Pending::Kept { name, unit, passing } => {
                    self.close().await?;
                    self.at = name.to;
                    let rows = self.kept(name, &unit, &passing)?;
                    if !send(self.full, rows).await {
                        return Ok(());
                    }
                }
                Pending::Computed { passing, arguments, ends } => {
                    let rows = self.answered(&passing, &arguments, ends.is_some()).await?;
                    // The permit, with which the next unit may begin.
                    drop(ends);
                    if !send(self.full, rows).await {
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
        if let Some(ledger) = self.run.stage.ledger.clone() {
            let names = std::mem::take(&mut self.names);
            blocking(move || ledger.complete(&names)).await?;
        }
        Ok(())
    }

    /// The rows for the function's next answer, durable if their unit ends here.
    async fn answered(
        &mut self,
        passing: &RecordBatch,
        arguments: &RecordBatch,
        ends: bool,
    ) -> Result<RecordBatch> {
        self.called = true;
        let asked = Instant::now();
        let answer = match self.answers.next().await {
            Some(answer) => answer.map_err(failed)?,
            None => return datafusion::common::internal_err!("a function owes an answer"),
        };
        self.run.watch.waited(asked.elapsed());
        self.run.watch.spent(answer.spent);
        let height = arguments.num_rows();
        let bytes = bytes_of(arguments);
        let took = answer.spent.calling + answer.spent.converting;
        self.pace.learn(height, bytes, took);
        self.count(&answer.failures, self.at)?;
        let origins = origins(&answer, self.run.stage.shape, height);
        let rows = glue(passing, answer.rows.columns(), origins.as_ref(), &self.run.schema)?;
        if self.run.stage.ledger.is_some() {
            self.keep(answer, origins, arguments)?;
        }
        self.at += height as u64;
        let is_due = self
            .open
            .as_ref()
            .is_some_and(|unit| unit.since.elapsed() > LONGEST_OPEN || unit.bytes > MOST_BYTES);
        if ends || is_due {
            self.close().await?;
        }
        self.run.watch.add(height);
        Ok(rows)
    }

    /// Adds an answer to the open unit.
    fn keep(
        &mut self,
        answer: Answer,
        origins: Option<UInt32Array>,
        arguments: &RecordBatch,
    ) -> Result<()> {
        let at = self.at;
        let unit = self.open.get_or_insert_with(|| OpenUnit {
            from: at,
            since: Instant::now(),
            content: Content::default(),
            rows: Vec::new(),
            failures: Vec::new(),
            bytes: 0,
        });
        let before = usize::try_from(at - unit.from).unwrap_or(usize::MAX);
        let mut columns = answer.rows.columns().to_vec();
        if let Some(origins) = origins {
            let shift = u32::try_from(before).unwrap_or(u32::MAX);
            let shifted: UInt32Array = origins.unary(|row| row + shift);
            columns.push(Arc::new(shifted));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(answer.rows.num_rows()));
        let schema = kept_schema(&self.run.stage.results, self.run.stage.shape);
        let rows = RecordBatch::try_new_with_options(schema, columns, &options)?;
        unit.content.add(arguments);
        unit.bytes += bytes_of(&rows) + bytes_of(arguments);
        unit.rows.push(rows);
        for mut one in answer.failures {
            one.failure = one.failure.offset_by(before);
            unit.failures.push(one);
        }
        Ok(())
    }

    /// Makes the open unit durable.
    async fn close(&mut self) -> Result<()> {
        let (Some(unit), Some(ledger)) = (self.open.take(), self.run.stage.ledger.clone()) else {
            return Ok(());
        };
        let began = Instant::now();
        let (from, to) = (unit.from, self.at);
        let schema = kept_schema(&self.run.stage.results, self.run.stage.shape);
        let OpenUnit { content, rows, failures, .. } = unit;
        let unit = Unit { arguments: content.digest(), rows, failures };
        let name = blocking(move || ledger.write(from, to, &schema, &unit)).await?;
        self.names.push(name);
        self.run.watch.wrote(began.elapsed());
        Ok(())
    }

    /// The rows of a unit that is at hand.
    fn kept(
        &mut self,
        name: UnitName,
        unit: &Unit,
        passing: &[RecordBatch],
    ) -> Result<RecordBatch> {
        self.count(&unit.failures, name.from)?;
        let schema = kept_schema(&self.run.stage.results, self.run.stage.shape);
        let results = concat_batches(&schema, &unit.rows)?;
        let Some(first) = passing.first() else {
            return datafusion::common::internal_err!("a unit without rows");
        };
        let passing = concat_batches(first.schema_ref(), passing)?;
        let (columns, origins) = match self.run.stage.shape {
            Shape::OnePerRow => (results.columns(), None),
            Shape::Any => {
                let (origins, columns) = results
                    .columns()
                    .split_last()
                    .ok_or_else(|| DataFusionError::Internal("a unit without origins".into()))?;
                (columns, Some(origins.as_primitive::<UInt32Type>()))
            }
        };
        let rows = glue(&passing, columns, origins, &self.run.schema)?;
        self.run.watch.add_kept(passing.num_rows());
        self.names.push(name);
        Ok(rows)
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
        let Some(most) = self.run.stage.running.max_failures else {
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

fn kept_schema(results: &[arrow::datatypes::FieldRef], shape: Shape) -> SchemaRef {
    let mut fields = results.to_vec();
    if shape == Shape::Any {
        fields.push(Arc::new(Field::new(ORIGIN, DataType::UInt32, false)));
    }
    Arc::new(Schema::new(fields))
}
