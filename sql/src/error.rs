//! The crate's one [`Error`], and `DataFusion`'s errors in our words.

use std::fmt;

use catalog::near_names;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a text is no query that can be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not SQL.
    #[error("invalid SQL at line {line}, column {column}: {reason}{}", Caret { source_line, column: *column })]
    Syntax {
        /// What the parser expected.
        reason: String,
        /// The line, from 1.
        line: usize,
        /// The character in the line, from 1.
        column: usize,
        /// The text of that line.
        source_line: String,
    },
    /// SQL that is not for this place.
    #[error("{what} is not supported; {instead}")]
    NotSupported {
        /// The statement or clause.
        what: String,
        /// What to do in its place.
        instead: String,
    },
    /// Values that do not fit the parameters of the text.
    #[error("invalid parameters: {reason}")]
    Parameter {
        /// What does not fit.
        reason: String,
    },
    /// SQL that does not fit the datasets.
    #[error("invalid query: {reason}")]
    Plan {
        /// What does not fit.
        reason: String,
    },
    /// The engine's or the catalog's answer, for example that there is no such dataset.
    #[error(transparent)]
    Engine(#[from] engine::Error),
}

impl Error {
    /// Stable identifier for programs; never reworded once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "sql.syntax",
            Self::NotSupported { .. } => "sql.not_supported",
            Self::Plan { .. } => "sql.plan",
            Self::Parameter { .. } => "sql.parameter",
            Self::Engine(error) => error.code(),
        }
    }

    /// Whether the same call may succeed when it is repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_retryable())
    }

    /// What is not done, and what works in its place.
    pub(crate) fn refused(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::NotSupported { what: what.into(), instead: instead.into() }
    }

    /// Only one statement at a time.
    pub(crate) fn only_one(what: String) -> Self {
        Self::refused(what, "use one statement")
    }

    /// A statement that writes, where only reading is allowed.
    pub(crate) fn only_reads(what: String) -> Self {
        let instead = "here statements only read: use SELECT, WITH, VALUES, SHOW, DESCRIBE or \
                       EXPLAIN";
        Self::refused(what, instead)
    }

    /// The parser's or the planner's error about `text`.
    pub(crate) fn about(text: &str, error: &DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::SQL(error, _) => syntax(text, error),
            DataFusionError::NotImplemented(what) => Self::NotSupported {
                what: unlike_ours(&first_line(what)),
                instead: "write it in another way".to_owned(),
            },
            DataFusionError::SchemaError(error, _) => Self::Plan { reason: schema_reason(error) },
            DataFusionError::Plan(reason) => {
                Self::Plan { reason: in_our_words(first_line(reason)) }
            }
            other => Self::Plan { reason: first_line(&other.strip_backtrace()) },
        }
    }
}

impl From<catalog::Error> for Error {
    fn from(error: catalog::Error) -> Self {
        Self::Engine(error.into())
    }
}

/// The line of the text with a caret below the column; nothing when there is no such line.
struct Caret<'a> {
    source_line: &'a str,
    column: usize,
}

impl fmt::Display for Caret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.source_line.trim().is_empty() {
            return Ok(());
        }
        // Tabs stay tabs, so that the caret stands where the terminal puts the character.
        let before = self.source_line.chars().take(self.column.saturating_sub(1));
        let pad: String = before.map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        write!(f, "\n{}\n{pad}^", self.source_line)
    }
}

fn syntax(text: &str, error: &ParserError) -> Error {
    let message = match error {
        ParserError::TokenizerError(message) | ParserError::ParserError(message) => {
            message.as_str()
        }
        ParserError::RecursionLimitExceeded => "it is nested too deeply",
    };
    let located = message.rsplit_once(" at Line: ").and_then(|(reason, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some((reason, line.parse::<usize>().ok()?, column.trim().parse::<usize>().ok()?))
    });
    // Without a place the parser met the end of the text.
    let text = text.trim_end();
    let last = text.lines().last().unwrap_or_default();
    let end = (message, text.lines().count().max(1), last.chars().count() + 1);
    let (reason, line, column) = located.unwrap_or(end);
    let source_line = text.lines().nth(line.saturating_sub(1)).unwrap_or_default().to_owned();
    Error::Syntax { reason: lower_first(reason), line, column, source_line }
}

