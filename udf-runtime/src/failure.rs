//! [`FunctionFailure`]: the user's own error as data.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What a user's function raised.
///
/// `cause` may carry the language's own error object, so that the layer which understands it can raise it again as
/// itself; everybody else reads the text.
#[derive(Clone)]
pub struct FunctionFailure {
    /// The error's type as the user knows it, for example `ValueError`.
    pub kind: String,
    /// The error's message.
    pub message: String,
    /// The row within the batch that was being computed, when it is known.
    pub row: Option<usize>,
    /// That row's arguments as text, when they are known.
    pub arguments: Option<String>,
    /// Where it was raised, as the language prints it.
    pub traceback: Option<String>,
    /// The error object itself; it does not leave its process.
    pub cause: Option<Arc<dyn Any + Send + Sync>>,
    /// The error object as bytes that its language understands, for the process that hears of the failure.
    pub copied: Option<Vec<u8>>,
}

impl FunctionFailure {
    /// A failure that has only a type and a message.
    #[must_use]
    pub fn new(kind: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            message: message.into(),
            row: None,
            arguments: None,
            traceback: None,
            cause: None,
            copied: None,
        }
    }

    /// The same failure, `rows` rows further down: from a row of a batch to a row of a stage.
    #[must_use]
    pub fn offset_by(mut self, rows: usize) -> Self {
        self.row = self.row.map(|row| row + rows);
        self
    }
}

impl fmt::Display for FunctionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match (self.row, &self.arguments) {
            (Some(row), Some(arguments)) => format!(" (input row {row}: {arguments})"),
            (Some(row), None) => format!(" (input row {row})"),
            (None, _) => String::new(),
        };
        write!(f, "{}: {}", self.kind, with_words(&self.message, &words))
    }
}

/// A message with some words more, in front of its hint if it has one.
pub(crate) fn with_words(message: &str, words: &str) -> String {
    match message.split_once("\nhint: ") {
        Some((what, hint)) => format!("{what}{words}\nhint: {hint}"),
        None => format!("{message}{words}"),
    }
}

impl fmt::Debug for FunctionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionFailure")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("row", &self.row)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
