//! A unit: the file that holds the results for some rows of arguments, and the one that tells which rows these are.
//!
//! The results are an Arrow IPC file of small batches, so that few rows are read without the others; or, where they take much
//! room, a file of [`columns`]. The keys, which every run reads, lie in a file of their own: with how many results there are
//! for each row, how these are cut into batches, and which rows failed.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{Schema, SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use lance_core::datatypes::Schema as LanceSchema;
use serde::{Deserialize, Serialize};
use udf_runtime::{FunctionFailure, RowFailure};

use super::columns::{self, Columns};
use super::keys::Key;
use super::ledger::short;
use crate::blocking::blocking;
use crate::error::refused;
use crate::storage::{Fetched, Staged};
use crate::{Error, Result};

const FACTS: &str = "lakebed.facts";
const KEY: &str = "key";
const RESULTS: &str = "results";
/// What a unit is in messages.
pub(super) const WHAT: &str = "kept results of a function";
/// What a batch of results should hold: who wants one row reads a batch.
const BATCH_BYTES: usize = 1 << 20;
/// How an Arrow IPC file begins.
const ARROW: &[u8] = b"ARROW1";

/// Which rows of arguments a unit has the results of.
#[derive(Debug, Default)]
pub(crate) struct UnitKeys {
    pub(crate) keys: Vec<Key>,
    /// Of each row how many results there are; none: each has one.
    pub(crate) results: Vec<u64>,
    pub(crate) facts: Facts,
}

/// What else is to be known of a unit.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// How many results each batch has.
    pub(crate) batches: Vec<u64>,
    /// The digest of what decides which rows fail.
    failing: String,
    /// Rows that failed, counted from the unit's first.
    failures: Vec<Failure>,
    /// Since when older results for the same rows do not count, for whoever computed these rows again asked for it.
    pub(crate) replaces: Option<u64>,
    /// The results are a file of columns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) columns: Option<ColumnFile>,
    /// What the rows were computed for: see [`Scope::of`].
    #[serde(skip)]
    pub(crate) of: Option<String>,
}

/// A file of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ColumnFile {
    pub(crate) bytes: u64,
    /// The numbers of its format. A version has files of one format.
    pub(crate) format: (u32, u32),
}

/// Which kept results count in a run; by default all.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// The version some of whose rows are to be computed again, or the unit of a stage: only what was computed for it counts.
    pub(crate) of: Option<Arc<str>>,
    /// Since when rows are computed again whose results are kept: these are replaced, and failures never count.
    pub(crate) again_since: Option<u64>,
}

impl Facts {
    pub(crate) fn new(failing: &str, failures: &[RowFailure], scope: &Scope) -> Self {
        let failures = failures.iter().map(Failure::from).collect();
        let (replaces, of) = (scope.again_since, scope.of.as_deref().map(str::to_owned));
        let failing = failing.to_owned();
        Self { batches: Vec::new(), failing, failures, replaces, columns: None, of }
    }

    /// Rows that failed; and whether rows would fail in the same way now.
    pub(crate) fn failures(&self, failing: &str) -> (Vec<RowFailure>, bool) {
        (self.failures.iter().cloned().map(RowFailure::from).collect(), self.failing == failing)
    }
}

/// The results of a unit.
pub(crate) enum Unit {
    /// In batches, of which one is read at a time.
    Batches(Arc<Mutex<Batches>>),
    Columns(Columns),
}

type Batches = FileReader<BufReader<Fetched>>;

impl Unit {
    /// The unit in a file, whose digest is known to be right.
    pub(super) async fn open(mut file: Fetched) -> Result<Self> {
        let begin = blocking(move || -> io::Result<_> {
            let mut begin = [0; ARROW.len()];
            file.read_exact(&mut begin)?;
            file.rewind()?;
            Ok((file, begin))
        });
        let (file, begin) = begin.await.map_err(|error| refused("read", WHAT, error))?;
        if begin != *ARROW {
            return Columns::open(file).await.map(Self::Columns);
        }
        let opened = blocking(move || batches(file)).await?;
        Ok(Self::Batches(Arc::new(Mutex::new(opened))))
    }

    /// A batch of the results, which are these.
    pub(super) async fn batch(&self, number: u32, results: Range<u64>) -> Result<RecordBatch> {
        let batches = match self {
            Self::Batches(batches) => Arc::clone(batches),
            Self::Columns(columns) => return columns.rows(results).await,
        };
        blocking(move || {
            let mut batches = batches.lock().unwrap_or_else(PoisonError::into_inner);
            batches.set_index(number as usize).map_err(unreadable)?;
            let batch = batches.next().transpose().map_err(unreadable)?;
            batch.ok_or_else(|| unreadable("it has fewer batches"))
        })
        .await
    }
}

