//! `regexp_extract_all`, `regexp_split`: all that a pattern finds in a text, and what is between.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use regex::Regex;

use super::items::as_list_type;
use super::simple::{refused, simple};
use super::unfit;
use crate::kind::is_text;

pub(super) fn functions() -> Vec<ScalarUDF> {
    vec![
        simple(
            "regexp_extract_all",
            |kinds| types("regexp_extract_all", kinds),
            |of| {
                let groups = of.get(2).map(|groups| groups.as_primitive::<Int64Type>());
                each(of, |row, text, pattern| {
                    let group = groups.map_or(0, |groups| groups.value(row));
                    let at = usize::try_from(group).ok().filter(|at| *at < pattern.captures_len());
                    let Some(at) = at else {
                        let there = pattern.captures_len() - 1;
                        return unfit(format!(
                            "the pattern `{pattern}` has {there} groups, not `{group}`"
                        ));
                    };
                    let found = pattern.captures_iter(text);
                    Ok(found.map(|found| found.get(at).map_or("", |it| it.as_str())).collect())
                })
            },
        ),
        simple(
            "regexp_split",
            |kinds| types("regexp_split", kinds),
            |of| each(of, |_, text, pattern| Ok(pattern.split(text).collect())),
        ),
    ]
}

fn types(name: &str, kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    let is_one = |kind: &DataType| is_text(kind) || kind.is_null();
    let texts = || vec![DataType::Utf8, DataType::Utf8];
    let list = as_list_type(&DataType::Utf8);
    match kinds {
        [text, pattern] if is_one(text) && is_one(pattern) => Ok((texts(), list)),
        [text, pattern, group]
            if name == "regexp_extract_all"
                && is_one(text)
                && is_one(pattern)
                && (group.is_integer() || group.is_null()) =>
        {
            Ok(([texts(), vec![DataType::Int64]].concat(), list))
        }
        kinds => refused(name, kinds),
    }
}

/// A list for each row; null where an argument is.
fn each<'a>(
    arguments: &'a [ArrayRef],
    of: impl Fn(usize, &'a str, &Regex) -> Result<Vec<&'a str>>,
) -> Result<ArrayRef> {
    let texts: &StringArray = arguments[0].as_string();
    let patterns: &StringArray = arguments[1].as_string();
    let mut last: Option<(&str, Regex)> = None;
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in 0..texts.len() {
        if arguments.iter().any(|argument| argument.is_null(row)) {
            lists.append_null();
            continue;
        }
        let written = patterns.value(row);
        let pattern = match last.take() {
            Some((before, pattern)) if before == written => pattern,
            _ => match Regex::new(written) {
                Ok(pattern) => pattern,
                Err(error) => return unfit(format!("`{written}` is no pattern: {error}")),
            },
        };
        for part in of(row, texts.value(row), &pattern)? {
            lists.values().append_value(part);
        }
        lists.append(true);
        last = Some((written, pattern));
    }
    Ok(Arc::new(lists.finish()))
}
