//! [`spell_patterns`]: `to_char(moment, 'YYYY-MM-DD')`, whose pattern DataFusion (54) wants as `'%Y-%m-%d'`.
//!
//! A pattern without a `%` is one of PostgreSQL's. One with a part that has no like is refused: as it stands it would be
//! taken for text.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Statement, Value, VisitMut,
    VisitorMut,
};

use crate::{Error, Result};

const FUNCTIONS: [&str; 3] = ["to_char", "to_date", "to_timestamp"];

/// Parts of patterns, the longest first of those that begin alike.
const PARTS: [(&str, &str); 34] = [
    ("FMHH24", "%-H"),
    ("FMHH12", "%-I"),
    ("FMMonth", "%B"),
    ("FMDay", "%A"),
    ("FMDD", "%-d"),
    ("FMMM", "%-m"),
    ("FMMI", "%-M"),
    ("FMSS", "%-S"),
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("YY", "%y"),
    ("Mon", "%b"),
    ("MM", "%m"),
    ("MI", "%M"),
    (".MS", "%.3f"),
    (".US", "%.f"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("Dy", "%a"),
    ("ID", "%u"),
    ("IW", "%V"),
    ("SS", "%S"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("am", "%P"),
    ("pm", "%P"),
    ("TZH:TZM", "%:z"),
    ("OF", "%:z"),
    ("TZ", "%Z"),
];

/// Rewrites the patterns in all calls of the statement.
///
/// # Errors
/// [`Error::NotSupported`] for a pattern with a part that is not known.
pub(crate) fn spell_patterns(statement: &mut Statement) -> Result<()> {
    match statement.visit(&mut Patterns) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
}

struct Patterns;

impl VisitorMut for Patterns {
    type Break = Error;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        if let Expr::Function(function) = expr
            && let Some(pattern) = pattern(function)
            && !pattern.contains('%')
        {
            match spelled(pattern) {
                Some(spelled) => *pattern = spelled,
                None => return ControlFlow::Break(unknown(pattern)),
            }
        }
        ControlFlow::Continue(())
    }
}

/// The second of two arguments, where it is written out.
fn pattern(function: &mut Function) -> Option<&mut String> {
    let name = function.name.0.last()?.as_ident()?.value.to_lowercase();
    if !FUNCTIONS.contains(&name.as_str()) {
        return None;
    }
    let FunctionArguments::List(list) = &mut function.args else { return None };
    let [_, FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value)))] =
        list.args.as_mut_slice()
    else {
        return None;
    };
    match &mut value.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

fn spelled(pattern: &str) -> Option<String> {
    let (mut spelled, mut rest) = (String::new(), pattern);
    while let Some(sign) = rest.chars().next() {
        if let Some((part, like)) = PARTS.iter().find(|(part, _)| rest.starts_with(part)) {
            spelled.push_str(like);
            rest = &rest[part.len()..];
        } else if let Some(quoted) = rest.strip_prefix('"') {
            let (text, after) = quoted.split_once('"')?;
            spelled.push_str(text);
            rest = after;
        } else if sign.is_alphanumeric() {
            return None;
        } else {
            spelled.push(sign);
            rest = &rest[sign.len_utf8()..];
        }
    }
    Some(spelled)
}

fn unknown(pattern: &str) -> Error {
    let mut parts = PARTS.map(|(part, _)| part).to_vec();
    parts.sort_unstable();
    let hint = format!("it is made of `{}`, and of text in double quotes", parts.join("`, `"));
    Error::refused(format!("the pattern `{pattern}`"), hint)
}

#[cfg(test)]
mod tests {
    use super::spelled;

    fn check(pattern: &str, expected: Option<&str>) {
        assert_eq!(spelled(pattern).as_deref(), expected, "{pattern}");
    }

    #[test]
    fn parts_of_moments() {
        check("YYYY-MM-DD HH24:MI:SS.US", Some("%Y-%m-%d %H:%M:%S%.f"));
        check("YYYY\"-W\"IW", Some("%Y-W%V"));
        check("FMDD. FMMonth YYYY", Some("%-d. %B %Y"));
        check("HH12:MI AM", Some("%I:%M %p"));
    }

    #[test]
    fn what_has_no_like_is_not_taken_for_text() {
        check("YYYY-Q", None);
        check("999D99", None);
        check("DD \"of", None);
    }
}