/// The batches in a file. Blocks.
pub(super) fn batches(file: Fetched) -> Result<Batches> {
    FileReader::try_new_buffered(file, None).map_err(unreadable)
}

/// All of them, if the digest of the file begins like this. Blocks.
pub(super) fn all_batches(file: Fetched, check: &str) -> Result<Option<Vec<RecordBatch>>> {
    let Some(file) = checked(file, check)? else { return Ok(None) };
    batches(file)?.collect::<Result<_, _>>().map(Some).map_err(unreadable)
}

/// The file, from its beginning, if its digest begins like this.
pub(super) fn checked(mut file: Fetched, check: &str) -> Result<Option<Fetched>> {
    let failed = |error| refused("read", WHAT, error);
    let mut digest = blake3::Hasher::new();
    digest.update_reader(&mut file).map_err(failed)?;
    if short(digest.finalize().to_hex().as_str()) != check {
        return Ok(None);
    }
    file.rewind().map_err(failed)?;
    Ok(Some(file))
}

/// Results that nobody can see yet.
pub(crate) struct UnitWriter {
    file: FileWriter<Digested>,
    batches: Vec<u64>,
    waiting: Vec<RecordBatch>,
    bytes: usize,
}

/// A file and the digest of what was written to it.
pub(super) struct Digested {
    file: BufWriter<Staged>,
    digest: blake3::Hasher,
}

impl Digested {
    pub(super) fn new(file: Staged) -> Self {
        Self { file: BufWriter::new(file), digest: blake3::Hasher::new() }
    }

