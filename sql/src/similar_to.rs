//! [`matches`]: `x SIMILAR TO 'a%(b|c)_'` as a regular expression over the whole text, as the standard and PostgreSQL have it:
//! `%` is any text and `_` any character, `.`, `^` and `$` are themselves.
//!
//! DataFusion (54) takes the pattern for a regular expression that may match anywhere.

use datafusion::sql::sqlparser::ast::{Expr, Value, ValueWithSpan};

use crate::{Error, Result};

/// The condition in other words.
///
/// # Errors
/// [`Error::NotSupported`] for a pattern that is no constant, or ends in the middle.
pub(crate) fn matches(
    text: &Expr,
    pattern: &Expr,
    escape: Option<&ValueWithSpan>,
) -> Result<String> {
    let refused = |what: &str| Error::NotSupported {
        what: format!("`SIMILAR TO {pattern}`, {what}"),
        instead: "write a regular expression: `x ~ '^a.*$'`".to_owned(),
    };
    let Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(written), .. }) = pattern
    else {
        return Err(refused("whose pattern is no constant"));
    };
    let escape = match escape.map(|escape| &escape.value) {
        None => Some('\\'),
        Some(Value::SingleQuotedString(escape)) if escape.chars().count() <= 1 => {
            escape.chars().next()
        }
        Some(_) => return Err(refused("whose escape is no character")),
    };
    let Some(regex) = regex(written, escape) else {
        return Err(refused("whose pattern ends in the middle"));
    };
    Ok(format!("regexp_like({text}, '{}')", regex.replace('\'', "''")))
}

/// `None` for a pattern that ends behind its escape, or in brackets.
fn regex(pattern: &str, escape: Option<char>) -> Option<String> {
    let mut regex = String::from("^(?s:");
    let (mut chars, mut in_brackets) = (pattern.chars(), false);
    while let Some(char) = chars.next() {
        match char {
            char if Some(char) == escape => {
                let meant = chars.next()?;
                // `\d` is a digit, as in PostgreSQL.
                let is_class = char == '\\' && meant.is_ascii_alphanumeric();
                regex.extend((is_class || meant.is_ascii_punctuation()).then_some('\\'));
                regex.push(meant);
            }
            '\\' => regex.push_str("\\\\"),
            ']' if in_brackets => {
                in_brackets = false;
                regex.push(']');
            }
            '[' if in_brackets && chars.as_str().starts_with(':') => {
                let (class, _) = chars.as_str().split_once(":]")?;
                regex.extend(["[", class, ":]"]);
                chars.nth(class.chars().count() + 1)?;
            }
            '[' if in_brackets => regex.push_str("\\["),
            char if in_brackets => regex.push(char),
            '[' => {
                in_brackets = true;
                regex.push('[');
            }
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '(' => regex.push_str("(?:"),
            '.' | '^' | '$' => regex.extend(['\\', char]),
            char => regex.push(char),
        }
    }
    (!in_brackets).then(|| regex + ")$")
}
