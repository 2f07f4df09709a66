//! [`Expression`]: which part of a document is wanted. What only names keys is found while a document is read; all else
//! of `JMESPath` is asked of documents as a whole.

use jmespath::Variable;

use super::lexer::{Fault, FaultKind, Lexer, Parse};
use crate::{Error, Result};

/// A `JMESPath` expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Expression {
    pub(super) text: String,
    /// What it is, unless only a whole document tells.
    pub(super) plain: Option<PlainPath>,
}

/// `a.b`, `a.b[*].c` or `a.b[].c`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PlainPath {
    /// On the way to the value.
    pub(super) keys: Vec<String>,
    /// What is wanted of its items, if it is a list.
    pub(super) items: Option<Items>,
}

/// What is wanted of the items of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Items {
    /// Whether items that are lists are replaced by theirs.
    pub(super) is_flat: bool,
    pub(super) keys: Vec<String>,
}

impl Expression {
    /// Understands an expression.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if let Err(error) = jmespath::compile(text) {
            return Err(Error::InvalidArgument {
                argument: "JMESPath expression",
                given: text.to_owned(),
                accepted: error.reason.to_string(),
            });
        }
        Ok(Self { text: text.to_owned(), plain: plain(text) })
    }
}

/// What an expression finds in a whole text, as JSON; none where it is nothing.
pub(super) fn search(expression: &str, text: &str) -> Parse<Option<String>> {
    let fault = |what: String| Fault::new(FaultKind::Syntax(what), 0);
    let document = Variable::from_json(text).map_err(fault)?;
    let found = jmespath::compile(expression).and_then(|compiled| compiled.search(document));
    let found =
        found.map_err(|error| Fault::new(FaultKind::Misfit(error.reason.to_string()), 0))?;
    if found.is_null() {
        return Ok(None);
    }
    serde_json::to_string(&*found).map(Some).map_err(|error| fault(error.to_string()))
}

/// The value below these keys of a value, as it is written; none where it is not there or null.
pub(super) fn descend<'t>(text: &'t str, keys: &[String]) -> Parse<Option<&'t str>> {
    let Some((key, below)) = keys.split_first() else {
        return Ok((text != "null").then_some(text));
    };
    let mut lexer = Lexer::new(text);
    if lexer.peek() != b'{' {
        return Ok(None);
    }
    let mut found = None;
    let mut is_more = lexer.open(b'}')?;
    while is_more {
        let is_it = lexer.key()? == *key;
        let value = lexer.skip()?;
        // Of several the last one counts, as in Python.
        found = if is_it { Some(value) } else { found };
        is_more = lexer.more(b'}')?;
    }
    found.map_or(Ok(None), |value| descend(value, below))
}

fn plain(text: &str) -> Option<PlainPath> {
    let (before, after) = match text.find('[') {
        None => return Some(PlainPath { keys: names(text)?, items: None }),
        Some(bracket) => text.split_at(bracket),
    };
    let (is_flat, rest) = match (after.strip_prefix("[]"), after.strip_prefix("[*]")) {
        (Some(rest), _) => (true, rest),
        (_, Some(rest)) => (false, rest),
        _ => return None,
    };
    let keys = if before.is_empty() { Vec::new() } else { names(before)? };
    let of_items = match rest.strip_prefix('.') {
        Some(rest) => names(rest)?,
        None if rest.is_empty() => Vec::new(),
        None => return None,
    };
    Some(PlainPath { keys, items: Some(Items { is_flat, keys: of_items }) })
}

/// Names with points between them, none in quotes.
fn names(text: &str) -> Option<Vec<String>> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|found| found.is_ascii_alphanumeric() || found == '_')
    };
    text.split('.').map(|name| is_name(name).then(|| name.to_owned())).collect()
}
