//! `json_extract`, `json_extract_string`, `json_value`, `json_exists`, `json_type`, `json_array_length`, `json_keys`,
//! `json_valid`: what is inside of a text that is JSON. `j -> '$.a'` and `j ->> '$.a'` are the first two.
//!
//! The second argument says where, as `$.a.b[0]`, `/a/b/0`, a key or the place of an item. A text that is no JSON is an
//! error, but for `json_valid`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, StringArray, StringBuilder,
};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;
use serde::de::IgnoredAny;

use super::items::as_list_type;
use super::simple::{Compute, refused, simple};
use super::unfit;
use crate::kind::is_text;
use crate::source::{JsonKind, JsonPart, WithinJson};

pub(super) fn functions() -> Vec<ScalarUDF> {
    let text: [(&'static str, Compute); 4] = [
        ("json_extract", |of| texts(of, |part| Some(part.compact()))),
        ("json_extract_string", |of| texts(of, |part| part.text())),
        ("json_value", |of| texts(of, scalar)),
        ("json_type", |of| texts(of, |part| Some(type_name(part).to_owned()))),
    ];
    let mut functions: Vec<ScalarUDF> = text
        .into_iter()
        .map(|(name, compute)| simple(name, |kinds| Ok((takes(kinds)?, DataType::Utf8)), compute))
        .collect();
    functions.extend([
        simple(
            "json_array_length",
            |kinds| Ok((takes(kinds)?, DataType::Int64)),
            |of| {
                let lengths = each(of, |part| part.map(|part| part.items() as i64))?;
                Ok(Arc::new(lengths.into_iter().map(Option::flatten).collect::<Int64Array>()))
            },
        ),
        simple(
            "json_exists",
            |kinds| Ok((takes(kinds)?, DataType::Boolean)),
            |of| {
                Ok(Arc::new(each(of, |part| part.is_some())?.into_iter().collect::<BooleanArray>()))
            },
        ),
        simple("json_keys", |kinds| Ok((takes(kinds)?, as_list_type(&DataType::Utf8))), keys),
        simple("json_valid", types_of_valid, |of| {
            let texts = of[0].as_string::<i32>().iter();
            let valid = texts.map(|text| Some(serde_json::from_str::<IgnoredAny>(text?).is_ok()));
            Ok(Arc::new(valid.collect::<BooleanArray>()))
        }),
    ]);
    functions
}

fn takes(kinds: &[DataType]) -> Result<Vec<DataType>> {
    let is_json = |kind: &DataType| is_text(kind) || kind.is_null();
    match kinds {
        [json] if is_json(json) => Ok(vec![DataType::Utf8]),
        [json, path] if is_json(json) && is_json(path) => Ok(vec![DataType::Utf8; 2]),
        [json, place] if is_json(json) && place.is_integer() => {
            Ok(vec![DataType::Utf8, DataType::Int64])
        }
        kinds => refused("a function of JSON", kinds),
    }
}

fn types_of_valid(kinds: &[DataType]) -> Result<(Vec<DataType>, DataType)> {
    match kinds {
        [json] if is_text(json) || json.is_null() => Ok((vec![DataType::Utf8], DataType::Boolean)),
        kinds => refused("json_valid", kinds),
    }
}

/// Something of each row's part, which may not be there; `None` where an argument is null.
fn each<T>(
    arguments: &[ArrayRef],
    of: impl Fn(Option<JsonPart<'_>>) -> T,
) -> Result<Vec<Option<T>>> {
    let jsons = arguments[0].as_string::<i32>();
    let mut paths = Paths { arguments, last: None };
    (0..jsons.len())
        .map(|row| match paths.at(row)? {
            Some(within) if jsons.is_valid(row) => {
                let json = jsons.value(row);
                match within.find(json) {
                    Ok(part) => Ok(Some(of(part))),
                    Err(reason) => unfit(format!("`{}` is no JSON: {reason}", start(json))),
                }
            }
            _ => Ok(None),
        })
        .collect()
}

/// What a message shows of a text.
fn start(json: &str) -> String {
    const MOST: usize = 60;
    match json.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &json[..end]),
        None => json.to_owned(),
    }
}

/// The second arguments, of which most are as the one before.
struct Paths<'a> {
    arguments: &'a [ArrayRef],
    last: Option<(usize, WithinJson)>,
}

impl Paths<'_> {
    fn at(&mut self, row: usize) -> Result<Option<&WithinJson>> {
        let Some(paths) = self.arguments.get(1) else {
            let (_, whole) = self.last.get_or_insert_with(|| (0, WithinJson::whole()));
            return Ok(Some(whole));
        };
        if paths.is_null(row) {
            return Ok(None);
        }
        let is_last = self.last.as_ref().is_some_and(|(before, _)| same(paths, *before, row));
        if !is_last {
            self.last = Some((row, within(paths, row)?));
        }
        Ok(self.last.as_ref().map(|(_, within)| within))
    }
}

fn same(paths: &ArrayRef, one: usize, other: usize) -> bool {
    match paths.as_string_opt::<i32>() {
        Some(paths) => paths.value(one) == paths.value(other),
        None => {
            let places = paths.as_primitive::<Int64Type>();
            places.value(one) == places.value(other)
        }
    }
}

fn within(paths: &ArrayRef, row: usize) -> Result<WithinJson> {
    let Some(paths) = paths.as_string_opt::<i32>() else {
        return Ok(WithinJson::item(paths.as_primitive::<Int64Type>().value(row)));
    };
    let path = paths.value(row);
    match WithinJson::parse(path) {
        Some(within) => Ok(within),
        None => unfit(format!(
            "`{path}` is no path in JSON; hint: `$.key`, `$.\"a key\"` and `$[0]` are, with more of these behind"
        )),
    }
}

fn texts(arguments: &[ArrayRef], of: impl Fn(JsonPart<'_>) -> Option<String>) -> Result<ArrayRef> {
    let texts = each(arguments, |part| part.and_then(&of))?;
    Ok(Arc::new(texts.into_iter().map(Option::flatten).collect::<StringArray>()))
}

/// The text of what has no parts.
fn scalar(part: JsonPart<'_>) -> Option<String> {
    match part.kind() {
        JsonKind::Object | JsonKind::List => None,
        _ => part.text(),
    }
}

/// As `DuckDB` calls them.
fn type_name(part: JsonPart<'_>) -> &'static str {
    match part.kind() {
        JsonKind::Object => "OBJECT",
        JsonKind::List => "ARRAY",
        JsonKind::Text => "VARCHAR",
        JsonKind::Bool => "BOOLEAN",
        JsonKind::Null => "NULL",
        JsonKind::Whole => "UBIGINT",
        JsonKind::Negative => "BIGINT",
        JsonKind::Float => "DOUBLE",
    }
}

fn keys(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for keys in each(arguments, |part| part.map(|part| part.keys()))? {
        match keys.flatten() {
            Some(keys) => {
                keys.iter().for_each(|key| lists.values().append_value(key));
                lists.append(true);
            }
            None => lists.append_null(),
        }
    }
    Ok(Arc::new(lists.finish()))
}