    /// The file and its digest.
    pub(super) fn finish(self) -> Result<(Staged, String)> {
        let file = self.file.into_inner().map_err(|error| unwritable(error.into_error().into()))?;
        Ok((file, short(self.digest.finalize().to_hex().as_str())))
    }
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl UnitWriter {
    pub(super) fn try_new(file: Staged, schema: &SchemaRef) -> Result<Self> {
        let file = FileWriter::try_new(Digested::new(file), schema).map_err(unwritable)?;
        Ok(Self { file, batches: Vec::new(), waiting: Vec::new(), bytes: 0 })
    }

    /// Adds results, which have so many bytes. Blocks.
    pub(crate) fn add(&mut self, rows: &RecordBatch, bytes: usize) -> Result<()> {
        let (pieces, height) = pieces(rows, bytes);
        let mut from = 0;
        while from < rows.num_rows() {
            let taken = height.min(rows.num_rows() - from);
            self.waiting.push(rows.slice(from, taken));
            self.bytes += bytes / pieces;
            from += taken;
            if self.bytes >= BATCH_BYTES {
                self.write()?;
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let Some(first) = waiting.first() else {
            return Ok(());
        };
        let batch = concat_batches(first.schema_ref(), &waiting).map_err(unwritable)?;
        self.batches.push(batch.num_rows() as u64);
        self.file.write(&batch).map_err(unwritable)
    }

    /// The whole file, which nobody can see yet, its digest, and how many results each of its batches has.
    pub(super) fn finish(mut self) -> Result<(Staged, String, Vec<u64>)> {
        self.write()?;
        self.file.finish().map_err(unwritable)?;
        let (file, check) = self.file.into_inner().map_err(unwritable)?.finish()?;
        Ok((file, check, self.batches))
    }
}

/// How many pieces rows are cut into, and how many rows each has.
fn pieces(rows: &RecordBatch, bytes: usize) -> (usize, usize) {
    let pieces = bytes.div_ceil(BATCH_BYTES).clamp(1, rows.num_rows().max(1));
    (pieces, rows.num_rows().div_ceil(pieces).max(1))
}

/// How rows with so many bytes are cut into batches, as [`UnitWriter::add`] cuts them.
fn heights(all: &[(RecordBatch, usize)]) -> Vec<u64> {
    let (mut heights, mut waiting, mut bytes) = (Vec::new(), 0, 0);
    for (rows, bytes_of_rows) in all {
        let (pieces, height) = pieces(rows, *bytes_of_rows);
        for from in (0..rows.num_rows()).step_by(height) {
            waiting += height.min(rows.num_rows() - from) as u64;
            bytes += bytes_of_rows / pieces;
            if bytes >= BATCH_BYTES {
                heights.push(std::mem::take(&mut waiting));
                bytes = 0;
            }
        }
    }
    heights.extend((waiting > 0).then_some(waiting));
    heights
}

/// Results that are complete.
pub(crate) enum Results {
    /// In a file already.
    Written(Box<UnitWriter>),
    /// In memory, with what each batch takes.
    Columns(Vec<(RecordBatch, usize)>, LanceSchema),
}

impl From<UnitWriter> for Results {
    fn from(unit: UnitWriter) -> Self {
        Self::Written(Box::new(unit))
    }
}

impl Results {
    /// These results, which have so many bytes, as a file of columns; `None` where that does not pay.
    pub(crate) fn columns(schema: &Schema, rows: &[(RecordBatch, usize)]) -> Option<Self> {
        let bytes: usize = rows.iter().map(|(_, bytes)| bytes).sum();
        if bytes < columns::WORTH_BYTES {
            return None;
        }
        columns::numbered(schema).map(|schema| Self::Columns(rows.to_vec(), schema))
    }

    /// The whole file, which nobody can see yet, and its digest. Blocks.
    pub(super) fn finish(
        self,
        file: impl FnOnce() -> Result<Staged>,
        facts: &mut Facts,
    ) -> Result<(Staged, String)> {
        match self {
            Self::Written(unit) => {
                let (file, check, batches) = unit.finish()?;
                facts.batches = batches;
                Ok((file, check))
            }
            Self::Columns(rows, schema) => {
                facts.batches = heights(&rows);
                let rows: Vec<_> = rows.into_iter().map(|(rows, _)| rows).collect();
                let (file, columns, check) = columns::write(file()?, &schema, &rows)?;
                facts.columns = Some(columns);
                Ok((file, check))
            }
        }
    }
}

impl UnitKeys {
    /// The keys as a file that nobody can see yet, and its digest. Blocks.
    pub(super) fn write(&self, file: Staged) -> Result<(Staged, String)> {
        let bytes = self.keys.iter().map(|key| key.to_be_bytes());
        let keys = FixedSizeBinaryArray::try_from_iter(bytes).map_err(unwritable)?;
        let mut columns: Vec<(&str, ArrayRef)> = vec![(KEY, Arc::new(keys))];
        if !self.results.is_empty() {
            columns.push((RESULTS, Arc::new(UInt64Array::from(self.results.clone()))));
        }
        let batch = RecordBatch::try_from_iter(columns).map_err(unwritable)?;
        let mut writer = UnitWriter::try_new(file, &batch.schema())?;
        writer.waiting.push(batch);
        let facts = serde_json::to_string(&self.facts)
            .map_err(|error| unwritable(ArrowError::from_external_error(Box::new(error))))?;
        writer.file.write_metadata(FACTS, facts);
        writer.finish().map(|(file, check, _)| (file, check))
    }

    /// The keys in a file; `None` when it is damaged. Blocks.
    pub(super) fn read(file: Fetched, check: &str) -> Result<Option<Self>> {
        let Some(file) = checked(file, check)? else {
            return Ok(None);
        };
        let rows = FileReader::try_new_buffered(file, None).map_err(unreadable)?;
        let facts = rows.custom_metadata().get(FACTS).cloned().unwrap_or_default();
        let facts = serde_json::from_str(&facts).map_err(unreadable)?;
        let mut read = Self { facts, ..Self::default() };
        for batch in rows {
            let batch = batch.map_err(unreadable)?;
            let keys = batch.column_by_name(KEY).and_then(|keys| keys.as_fixed_size_binary_opt());
            let keys = keys.ok_or_else(|| unreadable("it has no keys"))?;
            let (keys, _) = keys.value_data().as_chunks();
            read.keys.extend(keys.iter().map(|key| Key::from_be_bytes(*key)));
            if let Some(results) = batch.column_by_name(RESULTS) {
                read.results.extend_from_slice(results.as_primitive::<UInt64Type>().values());
            }
        }
        Ok(Some(read))
    }
}

pub(super) fn unreadable(error: impl fmt::Display) -> Error {
    Error::internal(format!("{WHAT} cannot be read: {error}"))
}

fn unwritable(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => refused("write", WHAT, error),
        error => Error::internal(format!("{WHAT} cannot be kept: {error}")),
    }
}

/// A failure as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Failure {
    row: Option<usize>,
    attempts: u32,
    kind: String,
    message: String,
    arguments: Option<String>,
    traceback: Option<String>,
}

impl From<&RowFailure> for Failure {
    fn from(one: &RowFailure) -> Self {
        let FunctionFailure { row, kind, message, arguments, traceback, .. } = one.failure.clone();
        Self { row, attempts: one.attempts, kind, message, arguments, traceback }
    }
}

impl From<Failure> for RowFailure {
    fn from(stored: Failure) -> Self {
        let Failure { row, attempts, kind, message, arguments, traceback } = stored;
        let failure =
            FunctionFailure { row, arguments, traceback, ..FunctionFailure::new(kind, message) };
        Self { attempts, failure }
    }
}
