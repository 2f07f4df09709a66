//! [`Feeder`]: looks for results of the input's rows and has the other rows computed.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::batch_sizer::BatchSizer;
use super::prefetch::{Arriving, Files, Prefetch, Wanted};
use super::room::Room;
use super::verify::Sample;
use super::{Call, End, Keeping, Owed, Pending, Piece, Run, UdfStage};
use crate::checkpoint::{Finder, Key, Place};
use crate::progress::StageProgress;

pub(super) struct Feeder {
    stage: Arc<UdfStage>,
    watch: Arc<StageProgress>,
    /// What is at hand, and how it is found; `None` where nothing is kept.
    kept: Option<(Keeping, Finder)>,
    /// Units that may be open at once: one for each worker, so that no more is lost. No limit where nothing is kept.
    gate: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
    /// Rows that the open unit still gets.
    left: usize,
    ways: Ways,
    room: Room,
    prefetch: Option<Prefetch>,
    sizer: Arc<BatchSizer>,
    /// Rows that are computed although there are results.
    sample: Sample,
}

/// The rows of a batch of the input.
struct Rows {
    passing: RecordBatch,
    /// Where results were found; none: no row has any.
    places: Vec<Option<Place>>,
    /// Rows that are to be computed, and their arguments and keys.
    missing: Vec<u32>,
    arguments: RecordBatch,
    keys: Vec<Key>,
    /// The files that these are about.
    wanted: Wanted,
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
        kept: Option<(Keeping, Finder)>,
        ways: Ways,
        prefetch: Option<Prefetch>,
        sizer: Arc<BatchSizer>,
    ) -> Self {
        let options = &run.stage.options;
        let left = options.unit_rows.max(1);
        let ahead = (2 * options.concurrency).div_ceil(left).max(1);
        let open = options.parallel.unwrap_or(1) * ahead;
        let gate = kept.as_ref().map(|_| Arc::new(Semaphore::new(open)));
        let (stage, watch) = (Arc::clone(&run.stage), Arc::clone(&run.watch));
        let sample = Sample::new(options.verify);
        let room = Room::new(run.memory, &run.pool);
        Self { stage, watch, kept, gate, permit: None, left, ways, room, prefetch, sizer, sample }
    }

    /// Feeds all rows; rows whose kept results are to be looked at, if somebody wants all rows.
    pub(super) async fn run(mut self, input: SendableRecordBatchStream) -> Result<Option<Sample>> {
        match self.feed(input).await {
            Ok(()) => Ok(Some(self.sample)),
            Err(Stop::Gone) => Ok(None),
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
            if batch.num_rows() > 0 {
                let rows = self.looked_up(&batch).await?;
                self.hand_over(rows).await?;
            }
        }
        let end = End { _permit: self.permit.take() };
        self.ways.send(Pending::End(end)).await
    }

    /// The rows of a batch, and for which of them there are results.
    async fn looked_up(&mut self, batch: &RecordBatch) -> Result<Rows> {
        let passing = batch.project(&self.stage.kept)?;
        let mut arguments = self.stage.arguments_of(batch)?;
        let (mut keys, mut places) = (Vec::new(), Vec::new());
        if let Some((keeping, finder)) = &mut self.kept {
            keys = keeping.keys.of(&arguments)?;
            places = finder.find(&keys).await.map_err(DataFusionError::from)?;
            if self.stage.options.verify > 0 {
                self.sample.look(&arguments, &places, finder)?;
            }
        }
        let height = u32::try_from(batch.num_rows()).unwrap_or(u32::MAX);
        let mut missing: Vec<u32> = (0..height).collect();
        if places.iter().all(Option::is_none) {
            places = Vec::new();
        } else {
            missing.retain(|row| places[*row as usize].is_none());
            keys = missing.iter().map(|row| keys[*row as usize]).collect();
            // A function may take no arguments.
            arguments = match missing.is_empty() || arguments.num_columns() == 0 {
                true => arguments.slice(0, missing.len()),
                false => take_record_batch(&arguments, &UInt32Array::from(missing.clone()))?,
            };
        }
        let prefetch = self.prefetch.as_ref();
        let wanted = prefetch.map(|prefetch| prefetch.wanted(&arguments)).unwrap_or_default();
        Ok(Rows { passing, places, missing, arguments, keys, wanted })
    }

    /// Hands rows to the function, a few at a time; those between them whose results were found go along.
    async fn hand_over(&mut self, rows: Rows) -> Result<(), Stop> {
        let height = rows.passing.num_rows();
        let (mut from, mut at) = (0, 0);
        while at < rows.missing.len() {
            if let (None, Some(gate)) = (&self.permit, &self.gate) {
                self.permit = Arc::clone(gate).acquire_owned().await.ok();
            }
            let mut count = self.sizer.rows().min(rows.missing.len() - at).min(self.left);
            let mut files = None;
            if let Some(prefetch) = &mut self.prefetch {
                (count, files) = prefetch.begin(&rows.wanted, at, count).await;
            }
            // The next piece begins with the next row that is computed, or this is the last one.
            let to = rows.missing.get(at + count).map_or(height, |row| *row as usize);
            self.left -= count;
            let ends = (self.left == 0).then(|| End { _permit: self.permit.take() });
            if self.left == 0 {
                self.left = self.stage.options.unit_rows.max(1);
            }
            let arguments = rows.arguments.slice(at, count);
            let arriving = files.as_ref().map(Files::arriving);
            let owed = Owed {
                missing: rows.missing[at..at + count].iter().map(|row| row - index(from)).collect(),
                keys: rows.keys.get(at..at + count).map(<[Key]>::to_vec).unwrap_or_default(),
                arguments: arguments.clone(),
                ends,
                files,
            };
            let piece = rows.piece(from, to, Some(owed), &self.room).await;
            self.ways.send(Pending::Piece(Box::new(piece))).await?;
            self.ways.call(arguments, arriving).await?;
            (from, at) = (to, at + count);
        }
        if from < height {
            let piece = rows.piece(from, height, None, &self.room).await;
            self.ways.send(Pending::Piece(Box::new(piece))).await?;
        }
        Ok(())
    }
}

impl Rows {
    /// Some of the rows, once there is room for them.
    async fn piece(&self, from: usize, to: usize, owed: Option<Owed>, room: &Room) -> Piece {
        let places = self.places.get(from..to).map(<[_]>::to_vec).unwrap_or_default();
        let passing = self.passing.slice(from, to - from);
        let arguments =
            owed.as_ref().map_or_else(|| self.arguments.slice(0, 0), |owed| owed.arguments.clone());
        let held = room.take([&passing, &arguments]).await;
        Piece { passing, places, owed, _held: held }
    }
}

fn index(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}
