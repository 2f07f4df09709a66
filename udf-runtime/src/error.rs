//! The crate's one [`Error`]: what can go wrong while functions run.

use crate::FunctionFailure;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong while a user function runs, split by whose fault it is.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The user's function raised.
    #[error("function `{name}` failed: {failure}")]
    Function {
        /// The stage's name.
        name: String,
        /// What was raised, and for which row.
        failure: Box<FunctionFailure>,
    },
    /// The stream of arguments failed before the function was called.
    #[error("the input of a function could not be read")]
    Input {
        /// The reader's error, untouched.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The function answered with a batch of the wrong height.
    #[error(
        "function `{name}` returned {returned} rows for {given}: a map returns one row for each"
    )]
    RowCount {
        /// The stage's name.
        name: String,
        /// Rows handed to the function.
        given: usize,
        /// Rows that came back.
        returned: usize,
    },
    /// More rows failed than may.
    #[error("function `{name}` failed for more than {most} rows; the last one: {last}")]
    TooManyFailures {
        /// The stage's name.
        name: String,
        /// How many rows may fail.
        most: u64,
        /// The failure that was one too many.
        last: Box<FunctionFailure>,
    },
    /// The thread that runs the function is gone without a word; a bug of ours or a crash in native code.
    #[error("the thread of function `{name}` stopped without a result")]
    Stopped {
        /// The stage's name.
        name: String,
    },
    /// A worker process did not come up.
    #[error("the worker process could not start: `{program}` {source}")]
    WorkerStart {
        /// The program that was started.
        program: String,
        /// What it did instead, or the system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The system refused a thread.
    #[error("no thread could be started for function `{name}`")]
    Spawn {
        /// The stage's name.
        name: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Stable identifier for programs; never reworded once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Function { .. } => "udf.function_failed",
            Self::Input { .. } => "udf.input_failed",
            Self::RowCount { .. } => "udf.row_count",
            Self::TooManyFailures { .. } => "udf.too_many_failures",
            Self::Stopped { .. } => "udf.stopped",
            Self::WorkerStart { .. } => "udf.worker_start_failed",
            Self::Spawn { .. } => "udf.spawn_failed",
        }
    }

    /// Whether the same call may succeed when it is repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Stopped { .. } | Self::Spawn { .. })
    }
}
