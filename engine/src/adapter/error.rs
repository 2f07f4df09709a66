//! [`Error`] ↔ [`DataFusionError`] without losing the source, and Lance's errors in our words.

use std::error::Error as StdError;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::error::DataFusionError;
use lance_core::Error as LanceError;

use crate::error::{StorageKind, kind_of, without_category};
use crate::kind::kind_name;
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
            DataFusionError::Shared(shared) => from_shared(shared),
            DataFusionError::ArrowError(inner, trace) => match *inner {
                arrow::error::ArrowError::ExternalError(inner) => from_external(inner),
                inner => failed(DataFusionError::ArrowError(Box::new(inner), trace)),
            },
            error => failed(error),
        }
    }
}

/// What stands in the planner's messages about subqueries that it cannot make a join of.
const STAYS_SUBQUERY: [&str; 7] = [
    "No field named __correlated_sq",
    "does not support logical expression OuterReferenceColumn",
    "does not support logical expression InSubquery",
    "does not support logical expression Exists",
    "does not support logical expression ScalarSubquery",
    "\"__correlated_sq",
    "does not match with the projection expression",
];

/// The query engine's own failure; where a value or a subquery is the reason, in our words.
fn failed(error: DataFusionError) -> Error {
    let message = error.strip_backtrace();
    if STAYS_SUBQUERY.iter().any(|words| message.contains(words)) {
        return Error::NotSupported {
            what: "a subquery of this form in this place".to_owned(),
            instead: "write it as a join, or in WHERE as IN or EXISTS; of a query with LIMIT that \
                      depends on the row, `row_number() OVER (PARTITION BY …)` numbers the rows"
                .to_owned(),
        };
    }
    if let Some(error) = exhausted(&error) {
        return error;
    }
    match bad_value(without_category(&message)) {
        Some(what) => Error::Value { what },
        None => Error::Execution { source: Box::new(error) },
    }
}

/// No room is left, in memory or where rows are written down that do not fit into it.
fn exhausted(error: &DataFusionError) -> Option<Error> {
    let full = |reason: &str| Error::Storage {
        action: "write",
        location: "temporary files".to_owned(),
        kind: StorageKind::Full,
        reason: reason.to_owned(),
        source: None,
    };
    match error.find_root() {
        DataFusionError::ResourcesExhausted(what) if what.contains("disk space") => Some(full(
            "they need more than LAKEBED_CACHE_SIZE allows; hint: set LAKEBED_CACHE_SIZE to more",
        )),
        DataFusionError::ResourcesExhausted(what) => {
            Some(Error::OutOfMemory { what: what.clone() })
        }
        root if kind_of(root) == Some(StorageKind::Full) => {
            Some(full("the disk is full; hint: LAKEBED_CACHE names a folder for them"))
        }
        _ => None,
    }
}

/// How kernels start their messages about values that do not convert, and what stands between value and type.
const CONVERSIONS: [(&str, &str); 4] = [
    ("Cannot cast string '", "' to value of "),
    ("Cannot cast value '", "' to value of "),
    ("Can't cast value ", " to type "),
    ("Error parsing timestamp from '", "': "),
];

fn bad_value(message: &str) -> Option<String> {
    if let Some(reason) = pattern_reason(message) {
        return Some(reason);
    }
    if message.starts_with("Divide by zero") {
        return Some(
            "a number is divided by zero; hint: `nullif(x, 0)` divides by null".to_owned(),
        );
    }
    if let Some(parameter) = message.strip_prefix("Placeholder '")
        && let Some((name, _)) = parameter.split_once("' was not provided")
    {
        return Some(format!("the parameter `{name}` has no value"));
    }
    CONVERSIONS.iter().find_map(|(start, middle)| {
        let (value, kind) = message.strip_prefix(start)?.split_once(middle)?;
        // A format that the value was to have stands behind it.
        let value = value.split("' using format '").next()?;
        let kind = kind.lines().next()?.trim_end_matches(" type").parse::<DataType>();
        let kind = kind.map_or_else(|_no_type| "datetime".to_owned(), |kind| kind_name(&kind));
        Some(format!("`{value}` cannot be converted to {kind}"))
    })
}

/// What is wrong with a regular expression: its parser shows the pattern, then the place, then the reason.
pub(crate) fn pattern_reason(message: &str) -> Option<String> {
    let (_, shown) = message.split_once("regex parse error:")?;
    let pattern = shown.lines().map(str::trim).find(|line| !line.is_empty())?;
    let reason = shown.lines().find_map(|line| line.strip_prefix("error: "))?;
    Some(format!("`{pattern}` is no regular expression: {reason}"))
}

/// An error that several readers wait for. The last of them gets it, the others a copy.
fn from_shared(shared: Arc<DataFusionError>) -> Error {
    match Arc::try_unwrap(shared) {
        Ok(error) => error.into(),
        Err(shared) => copy_of(&shared),
    }
}

fn copy_of(shared: &DataFusionError) -> Error {
    let mut next: Option<&(dyn StdError + 'static)> = Some(shared);
    while let Some(error) = next {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.without_source();
        }
        if let Some(udf_runtime::Error::Function { name, failure }) = error.downcast_ref() {
            let (name, failure) = (name.clone(), failure.clone());
            return Error::Function(udf_runtime::Error::Function { name, failure });
        }
        next = error.source();
    }
    match exhausted(shared) {
        Some(error) => error,
        None => failed(DataFusionError::Execution(shared.find_root().strip_backtrace())),
    }
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
        Err(inner) => failed(DataFusionError::External(inner)),
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
    let (location, reason) = (location.to_owned(), lance_reason(&error));
    let kind = lance_kind(&error, action);
    let source = Some(Box::new(error) as _);
    if kind == StorageKind::Corrupt {
        return Error::Corrupt { what: location, reason, source };
    }
    Error::Storage { action, location, kind, reason, source }
}

/// What a store refused keeps its kind. Of what is read, nothing may be missing, and what no store refused was there but
/// cannot be understood.
fn lance_kind(error: &LanceError, action: &str) -> StorageKind {
    let is_read = matches!(action, "read" | "open");
    match (kind_of(error), error) {
        (_, LanceError::CorruptFile { .. }) => StorageKind::Corrupt,
        (None, LanceError::Timeout { .. }) => StorageKind::TimedOut,
        (Some(StorageKind::NotFound), _) | (None, _) if is_read => StorageKind::Corrupt,
        (kind, _) => kind.unwrap_or(StorageKind::Other),
    }
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
