//! `json_extract`, `json_extract_string`, `json_value`, `json_exists`, `json_type`, `json_array_length`, `json_keys`,
//! `json_valid`, `json_entries`: what is inside of a text that is JSON. `j -> '$.a'` and `j ->> '$.a'` are the first two,
//! `json_each` in SQL is the last.
//!
//! The second argument says where, as `$.a.b[0]`, `/a/b/0`, a key or the place of an item. A text that is no JSON is an
//! error, but for `json_valid`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, ListBuilder, StringArray,
    StringBuilder, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields, Int64Type};
use datafusion::common::Result;
use datafusion::logical_expr::ScalarUDF;

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
            let whole = WithinJson::whole();
            let valid = texts.map(|text| Some(whole.find(text?).is_ok()));
            Ok(Arc::new(valid.collect::<BooleanArray>()))
        }),
        simple(
            "json_entries",
            |kinds| Ok((takes(kinds)?, as_list_type(&DataType::Struct(entry())))),
            entries,
        ),
    ]);
    functions
}

/// What a row of `json_each` says.
fn entry() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    Fields::from(vec![text("key"), text("value"), text("type")])
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

/// What each value is made of; nothing where it is null or not there.
fn entries(arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let (mut keys, mut values, mut types) =
        (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let mut lengths = Vec::new();
    for part in each(arguments, |part| part.map(made_of))? {
        let there = part.flatten().unwrap_or_default();
        lengths.push(there.len());
        for [key, value, kind] in there {
            keys.append_option(key);
            values.append_option(value);
            types.append_option(kind);
        }
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(keys.finish()), Arc::new(values.finish()), Arc::new(types.finish())];
    let entries = StructArray::try_new(entry(), columns, None)?;
    let item = Arc::new(Field::new_list_field(DataType::Struct(entry()), true));
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(ListArray::try_new(item, offsets, Arc::new(entries), None)?))
}

fn made_of(part: JsonPart<'_>) -> Vec<[Option<String>; 3]> {
    let row = |(key, part): (Option<String>, JsonPart<'_>)| {
        [key, Some(part.compact()), Some(type_name(part).to_owned())]
    };
    part.entries().into_iter().map(row).collect()
}
