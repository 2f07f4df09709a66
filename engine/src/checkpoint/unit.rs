//! [`Unit`]: the file that holds the results for a range of input rows, read and written piece by piece.
//!
//! An Arrow IPC file of the results, with the digest of the arguments and the failures in its footer.

use std::fmt;
use std::io::{self, BufReader, BufWriter, Seek, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use serde::{Deserialize, Serialize};
use udf_runtime::{FunctionFailure, RowFailure};

use super::ledger::short;
use crate::error::refused;
use crate::storage::{Fetched, Staged};
use crate::{Error, Result};

const ARGUMENTS: &str = "lakebed.arguments";
const FAILURES: &str = "lakebed.failures";
/// What a unit is in messages.
const WHAT: &str = "the results of a stage";
/// So much of a unit is in memory at once.
const READ_BYTES: usize = 16 << 20;

/// The results for a range of input rows.
pub(crate) struct Unit {
    /// The digest of the arguments that they were computed from.
    pub(crate) arguments: String,
    /// Input rows that failed, counted from the unit's first.
    pub(crate) failures: Vec<RowFailure>,
    rows: FileReader<BufReader<Fetched>>,
}

impl Unit {
    /// The unit in a file whose digest begins like this; `None` when it is damaged. Blocks.
    pub(super) fn open(mut file: Fetched, check: &str) -> Result<Option<Self>> {
        let failed = |error| refused("read", WHAT, error);
        let mut digest = blake3::Hasher::new();
        digest.update_reader(&mut file).map_err(failed)?;
        if short(digest.finalize().to_hex().as_str()) != check {
            return Ok(None);
        }
        file.rewind().map_err(failed)?;
        let rows = FileReader::try_new_buffered(file, None).map_err(unreadable)?;
        let told = |key| rows.custom_metadata().get(key).cloned().unwrap_or_default();
        let failures: Vec<Failure> = serde_json::from_str(&told(FAILURES)).map_err(unreadable)?;
        let failures = failures.into_iter().map(RowFailure::from).collect();
        Ok(Some(Self { arguments: told(ARGUMENTS), failures, rows }))
    }

    /// The next results, as many as should be in memory at once; empty at the end. With the origins as the last column
    /// when there is not one for each input row.
    pub(crate) fn next_rows(&mut self) -> Result<Vec<RecordBatch>> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        while bytes < READ_BYTES
            && let Some(batch) = self.rows.next()
        {
            let batch = batch.map_err(unreadable)?;
            bytes += batch.get_array_memory_size();
            some.push(batch);
        }
        Ok(some)
    }
}

/// A unit that nobody can see yet.
pub(crate) struct UnitWriter(FileWriter<Digested>);

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
        FileWriter::try_new(file, schema).map(Self).map_err(unwritable)
    }

    /// Adds results, with the origins as the last column when there is not one for each input row.
    pub(crate) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        self.0.write(rows).map_err(unwritable)
    }

    /// The whole file, which nobody can see yet, and its digest.
    pub(super) fn finish(
        mut self,
        arguments: String,
        failures: &[RowFailure],
    ) -> Result<(Staged, String)> {
        let failures: Vec<Failure> = failures.iter().map(Failure::from).collect();
        self.0.write_metadata(ARGUMENTS, arguments);
        let failures = serde_json::to_string(&failures)
            .map_err(|error| unwritable(ArrowError::from_external_error(Box::new(error))))?;
        self.0.write_metadata(FAILURES, failures);
        self.0.finish().map_err(unwritable)?;
        let Digested { file, digest } = self.0.into_inner().map_err(unwritable)?;
        let file = file.into_inner().map_err(|error| unwritable(error.into_error().into()))?;
        Ok((file, short(digest.finalize().to_hex().as_str())))
    }
}

fn unreadable(error: impl fmt::Display) -> Error {
    Error::internal(format!("the kept results of a stage cannot be read: {error}"))
}

fn unwritable(error: ArrowError) -> Error {
    match error {
        ArrowError::IoError(_, error) => refused("write", WHAT, error),
        error => Error::internal(format!("{WHAT} cannot be kept: {error}")),
    }
}

/// A failure as it is stored.
#[derive(Serialize, Deserialize)]
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
