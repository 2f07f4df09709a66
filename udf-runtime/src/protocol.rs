//! What a session and its workers say to each other.
//!
//! A worker says [`Reply::Hello`] first. Then it is asked ([`Request`]): functions are loaded under a number of the
//! session's choice, called, and unloaded. Each call is answered or fails, in the order of the calls.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use serde::{Deserialize, Serialize};

use crate::transport::{self, Frame, garbled};
use crate::{Answer, FunctionFailure, RowFailure, Spent};

#[cfg(test)]
mod tests;

/// Raised whenever a message changes its meaning.
pub(crate) const PROTOCOL: u64 = 3;

// Kinds of frames: no byte of a text, so that printed output is never mistaken for one.
const LOAD: u8 = 0xA1;
const UNLOAD: u8 = 0xA2;
const CALL: u8 = 0xA3;
const BYE: u8 = 0xA4;
const TEAR_DOWN: u8 = 0xA5;
const CONFIGURE: u8 = 0xA6;
const HELLO: u8 = 0xB1;
const ROWS: u8 = 0xB2;
const ANSWERED: u8 = 0xB3;
const FAILED: u8 = 0xB4;
const TORN_DOWN: u8 = 0xB5;

/// From the session to a worker.
#[derive(Debug)]
pub(crate) enum Request {
    /// Take what the session wants all workers to know.
    Configure { setup: Quiet },
    /// Make a function of these bytes.
    Load { function: u64, blob: Vec<u8> },
    /// Tear a function down, say what came of it, and keep it: it is set up again when it is called again.
    TearDown { function: u64 },
    /// Tear a function down and forget it.
    Unload { function: u64 },
    /// Compute a batch.
    Call { sequence: u64, callee: Callee, arguments: RecordBatch },
    /// Tear all functions down and end.
    Bye,
}

/// Bytes that may hold secrets.
#[derive(Clone, Default)]
pub(crate) struct Quiet(pub(crate) Vec<u8>);

impl fmt::Debug for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Quiet").finish_non_exhaustive()
    }
}

/// Which function is called, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Callee {
    pub(crate) function: u64,
    /// Whether the worker tells each row before it computes it, or one now and then.
    pub(crate) pulses: bool,
}

/// From a worker to the session.
#[derive(Debug)]
pub(crate) enum Reply {
    /// The worker is up and speaks this protocol.
    Hello { protocol: u64 },
    /// The rows of a call that are computed now.
    Rows { sequence: u64, rows: Range<usize> },
    /// A call's results, or a part of them.
    Answered { sequence: u64, answer: Answer },
    /// A call's failure; the calls behind it are not answered.
    Failed { sequence: u64, failure: FunctionFailure },
    /// What came of a tear-down.
    TornDown { failure: Option<FunctionFailure> },
}

impl Request {
    pub(crate) fn into_frame(self) -> io::Result<Frame> {
        Ok(match self {
            Self::Configure { setup } => {
                Frame { kind: CONFIGURE, body: setup.0, ..Frame::default() }
            }
            Self::Load { function, blob } => {
                Frame { kind: LOAD, number: function, body: blob, ..Frame::default() }
            }
            Self::TearDown { function } => {
                Frame { kind: TEAR_DOWN, number: function, ..Frame::default() }
            }
            Self::Unload { function } => {
                Frame { kind: UNLOAD, number: function, ..Frame::default() }
            }
            Self::Call { sequence, callee, arguments } => Frame {
                kind: CALL,
                number: sequence,
                head: serde_json::to_vec(&callee)?,
                body: transport::encode(&arguments).map_err(garbled)?,
            },
            Self::Bye => Frame { kind: BYE, ..Frame::default() },
        })
    }

    pub(crate) fn from_frame(frame: Frame) -> io::Result<Self> {
        Ok(match frame.kind {
            CONFIGURE => Self::Configure { setup: Quiet(frame.body) },
            LOAD => Self::Load { function: frame.number, blob: frame.body },
            TEAR_DOWN => Self::TearDown { function: frame.number },
            UNLOAD => Self::Unload { function: frame.number },
            CALL => Self::Call {
                sequence: frame.number,
                callee: serde_json::from_slice(&frame.head)?,
                arguments: transport::decode(frame.body).map_err(garbled)?,
            },
            BYE => Self::Bye,
            kind => return Err(garbled(format!("a request of the unknown kind {kind}"))),
        })
    }
}

impl Reply {
    pub(crate) fn into_frame(self) -> io::Result<Frame> {
        Ok(match self {
            Self::Hello { protocol } => Frame { kind: HELLO, number: protocol, ..Frame::default() },
            Self::Rows { sequence, rows } => Frame {
                kind: ROWS,
                number: sequence,
                head: [rows.start, rows.end].map(|row| (row as u64).to_le_bytes()).concat(),
                body: Vec::new(),
            },
            Self::Answered { sequence, answer } => answered(sequence, answer)?,
            Self::Failed { sequence, failure } => Frame {
                kind: FAILED,
                number: sequence,
                head: serde_json::to_vec(&Failure::from(failure))?,
                body: Vec::new(),
            },
            Self::TornDown { failure } => Frame {
                kind: TORN_DOWN,
                head: serde_json::to_vec(&failure.map(Failure::from))?,
                ..Frame::default()
            },
        })
    }

