//! [`Feeder`]: cuts the input into units, uses those whose results are at hand and has the others computed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatchOptions;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::batch_sizer::BatchSizer;
use super::prefetch::{Arriving, Files, Prefetch};
use super::{Call, End, Pending, Run, UdfStage};
use crate::checkpoint::{Content, Unit, UnitName};
use crate::progress::StageProgress;

pub(super) struct Feeder {
    stage: Arc<UdfStage>,
    watch: Arc<StageProgress>,
    units: VecDeque<UnitName>,
    /// Rows of the unit that is being taken from what is kept.
    gathered: Vec<RecordBatch>,
    /// Units that may be open at once: one for each worker, so that no more is lost. No limit where nothing is kept.
    gate: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    /// Rows of the input so far.
    at: u64,
    ways: Ways,
    prefetch: Option<Prefetch>,
    sizer: Arc<BatchSizer>,
}

/// Where rows go: their arguments to the function, what belongs to the answer to the other half.
pub(super) struct Ways {
    pending: mpsc::Sender<Pending>,
    calls: mpsc::Sender<Call>,
    turns: Arc<Semaphore>,
}

impl Ways {
    pub(super) fn new(pending: mpsc::Sender<Pending>, calls: mpsc::Sender<Call>) -> Self {
        Self { pending, calls, turns: Arc::new(Semaphore::new(1)) }
    }

    async fn send(&self, pending: Pending) -> Result<(), Stop> {
        self.pending.send(pending).await.map_err(|_gone| Stop::Gone)
    }

    async fn call(&self, arguments: RecordBatch, files: Option<Arriving>) -> Result<(), Stop> {
        let _turn = match &files {
            Some(_) => None,
            None => Arc::clone(&self.turns).acquire_owned().await.ok(),
        };
        self.calls.send(Call { arguments, files, _turn }).await.map_err(|_gone| Stop::Gone)
    }
}

/// Why feeding ends early.
enum Stop {
    /// Nobody listens any more: the other half has the error, or the consumer is gone.
    Gone,
    Failed(DataFusionError),
}

impl From<DataFusionError> for Stop {
    fn from(error: DataFusionError) -> Self {
        Self::Failed(error)
    }
}

impl Feeder {
    pub(super) fn new(
        run: &Run,
        units: Vec<UnitName>,
        ways: Ways,
        prefetch: Option<Prefetch>,
        sizer: Arc<BatchSizer>,
    ) -> Self {
        let options = &run.stage.options;
        let ahead = (2 * options.concurrency).div_ceil(options.unit_rows.max(1)).max(1);
        let open = options.parallel.unwrap_or(1) * ahead;
        let gate = run.stage.ledger.as_ref().map(|_| Arc::new(Semaphore::new(open)));
        Self {
            stage: Arc::clone(&run.stage),
            watch: Arc::clone(&run.watch),
            units: units.into(),
            gathered: Vec::new(),
            gate,
            permit: None,
            at: 0,
            ways,
            prefetch,
            sizer,
        }
    }