fn schema_reason(error: &SchemaError) -> String {
    let SchemaError::FieldNotFound { field, valid_fields } = error else {
        let text = first_line(&error.to_string());
        let twice = text.strip_prefix("Schema contains qualified field name ");
        let name = twice.and_then(|rest| rest.split_once(" and unqualified field name "));
        return match name.and_then(|(_, rest)| rest.split_once(" which would be ambiguous")) {
            Some((name, _)) => format!("two columns are named `{name}`: rename one with AS"),
            None => text,
        };
    };
    let mut known: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let near = near_names(&field.name, known.iter().copied());
    let hint = match (near.is_empty(), known.is_empty()) {
        (false, _) => format!("; did you mean `{}`?", near.join("`, `")),
        (true, false) => format!("; the columns are `{}`", known.join("`, `")),
        (true, true) => String::new(),
    };
    format!("unknown column `{}`{hint}", field.flat_name())
}

/// What the planner says, where it can be said better.
fn in_our_words(reason: String) -> String {
    if let Some((_, own)) = reason.split_once("user-defined coercion failed with: ") {
        let own = own.split(". No function matches the given name").next().unwrap_or(own);
        let layers = ["Error during planning: ", "Execution error: "];
        return layers.iter().fold(own, |own, it| own.trim_start_matches(it)).to_owned();
    }
    if let Some((_, names)) = reason.split_once("require unique expression names") {
        let name = names.split("\" at position").next().unwrap_or_default();
        let name = name.split_once('"').map_or(name, |(_, name)| name);
        let name = match name.rsplit_once(" AS ") {
            // `CAST(t.a AS Utf8)` is called `a`.
            Some((cast, kind)) if kind.ends_with(')') && !kind.contains('(') => {
                cast.rsplit(['.', '(']).next().unwrap_or(cast)
            }
            Some((_, name)) => name,
            None if name.contains('(') => name,
            None => name.rsplit('.').next().unwrap_or(name),
        };
        return format!("two columns are named `{name}`: rename one with AS");
    }
    if let Some(types) = reason.strip_prefix("Can not find compatible types to compare ")
        && let Some((kind, others)) = types.split_once(" with [")
        && others.starts_with("List(")
        && !kind.contains("List(")
    {
        return "IN compares a value with a list; hint: `x = ANY($1)` looks into a list".to_owned();
    }
    if let Some((_, columns)) = reason.split_once("The subquery should only return one column: ") {
        let columns = columns.replace(", ", "`, `");
        return format!(
            "a query that is compared with a value has one column, not `{columns}`; hint: \
             `(a, b) IN (SELECT …)` compares several"
        );
    }
    if reason.starts_with("Correlated scalar subquery must be aggregated") {
        return "a query that is a value and depends on the row may have several rows: aggregate \
                it, as with `max`, or take the first with ORDER BY … LIMIT 1"
            .to_owned();
    }
    if let Some(counts) = reason.strip_prefix("Source table contains ")
        && let Some((columns, names)) = counts.split_once(" columns but only ")
        && let Some((names, _)) = names.split_once(" names")
    {
        return format!("{names} names are given for {columns} columns");
    }
    reason
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// What is not supported, without these words.
fn unlike_ours(message: &str) -> String {
    // A tree of the parser's says nothing to anybody.
    let message = match message.contains("span: ") {
        true => message.split(['(', '{']).next().unwrap_or(message),
        false => message,
    };
    let ends = [" not supported yet", " is not yet supported", " not supported", " are", " is"];
    let what = ends.iter().fold(message.trim_end(), |what, end| what.trim_end_matches(end));
    what.trim_end().to_owned()
}

fn lower_first(message: &str) -> String {
    let mut rest = message.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}
