//! The crate's one [`Error`], and its classes in PostgreSQL's words.

use std::io;

use arrow_flight::error::FlightError;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a server does not start, or a statement does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// What was asked for.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// Options that do not fit.
    #[error("{what}")]
    Options {
        /// What is wrong, and what would be right.
        what: String,
    },
    /// A statement that this place does not take.
    #[error("{what}")]
    Refused {
        /// PostgreSQL's code for it.
        state: &'static str,
        /// What it is, and what would be right.
        what: String,
    },
    /// The text is no query over the datasets.
    #[error(transparent)]
    Sql(#[from] sql::Error),
    /// What the engine or the catalog failed with.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A query of `pg_catalog`, or values of parameters, that do not fit.
    #[error("invalid query: {}", .0.strip_backtrace())]
    Query(#[from] DataFusionError),
    /// Rows that the protocol has no form for.
    #[error("these rows cannot be sent: {0}")]
    Rows(#[from] ArrowError),
}

impl Error {
    /// Stable identifier for programs; never reworded once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Listen { .. } => "server.listen",
            Self::Options { .. } => "server.options",
            Self::Refused { .. } => "server.refused",
            Self::Sql(error) => error.code(),
            Self::Engine(error) => error.code(),
            Self::Query(_) => "server.query",
            Self::Rows(_) => "server.rows",
        }
    }

    pub(crate) fn refused(state: &'static str, what: impl Into<String>) -> Self {
        Self::Refused { state, what: what.into() }
    }

    /// `SQLSTATE`, by which drivers choose the class of their exception.
    pub(crate) fn state(&self) -> &'static str {
        if let Self::Refused { state, .. } = self {
            return state;
        }
        match self.code() {
            "sql.syntax" => "42601",
            // "`t` exists", of a dataset or a view that is made.
            "sql.plan" if self.to_string().contains("` exists") => "42P07",
            "sql.plan" | "engine.unknown_column" if self.to_string().contains("column") => "42703",
            "sql.plan" | "server.query" | "engine.invalid_expression" => "42000",
            "sql.not_supported" | "engine.not_supported" => "0A000",
            "engine.value" | "engine.invalid_argument" => "22000",
            "engine.out_of_memory" => "53200",
            "engine.storage" => "58030",
            code if code.contains("not_found") => "42P01",
            code if code.contains("invalid_name") => "42602",
            code if code.starts_with("udf") => "38000",
            _ => "XX000",
        }
    }
}

impl From<FlightError> for Error {
    fn from(error: FlightError) -> Self {
        match error {
            FlightError::Arrow(error) => Self::Rows(error),
            other => Self::Rows(ArrowError::from_external_error(Box::new(other))),
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        Self::Engine(error.into())
    }
}