    pub(super) async fn run(mut self, input: SendableRecordBatchStream) -> Result<()> {
        match self.feed(input).await {
            Ok(()) | Err(Stop::Gone) => Ok(()),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn feed(&mut self, mut input: SendableRecordBatchStream) -> Result<(), Stop> {
        loop {
            let asked = Instant::now();
            let Some(batch) = input.next().await else {
                break;
            };
            self.watch.read(asked.elapsed());
            let batch = batch?;
            let mut from = 0;
            while from < batch.num_rows() {
                from += self.take(&batch.slice(from, batch.num_rows() - from)).await?;
            }
        }
        // The input ends inside of a unit that was kept: the input is another one.
        self.compute_gathered().await?;
        let end = End { _permit: self.permit.take() };
        self.ways.send(Pending::End(end)).await
    }

    /// Handles the first of these rows, as many as belong together; how many.
    async fn take(&mut self, rows: &RecordBatch) -> Result<usize, Stop> {
        let gathered: usize = self.gathered.iter().map(RecordBatch::num_rows).sum();
        while gathered == 0 && self.units.front().is_some_and(|unit| unit.from < self.at) {
            self.units.pop_front();
        }
        let wanted = match self.units.front() {
            Some(unit) if gathered > 0 || unit.from == self.at => height(unit.rows()) - gathered,
            next => {
                let end = self.end_of_unit(next.map(|unit| unit.from));
                let taken = rows.num_rows().min(height(end - self.at));
                let ends = self.at + taken as u64 == end;
                self.compute(&rows.slice(0, taken), ends).await?;
                return Ok(taken);
            }
        };
        let taken = rows.num_rows().min(wanted);
        self.gathered.push(rows.slice(0, taken));
        if taken == wanted {
            self.use_unit().await?;
        }
        Ok(taken)
    }

    /// Where the unit that holds the current row ends: on the grid, or where a kept one begins.
    fn end_of_unit(&self, kept: Option<u64>) -> u64 {
        let unit = self.stage.options.unit_rows.max(1) as u64;
        let grid = (self.at / unit + 1) * unit;
        kept.map_or(grid, |kept| kept.min(grid))
    }

    /// The gathered rows are those of the next kept unit: are its results the results of these rows?
    async fn use_unit(&mut self) -> Result<(), Stop> {
        let (Some(name), Some(ledger)) = (self.units.pop_front(), self.stage.ledger.clone()) else {
            return Ok(());
        };
        let unit = ledger.open(&name).await.map_err(DataFusionError::from)?;
        let mut content = Content::default();
        for rows in &self.gathered {
            content.add(&self.arguments(rows)?);
        }
        let digest = content.digest();
        // Rows that failed under earlier code may not fail any more.
        let is_usable = |unit: &Unit| {
            unit.arguments == digest && (unit.failures.is_empty() || !ledger.is_older(&name))
        };
        let Some(unit) = unit.filter(is_usable) else {
            return self.compute_gathered().await;
        };
        self.at = name.to;
        let gathered = std::mem::take(&mut self.gathered);
        let passing = gathered.iter().map(|rows| self.passing(rows)).collect::<Result<_, _>>()?;
        self.ways.send(Pending::Kept { name, unit: Box::new(unit), passing }).await
    }

    async fn compute_gathered(&mut self) -> Result<(), Stop> {
        for rows in std::mem::take(&mut self.gathered) {
            let mut from = 0;
            while from < rows.num_rows() {
                let end = self.end_of_unit(None);
                let taken = (rows.num_rows() - from).min(height(end - self.at));
                let ends = self.at + taken as u64 == end;
                self.compute(&rows.slice(from, taken), ends).await?;
                from += taken;
            }
        }
        Ok(())
    }

    /// Hands rows of one unit to the function, a few at a time.
    async fn compute(&mut self, rows: &RecordBatch, ends: bool) -> Result<(), Stop> {
        let all = self.arguments(rows)?;
        let prefetch = self.prefetch.as_ref();
        let wanted = prefetch.map(|prefetch| prefetch.wanted(&all)).unwrap_or_default();
        let mut from = 0;
        while from < rows.num_rows() {
            if let (None, Some(gate)) = (&self.permit, &self.gate) {
                self.permit = Arc::clone(gate).acquire_owned().await.ok();
            }
            let mut height = self.sizer.rows().min(rows.num_rows() - from);
            let mut files = None;
            if let Some(prefetch) = &mut self.prefetch {
                (height, files) = prefetch.begin(&wanted, from, height).await;
            }
            let (piece, arguments) = (rows.slice(from, height), all.slice(from, height));
            from += height;
            let is_last = ends && from == rows.num_rows();
            let ends = is_last.then(|| End { _permit: self.permit.take() });
            let (passing, arriving) = (self.passing(&piece)?, files.as_ref().map(Files::arriving));
            self.at += height as u64;
            let owed = Pending::Computed { passing, arguments: arguments.clone(), ends, files };
            self.ways.send(owed).await?;
            self.ways.call(arguments, arriving).await?;
        }
        Ok(())
    }

    fn passing(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        Ok(rows.project(&self.stage.kept)?)
    }

    fn arguments(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let mut fields = Vec::with_capacity(self.stage.arguments.len());
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.stage.arguments.len());
        for (at, argument) in self.stage.arguments.iter().enumerate() {
            let column = argument.evaluate(rows)?.into_array(rows.num_rows())?;
            let field = argument.return_field(rows.schema_ref())?;
            // Two arguments may read columns of one name: positions name them, nobody looks at the names.
            let field = field.as_ref().clone().with_name(at.to_string()).with_nullable(true);
            fields.push(field.with_data_type(column.data_type().clone()));
            columns.push(column);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options)?)
    }
}

/// Rows of a unit as rows of batches, of which there are never more than fit into memory.
fn height(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}
