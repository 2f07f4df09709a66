//! The crate's one [`Error`].

mod storage;
mod words;

use std::fmt;

use datafusion::error::DataFusionError;

pub use storage::StorageKind;
pub(crate) use storage::{Refused, kind_of, of_bucket, refused};
pub(crate) use words::{plain_message, without_category};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong in a query, split by what a caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A column that the chain does not have.
    #[error("unknown column `{name}`{}", Hint { near, known })]
    UnknownColumn {
        /// The path as given.
        name: String,
        /// Columns whose names look like it.
        near: Vec<String>,
        /// The columns that exist.
        known: Vec<String>,
    },
    /// A new column whose name is taken.
    #[error("column `{name}` already exists: choose another name or drop it first")]
    ColumnExists {
        /// The taken name.
        name: String,
    },
    /// An expression that does not fit the columns it reads.
    #[error("invalid expression `{expression}`: {reason}")]
    InvalidExpression {
        /// The expression as text.
        expression: String,
        /// What does not fit.
        reason: String,
    },
    /// A value that does not fit: too large for its type, or text that is no number.
    #[error("{what}")]
    Value {
        /// Which value or expression, and what it does not fit.
        what: String,
    },
    /// An argument outside what is accepted.
    #[error("invalid {argument} `{given}`: {accepted}")]
    InvalidArgument {
        /// The argument's name.
        argument: &'static str,
        /// What was given.
        given: String,
        /// What would be right.
        accepted: String,
    },
    /// Nothing is there.
    #[error("no such file or directory: `{path}`")]
    PathNotFound {
        /// Where we looked.
        path: String,
    },
    /// A file that is not what it was when it was listed.
    #[error("file `{path}` {how}; hint: list it again")]
    FileChanged {
        /// The file.
        path: String,
        /// In which way it is another one.
        how: String,
    },
    /// The storage refused: read-only, full, gone.
    #[error("cannot {action} `{location}`: {reason}")]
    Storage {
        /// What was tried.
        action: &'static str,
        /// Where.
        location: String,
        /// Why, as far as a program can act on it.
        kind: StorageKind,
        /// The storage's own words.
        reason: String,
        /// The storage's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The session's memory is not enough.
    #[error("{what}")]
    OutOfMemory {
        /// Which step needs more, and what there is.
        what: String,
    },
    /// Stored data that cannot be read back.
    #[error("`{what}` is damaged: {reason}")]
    Corrupt {
        /// The dataset version or file.
        what: String,
        /// What was found.
        reason: String,
        /// The reader's error.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// Something that this version does not do.
    #[error("{what} is not supported; {instead}")]
    NotSupported {
        /// What was asked for.
        what: String,
        /// What works.
        instead: String,
    },
    /// An update whose rows have other columns than those that they follow.
    #[error("{what}")]
    SchemaDrift {
        /// Which columns differ, and what helps.
        what: String,
    },
    /// A function does not give what is kept as its results.
    #[error(
        "`verify`: what is kept of function `{name}` is not what it gives: for ({arguments}) {kept} is kept, and now it {now}; \
         hint: settings(version=...) tells versions of it apart, LAKEBED_IGNORE_CHECKPOINTS=1 computes all rows anew"
    )]
    KeptDiffers {
        /// The stage's name.
        name: String,
        /// The row's arguments.
        arguments: String,
        /// Its results that are kept.
        kept: String,
        /// What the function does now.
        now: String,
    },
    /// The catalog's answer.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// A user function failed, or could not be run.
    #[error(transparent)]
    Function(#[from] udf_runtime::Error),
    /// The query failed while it ran.
    #[error("the query failed: {}", plain_message(source))]
    Execution {
        /// The query engine's error.
        source: Box<DataFusionError>,
    },
    /// Our bug.
    #[error("internal error, please report it: {what}")]
    Internal {
        /// What we believed to be impossible.
        what: String,
    },
}

impl Error {
    /// Stable identifier for programs; never reworded once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownColumn { .. } => "engine.unknown_column",
            Self::ColumnExists { .. } => "engine.column_exists",
            Self::InvalidExpression { .. } => "engine.invalid_expression",
            Self::Value { .. } => "engine.value",
            Self::InvalidArgument { .. } => "engine.invalid_argument",
            Self::PathNotFound { .. } => "engine.path_not_found",
            Self::FileChanged { .. } => "engine.file_changed",
            Self::Storage { .. } => "engine.storage",
            Self::OutOfMemory { .. } => "engine.out_of_memory",
            Self::Corrupt { .. } => "engine.corrupt",
            Self::SchemaDrift { .. } => "engine.schema_drift",
            Self::NotSupported { .. } => "engine.not_supported",
            Self::KeptDiffers { .. } => "udf.kept_differs",
            Self::Catalog(error) => error.code(),
            Self::Function(error) => error.code(),
            Self::Execution { .. } => "engine.execution",
            Self::Internal { .. } => "engine.internal",
        }
    }

    /// Whether the same call may succeed when it is repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Catalog(error) => error.is_retryable(),
            Self::Function(error) => error.is_retryable(),
            Self::Storage { kind, .. } => kind.is_retryable(),
            _ => false,
        }
    }

    /// The same error for another reader; what caused it stays with the first one.
    pub(crate) fn without_source(&self) -> Self {
        match self {
            Self::Value { what } => Self::Value { what: what.clone() },
            Self::OutOfMemory { what } => Self::OutOfMemory { what: what.clone() },
            Self::PathNotFound { path } => Self::PathNotFound { path: path.clone() },
            Self::FileChanged { path, how } => {
                Self::FileChanged { path: path.clone(), how: how.clone() }
            }
            Self::Storage { action, location, kind, reason, .. } => Self::Storage {
                action,
                location: location.clone(),
                kind: *kind,
                reason: reason.clone(),
                source: None,
            },
            Self::Corrupt { what, reason, .. } => {
                Self::Corrupt { what: what.clone(), reason: reason.clone(), source: None }
            }
            Self::SchemaDrift { what } => Self::SchemaDrift { what: what.clone() },
            Self::NotSupported { what, instead } => {
                Self::NotSupported { what: what.clone(), instead: instead.clone() }
            }
            Self::KeptDiffers { name, arguments, kept, now } => Self::KeptDiffers {
                name: name.clone(),
                arguments: arguments.clone(),
                kept: kept.clone(),
                now: now.clone(),
            },
            Self::Function(udf_runtime::Error::Function { name, failure }) => {
                let (name, failure) = (name.clone(), failure.clone());
                Self::Function(udf_runtime::Error::Function { name, failure })
            }
            other => Self::internal(other.to_string()),
        }
    }

    pub(crate) fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into() }
    }
}

struct Hint<'a> {
    near: &'a [String],
    known: &'a [String],
}

impl fmt::Display for Hint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &[String]| format!("`{}`", names.join("`, `"));
        if !self.near.is_empty() {
            return write!(f, "; did you mean {}?", list(self.near));
        }
        let shown = &self.known[..self.known.len().min(12)];
        let more = if shown.len() < self.known.len() { ", …" } else { "" };
        write!(f, "; the columns are {}{more}", list(shown))
    }
}
