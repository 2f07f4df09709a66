//! A unit: the file that holds the results for some rows of arguments, and the one that tells which rows these are.
//!
//! The results are an Arrow IPC file of small batches, so that few rows are read without the others. The keys, which every
//! run reads, lie in a file of their own: with how many results there are for each row, how these are cut into batches, and
//! which rows failed.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Seek, Write};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, FixedSizeBinaryArray, RecordBatch, UInt64Array};
use arrow::compute::concat_batches;
use arrow::datatypes::{SchemaRef, UInt64Type};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use serde::{Deserialize, Serialize};
use udf_runtime::{FunctionFailure, RowFailure};

use super::keys::Key;
use super::ledger::short;
use crate::error::refused;
use crate::storage::{Fetched, Staged};
use crate::{Error, Result};

const FACTS: &str = "lakebed.facts";
const KEY: &str = "key";
const RESULTS: &str = "results";
/// What a unit is in messages.
const WHAT: &str = "kept results of a function";
/// What a batch of results should hold: who wants one row reads a batch.
const BATCH_BYTES: usize = 1 << 20;

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
    /// What the rows were computed for: see [`Scope::of`].
    #[serde(skip)]
    pub(crate) of: Option<String>,
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
        Self { batches: Vec::new(), failing: failing.to_owned(), failures, replaces, of }
    }

    /// Rows that failed; and whether rows would fail in the same way now.
    pub(crate) fn failures(&self, failing: &str) -> (Vec<RowFailure>, bool) {
        (self.failures.iter().cloned().map(RowFailure::from).collect(), self.failing == failing)
    }
}

/// The results of a unit.
pub(crate) struct Unit(FileReader<BufReader<Fetched>>);

impl Unit {
    /// The unit in a file, whose digest is known to be right. Blocks.
    pub(super) fn open(file: Fetched) -> Result<Self> {
        FileReader::try_new_buffered(file, None).map(Self).map_err(unreadable)
    }

    /// The same, if the digest of the file begins like this. Blocks.
    pub(super) fn checked(file: Fetched, check: &str) -> Result<Option<Self>> {
        checked(file, check)?.map(Self::open).transpose()
    }

    /// A batch of the results. Blocks.
    pub(crate) fn batch(&mut self, number: usize) -> Result<RecordBatch> {
        self.0.set_index(number).map_err(unreadable)?;
        let batch = self.0.next().transpose().map_err(unreadable)?;
        batch.ok_or_else(|| unreadable("it has fewer batches"))
    }

    /// All of them. Blocks.
    pub(super) fn batches(self) -> Result<Vec<RecordBatch>> {
        self.0.collect::<Result<_, _>>().map_err(unreadable)
    }
}

/// The file, from its beginning, if its digest begins like this.
fn checked(mut file: Fetched, check: &str) -> Result<Option<Fetched>> {
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
struct Digested {
    file: BufWriter<Staged>,
    digest: blake3::Hasher,
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
        let file = Digested { file: BufWriter::new(file), digest: blake3::Hasher::new() };
        let file = FileWriter::try_new(file, schema).map_err(unwritable)?;
        Ok(Self { file, batches: Vec::new(), waiting: Vec::new(), bytes: 0 })
    }

    /// Adds results, which have so many bytes. Blocks.
    pub(crate) fn add(&mut self, rows: &RecordBatch, bytes: usize) -> Result<()> {
        let pieces = bytes.div_ceil(BATCH_BYTES).clamp(1, rows.num_rows().max(1));
        let height = rows.num_rows().div_ceil(pieces).max(1);
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
        let Digested { file, digest } = self.file.into_inner().map_err(unwritable)?;
        let file = file.into_inner().map_err(|error| unwritable(error.into_error().into()))?;
        Ok((file, short(digest.finalize().to_hex().as_str()), self.batches))
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