    pub(crate) fn from_frame(frame: Frame) -> io::Result<Self> {
        let sequence = frame.number;
        Ok(match frame.kind {
            HELLO => Self::Hello { protocol: frame.number },
            ROWS => {
                let (start, end) = frame.head.split_at_checked(8).ok_or_else(no_rows)?;
                Self::Rows { sequence, rows: row(start)?..row(end)? }
            }
            ANSWERED => Self::Answered { sequence, answer: answer(&frame.head, frame.body)? },
            FAILED => {
                let failure: Failure = serde_json::from_slice(&frame.head)?;
                Self::Failed { sequence, failure: failure.into() }
            }
            TORN_DOWN => {
                let failure: Option<Failure> = serde_json::from_slice(&frame.head)?;
                Self::TornDown { failure: failure.map(FunctionFailure::from) }
            }
            kind => return Err(garbled(format!("a message of the unknown kind {kind}"))),
        })
    }
}

fn row(bytes: &[u8]) -> io::Result<usize> {
    let bytes = bytes.try_into().map_err(|_bytes| no_rows())?;
    usize::try_from(u64::from_le_bytes(bytes)).map_err(garbled)
}

fn no_rows() -> io::Error {
    garbled("rows without their numbers")
}

/// An answer without its rows.
#[derive(Debug, Serialize, Deserialize)]
struct AnswerHead {
    /// Whether the last column is not a result but tells where the rows came from.
    origins: bool,
    failures: Vec<(u32, Failure)>,
    converting: Duration,
    calling: Duration,
}

/// A failure without what does not leave its process.
#[derive(Debug, Serialize, Deserialize)]
struct Failure {
    kind: String,
    message: String,
    row: Option<usize>,
    arguments: Option<String>,
    traceback: Option<String>,
    copied: Option<Vec<u8>>,
}

impl From<FunctionFailure> for Failure {
    fn from(failure: FunctionFailure) -> Self {
        let FunctionFailure { kind, message, row, arguments, traceback, cause: _, copied } =
            failure;
        Self { kind, message, row, arguments, traceback, copied }
    }
}

impl From<Failure> for FunctionFailure {
    fn from(failure: Failure) -> Self {
        let Failure { kind, message, row, arguments, traceback, copied } = failure;
        Self { kind, message, row, arguments, traceback, cause: None, copied }
    }
}

fn answered(sequence: u64, answer: Answer) -> io::Result<Frame> {
    let Answer { rows, origins, failures, spent, more: _ } = answer;
    let failures = failures.into_iter().map(|row| (row.attempts, row.failure.into())).collect();
    let Spent { converting, calling } = spent;
    let head = AnswerHead { origins: origins.is_some(), failures, converting, calling };
    let rows = origins.map_or_else(|| Ok(rows.clone()), |origins| with_origins(&rows, origins))?;
    Ok(Frame {
        kind: ANSWERED,
        number: sequence,
        head: serde_json::to_vec(&head)?,
        body: transport::encode(&rows).map_err(garbled)?,
    })
}

fn answer(head: &[u8], body: Vec<u8>) -> io::Result<Answer> {
    let head: AnswerHead = serde_json::from_slice(head)?;
    let rows = transport::decode(body).map_err(garbled)?;
    let (rows, origins) = if head.origins { without_origins(rows)? } else { (rows, None) };
    let failures = head.failures.into_iter();
    Ok(Answer {
        rows,
        origins,
        failures: failures
            .map(|(attempts, failure)| RowFailure { attempts, failure: failure.into() })
            .collect(),
        spent: Spent { converting: head.converting, calling: head.calling },
        more: false,
    })
}

fn with_origins(rows: &RecordBatch, origins: UInt32Array) -> io::Result<RecordBatch> {
    let field = Field::new("origins", DataType::UInt32, origins.is_nullable());
    let fields = rows.schema_ref().fields().iter().cloned().chain([field.into()]);
    let schema = Schema::new(fields.collect::<Vec<_>>());
    let origins: ArrayRef = Arc::new(origins);
    let columns = rows.columns().iter().cloned().chain([origins]).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(schema.into(), columns, &options).map_err(garbled)
}

fn without_origins(mut rows: RecordBatch) -> io::Result<(RecordBatch, Option<UInt32Array>)> {
    let last = rows.num_columns().checked_sub(1).ok_or_else(|| garbled("no origins"))?;
    let column = rows.remove_column(last);
    let origins = column.as_any().downcast_ref::<UInt32Array>().cloned();
    origins.map(|origins| (rows, Some(origins))).ok_or_else(|| garbled("origins of another type"))
}
