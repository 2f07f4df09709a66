//! [`Error`] ↔ [`DataFusionError`] without losing the source, and Lance's errors in our words.

use std::error::Error as StdError;

use datafusion::error::DataFusionError;
use lance_core::Error as LanceError;

use crate::{Error, Result};

#[cfg(test)]
mod tests;

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::Execution { source } => *source,
            error => Self::External(Box::new(error)),
        }
    }
}

impl From<DataFusionError> for Error {
    /// Finds our own error inside DataFusion's wrappers, however deep it sits.
    fn from(error: DataFusionError) -> Self {
        match error {
            DataFusionError::External(inner) => from_external(inner),
            DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
                (*inner).into()
            }
            DataFusionError::Shared(shared) => from_shared(&shared),
            DataFusionError::ArrowError(inner, trace) => match *inner {
                arrow::error::ArrowError::ExternalError(inner) => from_external(inner),
                inner => Self::Execution {
                    source: Box::new(DataFusionError::ArrowError(Box::new(inner), trace)),
                },
            },
            error => Self::Execution { source: Box::new(error) },
        }
    }
}

/// A shared error cannot be moved out of; the kinds that users act on are copied, the rest keeps its text.
fn from_shared(shared: &DataFusionError) -> Error {
    let mut next: Option<&(dyn StdError + 'static)> = Some(shared);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Error::internal(format!("shared: {ours}"));
        }
        next = error.source();
    }
    Error::Execution { source: Box::new(DataFusionError::Execution(shared.to_string())) }
}

fn from_external(inner: Box<dyn StdError + Send + Sync>) -> Error {
    let inner = match inner.downcast::<Error>() {
        Ok(ours) => return *ours,
        Err(inner) => inner,
    };
    let inner = match inner.downcast::<udf_runtime::Error>() {
        Ok(error) => return from_function(*error),
        Err(inner) => inner,
    };
    let inner = match inner.downcast::<DataFusionError>() {
        Ok(error) => return (*error).into(),
        Err(inner) => inner,
    };
    match inner.downcast::<LanceError>() {
        Ok(error) => from_lance(*error, "read", "stored data"),
        Err(inner) => Error::Execution { source: Box::new(DataFusionError::External(inner)) },
    }
}

/// A function's input error is the reader's error: unwrap it.
fn from_function(error: udf_runtime::Error) -> Error {
    match error {
        udf_runtime::Error::Input { source } => from_external(source),
        error => Error::Function(error),
    }
}

/// Lance's error in our words: what was being done to which dataset.
pub(crate) fn from_lance(error: LanceError, action: &'static str, location: &str) -> Error {
    if let LanceError::External { source, .. } = error {
        return from_external(source);
    }
    let reason = lance_reason(&error);
    match error {
        LanceError::IO { .. } if is_cut_short(&error) || is_damage(&reason) => {
            corrupt(error, location, reason)
        }
        LanceError::IO { .. } => Error::Storage {
            action,
            location: location.to_owned(),
            reason,
            source: Some(Box::new(error)),
        },
        _ => corrupt(error, location, reason),
    }
}

fn corrupt(error: LanceError, location: &str, reason: String) -> Error {
    Error::Corrupt { what: location.to_owned(), reason, source: Some(Box::new(error)) }
}

/// The innermost message without source positions of the library.
fn lance_reason(error: &LanceError) -> String {
    let mut innermost: &dyn StdError = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    let text = innermost.to_string();
    let text = text.split(", /").next().unwrap_or_default();
    let text = text.split(" bytes: b\"").next().unwrap_or_default();
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// A file that ends where more was expected.
fn is_cut_short(error: &LanceError) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof) {
            return true;
        }
        next = error.source();
    }
    false
}

fn is_damage(reason: &str) -> bool {
    [
        "magic",
        "footer",
        "metadata",
        "protobuf",
        "decode",
        "range",
        "end of file",
        "EOF",
        "sufficient data",
        "whole buffer",
    ]
    .iter()
    .any(|word| reason.contains(word))
}

/// Runs `?` on Lance results: `dataset.scan().await.lance("read", &location)?`.
pub(crate) trait LanceResultExt<T> {
    /// Puts a Lance error into our words.
    fn lance(self, action: &'static str, location: &str) -> Result<T>;
}

impl<T> LanceResultExt<T> for Result<T, LanceError> {
    fn lance(self, action: &'static str, location: &str) -> Result<T> {
        self.map_err(|error| from_lance(error, action, location))
    }
}
