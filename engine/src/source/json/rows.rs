//! [`each_row`]: the rows of a file, whatever its form, as texts; and errors that say which row is at fault.

use std::ops::Range;

use super::document::{Document, Item, items_of};
use super::lexer::{Fault, FaultKind, Parse};
use super::lines::{Line, each_line, line_number};
use super::path::{Expression, descend, search};
use super::{JsonFormat, Options};
use crate::source::pieces::FileBytes;
use crate::{Error, Result};

/// Takes rows.
pub(super) trait Rows {
    /// The next one.
    fn row(&mut self, text: &str) -> Parse<()>;

    /// After each row: whether more are wanted.
    fn goes_on(&mut self) -> Result<bool>;
}

/// Where a row is.
#[derive(Clone, Copy)]
enum Place {
    /// By the byte at which it starts.
    Line(u64),
    Item(usize),
    Document,
}

/// Gives the rows in a range of a file, which of a document is all of it, to `rows`; at most `options.rows`.
pub(super) fn each_row(
    file: &FileBytes,
    range: Range<u64>,
    options: &Options,
    rows: &mut dyn Rows,
) -> Result<()> {
    let mut left = options.rows.unwrap_or(u64::MAX);
    if left == 0 {
        return Ok(());
    }
    let mut take = |text: &str, place: Place| {
        rows.row(text).map_err(|fault| error(file, place, &fault, options))?;
        left -= 1;
        Ok(rows.goes_on()? && left > 0)
    };
    let expression = options.expression.as_ref();
    match options.format {
        JsonFormat::Lines => each_line(file, range, &mut |Line { text, at }| {
            let place = Place::Line(at);
            let Some(expression) = expression else { return take(text, place) };
            let failed = |fault: Box<Fault>| error(file, place, &fault, options);
            match part(expression, text).map_err(failed)? {
                Some(text) => take(&text, place),
                None => Ok(true),
            }
        }),
        JsonFormat::Document => {
            let document = Document::open(file)?;
            let Some(Expression { text: expression, plain: None }) = expression else {
                let path = expression.and_then(|expression| expression.plain.as_ref());
                return document.each(path, &mut |Item { text, number }| {
                    take(text, number.map_or(Place::Document, Place::Item))
                });
            };
            let failed = |fault: Box<Fault>| error(file, Place::Document, &fault, options);
            let Some(found) = search(expression, &document.whole()?).map_err(failed)? else {
                return Ok(());
            };
            if !found.starts_with('[') {
                return take(&found, Place::Document).map(drop);
            }
            for (number, item) in items_of(&found).map_err(failed)?.into_iter().enumerate() {
                if !take(item, Place::Item(number))? {
                    break;
                }
            }
            Ok(())
        }
    }
}

/// What an expression finds in a line.
fn part(expression: &Expression, text: &str) -> Parse<Option<String>> {
    match &expression.plain {
        Some(plain) if plain.items.is_none() => Ok(descend(text, &plain.keys)?.map(str::to_owned)),
        _ => search(&expression.text, text),
    }
}

fn error(file: &FileBytes, place: Place, fault: &Fault, options: &Options) -> Error {
    let path = file.path();
    let row = match place {
        Place::Line(at) => match line_number(file, at) {
            Ok(line) => format!("line {line}"),
            Err(error) => return error,
        },
        Place::Item(number) => format!("item {number} of the list"),
        Place::Document => "the document".to_owned(),
    };
    let keys = fault.path();
    let key = if keys.is_empty() { String::new() } else { format!(", key `{keys}`") };
    let sampled = "; hint: types are those of a sample, give them with `spec=`";
    let hint = if options.is_sampled { sampled } else { "" };
    match &fault.kind {
        FaultKind::Syntax(what) => {
            let is_line = matches!(place, Place::Line(_)) && what.starts_with("it ends");
            let hint = "; hint: a file that is one document is read with `format=\"json\"`";
            let hint = if is_line { hint } else { "" };
            let reason = format!("{row}, byte {}{key}: {what}{hint}", fault.at + 1);
            Error::Corrupt { what: path.to_owned(), reason, source: None }
        }
        FaultKind::Misfit(what) => {
            Error::Value { what: format!("`{path}`, {row}{key}: {what}{hint}") }
        }
        FaultKind::Unknown(found) => {
            let what = format!("the key `{found}` is new");
            Error::Value { what: format!("`{path}`, {row}{key}: {what}{hint}") }
        }
    }
}
